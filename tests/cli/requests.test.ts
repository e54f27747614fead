/** The verbs that make requests of a host in their own process: list, inspect, call, read, prompt. */
import { afterEach, describe, expect, it } from "vitest"
import { startHttpFixture } from "../fixtures/servers/http.mjs"
import { allGone, cleanUp, cli, packageServer, pidsIn, project, served, stdioServer } from "./support.ts"

afterEach(() => cleanUp())

const slowStart = { timeouts: { start: "400ms", list: "200ms" } }
const fixture = () => ({
  one: stdioServer("v1-stdio.mjs", {}, { resources: { exclude: ["https://*"] } }),
  low: packageServer("v1-low"),
})
const bench = (): string => project(served(fixture()))

describe("list", () => {
  it("has the shapes of the contract", async () => {
    const { code, stdout, stderr } = await cli(["list", "--json"], { cwd: bench() })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const all = JSON.parse(stdout)
    expect(Object.keys(all)).toEqual(["tools", "resources", "templates", "prompts", "servers"])
    expect(all.tools).toContainEqual({
      name: "one_echo",
      server: "one",
      original: "echo",
      title: "Echo",
      description: "Answers the text it is given",
      tags: ["public"],
    })
    expect(all.resources).toContainEqual({
      uri: "low://low/note",
      server: "low",
      original: "low://note",
      name: "note",
      mimeType: "text/plain",
      tags: [],
    })
    expect(all.templates).toMatchObject([
      { uriTemplate: "test://one/items/{id}", server: "one", original: "test://items/{id}" },
    ])
    expect(all.prompts).toMatchObject([
      { name: "one_greet", server: "one", original: "greet", arguments: [{ name: "name" }], tags: [] },
    ])
    expect(all.servers).toEqual([
      {
        name: "one",
        kind: "mount",
        transport: "stdio",
        era: "legacy",
        state: "ready",
        since: expect.stringMatching(/^\d{4}-/),
        counts: { tools: 22, resources: 5, templates: 1, prompts: 1 },
        pid: expect.any(Number),
      },
      expect.objectContaining({ name: "low", transport: "in-process", state: "ready" }),
    ])
  })

  it.each(["tools", "resources", "templates", "prompts", "servers"])("%s --json has that key alone", async (kind) => {
    const { stdout } = await cli(["list", kind, "--json"], { cwd: project(served({ low: packageServer("v1-low") })) })
    expect(Object.keys(JSON.parse(stdout))).toEqual([kind])
  })

  it("aligns its tables and colours nothing outside a terminal", async () => {
    const { stdout } = await cli(["list"], { cwd: bench() })
    expect(stdout).not.toContain("\x1b")
    expect(stdout).toMatch(/^Tools \(23\)\nNAME {16}SERVER {2}DESCRIPTION\none_echo {12}one {5}Answers the text/)
    expect(stdout).toMatch(/^Servers \(2\)\nSERVER {2}KIND {3}TRANSPORT/m)
  })

  it("takes the manifest with -m", async () => {
    const cwd = project("", { "other/m.yaml": JSON.stringify(served({ low: packageServer("v1-low") })) })
    const { stdout } = await cli(["list", "tools", "-m", "other/m.yaml", "--json"], { cwd })
    expect(JSON.parse(stdout).tools).toHaveLength(1)
  })

  it("warns of servers that are not there and lists the others", async () => {
    const cwd = project(served({ ...fixture(), gone: stdioServer("exit.mjs") }))
    const { code, stdout, stderr } = await cli(["list", "tools", "--json"], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout).tools).toHaveLength(23)
    expect(stderr).toMatch(/^warning: gone is not ready \(backoff\): /)
  })

  it("shows the state and reason of servers that are not there", async () => {
    const cwd = project(served({ gone: stdioServer("exit.mjs"), broken: packageServer("throws") }))
    const { code, stdout } = await cli(["list", "servers", "--json"], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout).servers).toMatchObject([
      {
        name: "gone",
        state: "backoff",
        reason: expect.any(String),
        era: null,
        stderr: expect.stringContaining("cannot open the database"),
      },
      { name: "broken", state: "failed", reason: expect.stringContaining("The database is locked") },
    ])
    const table = await cli(["list", "servers"], { cwd })
    expect(table.stdout).toMatch(/Last words of gone on its standard error:\n {2}.*cannot open the database/)
  })

  it("is not held by a server that hangs longer than its list timeout", async () => {
    const hang = stdioServer("hang.mjs", {}, { timeouts: { start: "10m", list: "300ms" } })
    const { stdout } = await cli(["list", "servers", "--json"], { cwd: project(served({ ...fixture(), hang })) })
    expect(JSON.parse(stdout).servers.at(-1)).toMatchObject({ name: "hang", state: "starting" })
  })

  it("fails like a client's list with onDown: fail", async () => {
    const cwd = project(served({ ...fixture(), gone: stdioServer("exit.mjs", {}, { onDown: "fail" }) }))
    const { code, stdout, stderr } = await cli(["list", "tools"], { cwd })
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toMatch(/^error SERVER_UNAVAILABLE: gone: /)
    expect((await cli(["list", "servers"], { cwd })).code).toBe(0)
  })

  it("fails on a collision, naming both owners", async () => {
    const cwd = project(
      served({ a: packageServer("v1-low", { prefix: "" }), b: packageServer("v2-low", { prefix: "" }) }),
    )
    const { code, stderr } = await cli(["list", "tools"], { cwd })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error NAME_COLLISION: a and b both expose the tool echo /)
  })
})

describe("list --url", () => {
  it("lists an endpoint of another kind, without its servers", async () => {
    const fixtureServer = await startHttpFixture("v1")
    try {
      const { code, stdout, stderr } = await cli(["list", "--json", "--url", fixtureServer.url])
      expect(code).toBe(0)
      const all = JSON.parse(stdout)
      expect(all.tools).toContainEqual({ name: "echo", title: "Echo", description: "Answers the text it is given" })
      expect(all.servers).toEqual([])
      expect(stderr).toContain("no endpoint of mcp-host")
      expect((await cli(["list", "servers", "--url", fixtureServer.url])).code).toBe(2)
      await expect.poll(() => fixtureServer.counts().sessions).toBe(0)
    } finally {
      await fixtureServer.close()
    }
  })

  it("ends with 2 when nobody is there", async () => {
    const { code, stdout, stderr } = await cli(["list", "--url", "http://127.0.0.1:9/mcp"])
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toMatch(/^error SERVER_UNAVAILABLE: http:\/\/127\.0\.0\.1:9\/\S* cannot be listed: /)
  })
})

describe("inspect", () => {
  const inspect = (...args: string[]) => cli(["inspect", ...args], { cwd: bench() })

  it("shows a tool whole", async () => {
    const { code, stdout } = await inspect("one_echo", "--json")
    expect(code).toBe(0)
    const report = JSON.parse(stdout)
    expect(Object.keys(report)).toEqual(["kind", "name", "server", "original", "tags", "layers", "definition"])
    expect(report).toMatchObject({
      kind: "tool",
      name: "one_echo",
      server: "one",
      original: "echo",
      tags: ["public"],
      layers: [
        { layer: "server", from: "echo", to: "echo" },
        { layer: "prefix", from: "echo", to: "one_echo" },
      ],
      definition: { name: "one_echo", inputSchema: { required: ["text"] }, _meta: { "x-tool": { kept: true } } },
    })
  })

  it.each([
    ["test://one/a", { kind: "resource", uri: "test://one/a", original: "test://a" }],
    ["test://one/items/{id}", { kind: "template", uriTemplate: "test://one/items/{id}" }],
    ["one_greet", { kind: "prompt", name: "one_greet", original: "greet" }],
  ])("shows %s", async (key, facts) => {
    expect(JSON.parse((await inspect(key, "--json")).stdout)).toMatchObject(facts)
  })

  it("shows how a long name was shortened", async () => {
    const dir = project(
      served({ recording: stdioServer("recording.mjs", { TOOLS: "2" }) }, { host: { nameBudget: 16 } }),
    )
    const { tools } = JSON.parse((await cli(["list", "tools", "--json"], { cwd: dir })).stdout)
    const short = tools.find((tool: { original: string }) => tool.original === "tool_1").name
    const { layers } = JSON.parse((await cli(["inspect", short, "--json"], { cwd: dir })).stdout)
    expect(layers).toEqual(
      [
        expect.objectContaining({ layer: "server", from: "tool_1", to: "tool_1" }),
        expect.objectContaining({ layer: "prefix", from: "tool_1", to: "recording_tool_1" }),
        expect.objectContaining({ layer: "shortened", from: "recording_tool_1", to: short }),
      ].slice(0, short === "recording_tool_1" ? 2 : 3),
    )
  })

  it("prints for people too", async () => {
    const { stdout } = await inspect("one_echo")
    expect(stdout).toMatch(
      /^tool {6}one_echo\nserver {4}one\noriginal {2}echo\ntags {6}public\nlayers {4}server: echo → prefix: one_echo \(line \d+\)\n\n\{/,
    )
  })

  it("suggests what was meant", async () => {
    expect(await inspect("one_ecko")).toMatchObject({
      code: 1,
      stdout: "",
      stderr:
        'error COMPONENT_UNKNOWN: There is no tool, resource, template or prompt "one_ecko"\nhelp: Did you mean one_echo?\n',
    })
  })

  it("tells when the server that may own it is down", async () => {
    const dir = project(served({ gone: stdioServer("exit.mjs") }))
    const { code, stderr } = await cli(["inspect", "gone_tool"], { cwd: dir })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error SERVER_UNAVAILABLE: gone, which may own gone_tool, is not ready/)
  })
})

describe("call", () => {
  it("gives arguments the types of the input schema and prints the text alone", async () => {
    expect(await cli(["call", "one_add", "a=2", "b=-3.5"], { cwd: bench() })).toEqual({
      code: 0,
      signal: null,
      stdout: "-1.5\n",
      stderr: "",
    })
  })

  it("keeps texts texts, with every = after the first", async () => {
    expect((await cli(["call", "low_echo", "text=1=2 "], { cwd: bench() })).stdout).toBe("1=2 \n")
    expect((await cli(["call", "low_echo", "text=7"], { cwd: bench() })).stdout).toBe("7\n")
  })

  it("takes a JSON object, and pairs on top", async () => {
    expect((await cli(["call", "one_add", "--json", '{"a":1,"b":1}', "b=5"], { cwd: bench() })).stdout).toBe("6\n")
  })

  it("prints the whole result with --raw", async () => {
    const { stdout } = await cli(["call", "one_add", "a=2", "b=3", "--raw"], { cwd: bench() })
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: "text", text: "5" }], structuredContent: { sum: 5 } })
  })

  it("shows progress and logs on standard error", async () => {
    const { code, stdout, stderr } = await cli(["call", "one_slow", "ms=200", "steps=2"], { cwd: bench() })
    expect({ code, stdout }).toEqual({ code: 0, stdout: "slept 200\n" })
    expect(stderr).toContain("progress 1/2 step 1\n")
    expect(await cli(["call", "one_log", "text=hello"], { cwd: bench() })).toMatchObject({
      stdout: "logged\n",
      stderr: "info fixture: hello\n",
    })
  })

  it.each([
    [["one_add", "a=x", "b=1"], /^error USAGE: The argument a is a number, not "x"\nhelp: /],
    [["one_add", "c=1"], /^error USAGE: one_add has no argument "c"; it takes a, b\nhelp: /],
    [["one_ad"], /^error COMPONENT_UNKNOWN: There is no tool "one_ad"\nhelp: Did you mean one_add/],
    [["nothing_like_it"], /^error COMPONENT_UNKNOWN: .*\nhelp: See what there is with mcp-host list\.\n$/],
    [["one_ask"], /./],
  ])("%j fails with exit code 1", async (args, message) => {
    const { code, stderr, stdout } = await cli(["call", ...args], { cwd: bench() })
    expect(code).toBe(1)
    expect(stderr + stdout).toMatch(message)
  })

  it("prints a tool's own error as its result and ends with 1", async () => {
    expect(await cli(["call", "one_fail"], { cwd: bench() })).toMatchObject({
      code: 1,
      stdout: "It failed, as asked\n",
    })
  })

  it("sums up what is no text", async () => {
    const { stdout } = await cli(["call", "one_link"], { cwd: bench() })
    expect(stdout).toContain("[link, test://one/a, a]\n")
    expect(stdout).toContain("[resource, test://one/a, text/plain, 16 characters]\n")
  })

  it("is not held by a server that hangs", async () => {
    const hang = stdioServer("hang.mjs", {}, { timeouts: { start: "10m", list: "10m" } })
    const cwd = project(served({ low: packageServer("v1-low"), hang }))
    expect((await cli(["call", "low_echo", "text=hi"], { cwd })).stdout).toBe("hi\n")
  })

  it.each([
    ["gone", stdioServer("exit.mjs"), /^error CALL_FAILED: gone: .*\(-31001 UPSTREAM_UNAVAILABLE\)\nhelp: /],
    ["hang", stdioServer("hang.mjs", {}, slowStart), /-3100[12]/],
    ["hang", stdioServer("hang.mjs", { HANG: "call" }, { timeouts: { call: "300ms" } }), /-31002 UPSTREAM_TIMEOUT/],
  ])("tells why a call to %s failed", async (key, entry, message) => {
    const cwd = project(served({ [key]: entry }))
    const { code, stdout, stderr } = await cli(["call", `${key}_echo`, "text=x", "--log-level", "silent"], { cwd })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(message)
  })

  it("shows no secret", async () => {
    const cwd = project(served({ gone: { mount: { url: "http://127.0.0.1:9/${TOKEN}", transport: "http" } } }), {
      ".env": "TOKEN=hunter2hunter2\n",
    })
    const { stdout, stderr } = await cli(["call", "gone_x", "--log-level", "info"], { cwd })
    expect(stdout + stderr).not.toContain("hunter2")
    expect((await cli(["list", "servers", "--json"], { cwd })).stdout).not.toContain("hunter2")
  })

  it("leaves no process behind, whether it works or fails", async () => {
    const cwd = project("")
    const file = `${cwd}/pids`
    for (const tool of ["s_echo", "s_nope"]) {
      const inner = project(served({ s: stdioServer("v1-stdio.mjs", { PID_FILE: file }) }))
      await cli(["call", tool, "text=1"], { cwd: inner })
    }
    expect(pidsIn(file)).toHaveLength(2)
    expect(await allGone(pidsIn(file), 500)).toBe(true)
  })
})

describe("read", () => {
  it("prints text, and the bytes of a blob", async () => {
    const cwd = bench()
    expect(await cli(["read", "test://one/a"], { cwd })).toMatchObject({ code: 0, stdout: "text of test://a\n" })
    expect((await cli(["read", "test://one/items/7"], { cwd })).stdout).toBe("item 7\n")
    expect((await cli(["read", "test://one/blob"], { cwd })).stdout).toBe("\0\x01\x02")
    const raw = JSON.parse((await cli(["read", "test://one/blob", "--raw"], { cwd })).stdout)
    expect(raw).toMatchObject({ contents: [{ uri: "test://one/blob", blob: "AAEC" }], "x-extra": "kept" })
  })

  it("suggests what was meant", async () => {
    const { code, stderr } = await cli(["read", "lo://lw/note"], { cwd: bench() })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^error COMPONENT_UNKNOWN: There is no resource "lo:\/\/lw\/note"\nhelp: Did you mean low:\/\/low\/note\?/,
    )
  })

  it("passes on what the server says of a resource it does not have", async () => {
    const { code, stderr } = await cli(["read", "test://one/items/missing"], { cwd: bench() })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error CALL_FAILED: .*not found/)
  })
})

describe("prompt", () => {
  it("prints its messages under their roles", async () => {
    const { code, stdout } = await cli(["prompt", "one_greet", "name=Ada"], { cwd: bench() })
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^\[user\]\nGreet Ada\n\n\[user\]\n\[resource, test:\/\/one\/a, .*\]\n\n\[assistant\]\n\[link, /,
    )
  })

  it.each([
    [
      ["one_greet", "nam=Ada"],
      /^error USAGE: one_greet has no argument "nam"; it takes name\nhelp: Did you mean name\?/,
    ],
    [["one_greed"], /^error COMPONENT_UNKNOWN: There is no prompt "one_greed"\nhelp: Did you mean one_greet\?/],
    [["one_greet"], /^error CALL_FAILED: /],
  ])("%j fails with exit code 1", async (args, message) => {
    const { code, stdout, stderr } = await cli(["prompt", ...args], { cwd: bench() })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(message)
  })
})

it("a sub-server that prints does not reach standard output", async () => {
  const cwd = project(served({ loud: { mount: "./loud" } }), {
    "loud/package.json": '{ "name": "loud", "type": "module", "main": "index.js" }',
    "loud/index.js": `console.log("loud on load")
process.stdout.write("and again\\n")
const server = (await import(${JSON.stringify((packageServer("v1-low") as { mount: string }).mount)} + "/index.js")).default
export default server\n`,
  })
  expect(await cli(["call", "loud_echo", "text=hi"], { cwd })).toMatchObject({
    code: 0,
    stdout: "hi\n",
    stderr: "loud on load\nand again\n",
  })
})
