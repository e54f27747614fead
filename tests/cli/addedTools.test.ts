/** How commands show tools that middleware adds. */
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { cleanUp, cli, project } from "./support.ts"

// Each test runs several commands, one after the other.
vi.setConfig({ testTimeout: 120_000 })
afterEach(cleanUp)

const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
const tool = (name: string) => ({ name, inputSchema: { type: "object" } })
const injected = (...names: string[]) => ({
  toolInjection: { tools: names.map((name) => ({ name, description: `Is ${name}.`, text: name })) },
})
const server = (tools: object[], more: object = {}) => ({
  mount: raw,
  config: { bare: true, lists: { tools } },
  ...more,
})
const manifest = (top: object, more: object = {}) =>
  JSON.stringify({ ...top, servers: { one: server([tool("a"), tool("b")], more) } })

describe("tools that middleware adds", () => {
  const text = manifest(
    { middleware: [injected("extra")] },
    { middleware: [injected("own", "gone")], tools: { exclude: ["b", "gone"] } },
  )

  it("are listed with their owner, called, and looked at", async () => {
    const cwd = project(text)
    const { stdout } = await cli(["list", "tools", "--explain", "--json"], { cwd })
    const { tools, hidden } = JSON.parse(stdout) as Record<string, Record<string, string>[]>
    expect(tools?.map(({ name, server: of, original }) => [name, of, original])).toEqual([
      ["one_a", "one", "a"],
      ["one_own", "one", "own"],
      ["extra", "(host)", "extra"],
    ])
    expect(hidden?.map(({ original, rule }) => [original, rule])).toEqual([
      ["b", "servers.one.tools.exclude[0]"],
      ["gone", "servers.one.tools.exclude[1]"],
    ])
    expect(await cli(["call", "extra"], { cwd })).toMatchObject({ code: 0, stdout: "extra\n" })
    expect(await cli(["call", "one_own"], { cwd })).toMatchObject({ code: 0, stdout: "own\n" })
    const inspected = JSON.parse((await cli(["inspect", "extra", "--json"], { cwd })).stdout)
    expect(inspected).toMatchObject({
      ...{ kind: "tool", name: "extra", server: "(host)", original: "extra" },
      layers: [{ layer: "middleware", from: "extra", to: "extra" }],
    })
    expect(await cli(["inspect", "one_own"], { cwd })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Is own."),
    })
  })

  it("count where filters are checked, and not in the lock", async () => {
    const cwd = project(text)
    expect(await cli(["check", "--connect", "--json"], { cwd })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"problems": []'),
    })
    expect(await cli(["lock"], { cwd })).toMatchObject({ code: 0 })
    const lock = path.join(cwd, "mcp-host.lock.yaml")
    expect(existsSync(lock)).toBe(true)
    expect(readFileSync(lock, "utf8")).toMatch(/\bb\b/)
    expect(readFileSync(lock, "utf8")).not.toMatch(/extra|own|gone/)
    expect(await cli(["diff"], { cwd })).toMatchObject({ code: 0 })
    const enforced = project(text.replace("{", '{"security":{"lock":"enforce"},'))
    expect(await cli(["lock"], { cwd: enforced })).toMatchObject({ code: 0 })
    expect(await cli(["list", "tools"], { cwd: enforced })).toMatchObject({
      stdout: expect.stringMatching(/one_own[\s\S]*extra/),
    })
  })
})

describe("names that clash", () => {
  it("with a server's are told with both owners and what to do", async () => {
    const cwd = project(manifest({ middleware: [injected("a")] }, { prefix: "" }))
    const { code, stdout } = await cli(["check", "--connect", "--json"], { cwd })
    expect(code).toBe(1)
    expect(JSON.parse(stdout).problems).toMatchObject([
      {
        ...{ severity: "error", code: "NAME_COLLISION" },
        message: "one and the middleware of the manifest both expose the tool a (one calls it a)",
        help: expect.stringMatching(/^Give the tool another name in the options of the middleware/),
        line: expect.any(Number),
      },
    ])
    expect(await cli(["list"], { cwd })).toMatchObject({
      ...{ code: 1, stderr: expect.stringMatching(/^error NAME_COLLISION: one and the middleware of the manifest/) },
    })
  })

  it("are settled as host.collisions says", async () => {
    for (const [policy, answer, winner] of [
      ["first", '{"method":"tools/call","params":{"name":"a","arguments":{}', "one's counts"],
      ["last", "a", "that of the middleware counts"],
    ] as const) {
      const cwd = project(manifest({ host: { collisions: policy }, middleware: [injected("a")] }, { prefix: "" }))
      expect((await cli(["call", "a"], { cwd })).stdout).toContain(answer)
      const { problems } = JSON.parse((await cli(["check", "--connect", "--json"], { cwd })).stdout)
      expect(problems).toMatchObject([{ severity: "warning", message: expect.stringContaining(winner) }])
    }
  })

  it("of a server's own middleware with the server's are a warning, and the added one counts", async () => {
    const cwd = project(manifest({}, { middleware: [injected("a")] }))
    expect(await cli(["call", "one_a"], { cwd })).toMatchObject({ code: 0, stdout: "a\n" })
    const { problems } = JSON.parse((await cli(["check", "--connect", "--json"], { cwd })).stdout)
    expect(problems).toMatchObject([
      {
        severity: "warning",
        message: expect.stringMatching(/^one lists the tool one_a more than once, or its middleware/),
      },
    ])
  })

  it("in one list of middleware stop the host", async () => {
    const cwd = project(manifest({ middleware: [injected("x"), injected("x")] }))
    expect(await cli(["list"], { cwd })).toMatchObject({
      ...{ code: 1, stderr: expect.stringMatching(/^error NAME_COLLISION: Two middleware of one list add the tool x/) },
    })
  })
})
