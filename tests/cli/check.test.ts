/** `check`: the report on standard output, its JSON and its exit codes. */
import { afterEach, describe, expect, it } from "vitest"
import { cleanUp, cli, packageServer, project, served, stdioServer } from "./support.ts"

afterEach(cleanUp)

const low = packageServer("v1-low")

async function checked(manifest: object | string, ...args: string[]) {
  const { code, stdout, stderr } = await cli(["check", "--json", ...args], { cwd: project(manifest) })
  expect(stderr).toBe("")
  const report = JSON.parse(stdout)
  expect(Object.keys(report)).toEqual(["ok", "problems"])
  for (const problem of report.problems)
    expect(Object.keys(problem)).toEqual(["severity", "code", "message", "help", "file", "line", "column"])
  return { code, ...report }
}

describe("without connecting", () => {
  it("is content with a good manifest", async () => {
    const cwd = project(served({ low }))
    expect(await cli(["check"], { cwd })).toMatchObject({
      code: 0,
      stdout: "mcp-host.yaml: ok, 1 server\n",
      stderr: "",
    })
    expect(await checked(served({ low }))).toEqual({ code: 0, ok: true, problems: [] })
  })

  it("starts no server", async () => {
    expect(await checked(served({ gone: stdioServer("exit.mjs") }))).toMatchObject({ code: 0, ok: true })
  })

  it("reports every problem with frames on standard output", async () => {
    const { code, stdout, stderr } = await cli(["check"], {
      cwd: project("hots: {}\nservers:\n  a: { mount: ./missing }\n"),
    })
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" })
    expect(stdout).toMatch(/^mcp-host\.yaml:1:1: .*\n> 1 \| hots/)
    expect(stdout).toMatch(/^mcp-host\.yaml:3:\d+: .*missing/m)
    expect(stdout.match(/^help: /gm)).toHaveLength(2)
  })

  it("reports them as JSON", async () => {
    expect(await checked("hots: {}\nservers:\n  a: { mount: ./missing }\n")).toMatchObject({
      code: 1,
      ok: false,
      problems: [
        {
          severity: "error",
          code: "MANIFEST_UNKNOWN_KEY",
          line: 1,
          column: 1,
          file: expect.stringMatching(/mcp-host\.yaml$/),
        },
        { severity: "error", code: "MANIFEST_MISSING_PATH", line: 3 },
      ],
    })
  })

  it("reports a missing manifest the same way", async () => {
    const { code, stdout } = await cli(["check", "nope.yaml", "--json"])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ code: "MANIFEST_NOT_FOUND" }] })
  })
})

describe("--connect", () => {
  it("is content when every server is ready", async () => {
    const { code, stdout, stderr } = await cli(["check", "--connect"], { cwd: project(served({ low })) })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toMatch(/^low +mount +in-process +legacy +ready +1 /m)
    expect(stdout).toMatch(/^mcp-host\.yaml: ok, 1 server$/m)
  })

  it("ends with 2 when a server is not ready, and says why", async () => {
    const manifest = served({
      low,
      gone: stdioServer("exit.mjs"),
      broken: packageServer("throws", { required: true }),
      hang: stdioServer("hang.mjs", {}, { timeouts: { start: "300ms" } }),
    })
    expect(await checked(manifest, "--connect")).toMatchObject({
      code: 2,
      ok: false,
      problems: [
        {
          severity: "error",
          code: "SERVER_UNAVAILABLE",
          message: expect.stringMatching(/^the server gone is not ready: ./),
        },
        { severity: "error", code: "SERVER_REQUIRED", message: expect.stringContaining("The database is locked") },
        {
          severity: "error",
          code: "SERVER_UNAVAILABLE",
          message: expect.stringMatching(/^the server hang is not ready: ./),
        },
      ],
    })
  })

  it("ends with 1 on a collision, at the place of the second owner", async () => {
    const report = await checked(
      `servers:\n  a: { mount: ${(low as { mount: string }).mount}, prefix: "" }\n  b: { mount: ${(packageServer("v2-low") as { mount: string }).mount}, prefix: "" }\n`,
      "--connect",
    )
    expect(report).toMatchObject({ code: 1, ok: false })
    expect(report.problems).toContainEqual(
      expect.objectContaining({
        severity: "error",
        code: "NAME_COLLISION",
        message: expect.stringMatching(/^a and b both expose the tool echo /),
        line: 3,
        column: 3,
      }),
    )
  })

  it("only warns of collisions that the manifest decides", async () => {
    const servers = { a: packageServer("v1-low", { prefix: "" }), b: packageServer("v2-low", { prefix: "" }) }
    const report = await checked(served(servers, { host: { collisions: "first" } }), "--connect")
    expect(report).toMatchObject({ code: 0, ok: true })
    expect(report.problems).toContainEqual(expect.objectContaining({ severity: "warning", code: "NAME_COLLISION" }))
  })

  it("tells of shortened names and filters that match nothing", async () => {
    const recording = stdioServer("recording.mjs", { TOOLS: "20" }, { tools: { exclude: ["delete_*"] } })
    const report = await checked(served({ recording }, { host: { nameBudget: 16 } }), "--connect")
    expect(report).toMatchObject({ code: 0, ok: true })
    expect(report.problems).toContainEqual(
      expect.objectContaining({
        severity: "info",
        code: "NAME_SHORTENED",
        message: expect.stringContaining("tool_10"),
      }),
    )
    expect(report.problems).toContainEqual(
      expect.objectContaining({
        severity: "warning",
        code: "FILTER_UNMATCHED",
        message: 'servers.recording.tools.exclude: "delete_*" matches nothing that recording offers',
      }),
    )
  })
})

describe("--connect and overrides", () => {
  const overridden = (override: object, more: object = {}) =>
    served({ low: packageServer("v2-mcp", { tools: { override }, ...more }) })

  it("ends with 1 when one does not go with what the server offers", async () => {
    const report = await checked(overridden({ echo: { args: { text: { hide: true } } } }), "--connect")
    expect(report).toMatchObject({ code: 1, ok: false })
    expect(report.problems).toEqual([
      expect.objectContaining({
        severity: "error",
        code: "OVERRIDE_IMPOSSIBLE",
        message: "the tool echo of low is not offered: its argument text is required, but hidden without a value",
        line: 11,
      }),
    ])
  })

  it("warns of those that match nothing, at their lines", async () => {
    const report = await checked(overridden({ ecko: {}, echo: { args: { txt: { name: "x" } } } }), "--connect")
    expect(report).toMatchObject({ code: 0, ok: true })
    expect(report.problems.map(({ code, message }: Record<string, string>) => `${code} ${message}`)).toEqual([
      'FILTER_UNMATCHED servers.low.tools.override: "ecko" matches nothing that low offers',
      'FILTER_UNMATCHED servers.low.tools.override.echo.args: "txt" matches nothing that low offers',
    ])
    expect(report.problems[0].line).toBeLessThan(report.problems[1].line)
  })

  it("tells when two tools of one server get one name", async () => {
    const report = await checked(overridden({ echo: { name: "add" } }), "--connect")
    expect(report).toMatchObject({ code: 1, ok: false })
    expect(report.problems).toContainEqual(
      expect.objectContaining({
        code: "NAME_COLLISION",
        message: "low exposes two components as the tool low_add: its echo and its add",
      }),
    )
  })
})
