/** The command line itself: version, help, wrong usage, manifests that cannot be loaded. */
import { readFileSync } from "node:fs"
import { afterEach, describe, expect, it } from "vitest"
import { manifestJsonSchema } from "../../src/manifest/jsonSchema.ts"
import { cleanUp, cli, packageServer, project, served, start, temporaryFolder } from "./support.ts"

afterEach(cleanUp)

const verbs = ["run", "check", "list", "inspect", "call", "read", "prompt", "lock", "diff", "convert", "schema"]
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))

describe("version and help", () => {
  it.each(["--version", "-V"])("%s prints the version alone", async (flag) => {
    expect(await cli([flag])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: "" })
  })

  it.each(verbs)("%s -h shows its usage and examples on standard output", async (verb) => {
    const { code, stdout, stderr } = await cli([verb, "-h"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain(`Usage: mcp-host ${verb}`)
    expect(stdout).toMatch(new RegExp(`Examples:\n {2}\\$ mcp-host ${verb}`))
  })

  it("lists every verb", async () => {
    const { code, stdout } = await cli(["--help"])
    expect(code).toBe(0)
    for (const verb of verbs) expect(stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, "m"))
  })

  it("shows help and fails without a verb", async () => {
    const { code, stdout, stderr } = await cli([])
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toContain("Usage: mcp-host")
  })
})

describe("wrong usage ends with exit code 1 and a way on", () => {
  it.each([
    [["lst"], /^error USAGE: unknown command 'lst'\nhelp: Did you mean list\?\n$/],
    [["run", "--prot", "1"], /^error USAGE: unknown option '--prot'\nhelp: Did you mean --port\?\n$/],
    [["run", "--port", "abc"], /error USAGE: .*--port.*whole number from 0 to 65535/],
    [["run", "--port", "65536"], /error USAGE: .*65535/],
    [["run", "--host", ""], /error USAGE: .*--host/],
    [["run", "--log-level", "loud"], /error USAGE: .*loud.*Allowed choices are trace, debug/],
    [["run", "--log-format", "xml"], /error USAGE: .*pretty, json/],
    [["run", "--stdio", "--port", "1"], /error USAGE: --stdio listens on no address/],
    [["run", "a", "b"], /error USAGE: too many arguments/],
    [["list", "toolz"], /error USAGE: .*toolz.*tools, resources/],
    [["list", "--url", "nope"], /error USAGE: --url "nope" is no http or https URL/],
    [["inspect"], /error USAGE: missing required argument/],
    [["call"], /error USAGE: missing required argument/],
    [["call", "x", "novalue"], /error USAGE: "novalue" is no argument; arguments are key=value/],
    [["call", "x", "a=1", "a=2"], /error USAGE: The argument a is given twice/],
    [["call", "x", "--json", "{"], /error USAGE: The value of --json is not JSON/],
    [["call", "x", "--json", "[1]"], /error USAGE: The value of --json is no JSON object/],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await cli(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^help: ./m)
  })
})

describe("manifests that cannot be used", () => {
  const withManifest = [
    ["run"],
    ["run", "--stdio"],
    ["list"],
    ["inspect", "x"],
    ["call", "x"],
    ["read", "a://b"],
    ["prompt", "x"],
  ]

  it.each(withManifest)("%s %s reports a missing manifest", async (...args) => {
    const { code, stdout, stderr } = await cli(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(/^error MANIFEST_NOT_FOUND: .*mcp-host\.yaml.*does not exist\nhelp: /)
  })

  it("reports a folder", async () => {
    const { code, stderr } = await cli(["run", temporaryFolder()])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error MANIFEST_UNREADABLE: .* is a folder/)
  })

  it("reports broken YAML at its place", async () => {
    const { code, stderr } = await cli(["list"], { cwd: project("servers: [\n") })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error MANIFEST_SYNTAX: mcp-host\.yaml:\d+:\d+: /)
  })

  it("reports all problems at once, with frames", async () => {
    const { code, stderr } = await cli(["run"], { cwd: project("hots: {}\nservers: { a: { mount: ./missing } }\n") })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: 2 problems in the manifest/)
    expect(stderr).toMatch(/mcp-host\.yaml:1:1: .*hots[\s\S]*> 1 \| hots[\s\S]*mcp-host\.yaml:2:\d+: .*missing/)
  })

  it("reports a missing environment file", async () => {
    const cwd = project(served({ low: packageServer("v1-low") }))
    // Without `--`, Node 20 takes the flag for its own, wherever it stands, and ends before the command starts.
    const { code, stderr } = await cli(["list", "--env-file", "nope.env"], { cwd, nodeArgs: ["--"] })
    expect(code).toBe(1)
    expect(stderr).toMatch(/MANIFEST_MISSING_PATH: .*nope\.env/)
  })

  it("takes variables from the environment file it is given", async () => {
    const cwd = project(served({ low: { mount: "${WHERE}" } }), {
      "my.env": `WHERE=${(packageServer("v1-low") as { mount: string }).mount}\n`,
    })
    expect((await cli(["call", "low_echo", "text=hi", "--env-file", "my.env"], { cwd })).stdout).toBe("hi\n")
  })
})

it("schema prints the JSON Schema of the manifest", async () => {
  const { code, stdout } = await cli(["schema"])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual(manifestJsonSchema())
})

it("a reader that goes away is no failure", async () => {
  const running = start(["schema"])
  running.child.stdout?.destroy()
  const { code, stderr } = await running.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
})
