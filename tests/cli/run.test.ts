/** `run`: both transports, its start, its end, and what it leaves behind. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { afterEach, describe, expect, it, vi } from "vitest"
import { LEGACY, MODERN } from "../fixtures/harness.ts"
import {
  allGone,
  cleanUp,
  cli,
  main,
  packageServer,
  pidsIn,
  project,
  served,
  start,
  startHttp,
  stdioServer,
} from "./support.ts"

afterEach(cleanUp)

const low = packageServer("v1-low")
const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
}

/** Two servers with one tool name and no prefix. */
const clashing = (policy?: string): object =>
  served(
    { a: packageServer("v1-low", { prefix: "" }), b: packageServer("v2-low", { prefix: "" }) },
    policy === undefined ? {} : { host: { collisions: policy } },
  )

describe("over HTTP", () => {
  it("serves both generations, prints URL, table and client entry on standard error, and nothing on standard output", async () => {
    const folder = project(served({ low, gone: stdioServer("exit.mjs"), one: stdioServer("v1-stdio.mjs") }))
    const running = await startHttp(folder)
    for (const era of [LEGACY, MODERN]) {
      const client = new Client({ name: "t", version: "1" }, era)
      await client.connect(new StreamableHTTPClientTransport(new URL(running.url)))
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain("low_echo")
      await client.close()
    }
    expect(running.stderr()).toMatch(
      /^SERVER +KIND +TRANSPORT +ERA +STATE +TOOLS +RESOURCES +TEMPLATES +PROMPTS +REASON$/m,
    )
    expect(running.stderr()).toMatch(/^low +mount +in-process +legacy +ready +1 +1 +0 +0$/m)
    expect(running.stderr()).toMatch(/^gone +mount +stdio +- +backoff +0 +0 +0 +0 +\S/m)
    expect(running.stderr()).toContain(`"bench": {\n      "type": "http",\n      "url": "${running.url}"`)
    expect(running.stderr()).toContain("run --stdio")
    running.child.kill("SIGTERM")
    expect(await running.ended).toMatchObject({ code: 0, signal: null, stdout: "" })
  })

  it("has the garbage of its start collected, and serves on", async () => {
    const running = await startHttp(project(served({ low })), [], { nodeArgs: ["--trace-gc"] })
    await vi.waitFor(() => expect(running.stdout()).toContain("low memory notification"), 20_000)
    expect((await fetch(new URL("/readyz", running.url))).status).toBe(200)
    running.child.kill("SIGTERM")
    expect(await running.ended).toMatchObject({ code: 0, signal: null })
  })

  it("does without where Node's permission model allows no inspector", async () => {
    // A flag of its own until Node.js 24.
    const permission = process.allowedNodeEnvironmentFlags.has("--permission")
      ? "--permission"
      : "--experimental-permission"
    const nodeArgs = [permission, "--allow-fs-read=*", "--allow-fs-write=*", "--allow-child-process", "--allow-worker"]
    const running = await startHttp(project(served({})), [], { nodeArgs })
    await delay(1_000)
    running.child.kill("SIGTERM")
    expect(await running.ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining("nobody caught") })
  })

  it("answers before its servers have started", async () => {
    const running = start(["run"], { cwd: project(served({ hang: stdioServer("hang.mjs") })) })
    const [, url = ""] = await running.shows(/listening on (http:\S+)/)
    expect((await fetch(new URL("/healthz", url))).status).toBe(200)
    const ready = await fetch(new URL("/readyz", url))
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ ready: false, servers: { hang: { state: "starting" } } })
    running.child.kill("SIGINT")
    expect(await running.ended).toMatchObject({ code: 0, stdout: "" })
  })

  it("is listed by list --url", async () => {
    const running = await startHttp(project(served({ low, gone: stdioServer("exit.mjs") })))
    const all = JSON.parse((await cli(["list", "--json", "--url", running.url])).stdout)
    expect(all.tools).toEqual([{ name: "low_echo", description: "Answers the text it is given" }])
    expect(all.resources).toEqual([{ uri: "low://low/note", name: "note", mimeType: "text/plain" }])
    expect(all.servers).toMatchObject([
      { name: "low", state: "ready", counts: { tools: 1 } },
      { name: "gone", state: "backoff", reason: expect.any(String) },
    ])
    expect((await cli(["list", "servers", "--url", running.url])).stdout).toMatch(/^low +ready +1/m)
    expect((await cli(["list", "tools", "--url", running.url])).stdout).toMatch(/^low_echo +Answers/m)
  })

  it("takes address and port from its flags", async () => {
    const folder = project({ servers: { low }, endpoint: { http: { port: 1 } } })
    const running = await startHttp(folder, ["--port", "0", "--host", "localhost"])
    expect(running.url).toMatch(/^http:\/\/localhost:\d{4,5}\/mcp$/)
  })

  it("shows the public URL to clients", async () => {
    const more = { endpoint: { http: { port: 0, publicUrl: "https://mcp.example.com" } } }
    const running = start(["run"], { cwd: project(served({ low }, more)) })
    await running.shows(/"url": "https:\/\/mcp\.example\.com\/mcp"/)
  })

  it("logs JSON lines and nothing else with --log-format json", async () => {
    const running = start(["run", "--log-format", "json"], { cwd: project(served({ low })) })
    await running.shows(/"servers":\[.*"msg":"ready"}\n/)
    running.child.kill("SIGTERM")
    const { stderr } = await running.ended
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: "ready",
        url: expect.any(String),
        servers: [expect.objectContaining({ name: "low" })],
      }),
    )
  })

  it("refuses to listen beyond this machine", async () => {
    const { code, stderr } = await cli(["run", "--host", "0.0.0.0"], { cwd: project(served({ low })) })
    expect(code).toBe(1)
    expect(stderr).toMatch(/error ENDPOINT_INSECURE: .*0\.0\.0\.0[\s\S]*\nhelp: /)
  })

  it("names a port in use and starts no server", async () => {
    const blocker = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => blocker.once("listening", resolve))
    const { port } = blocker.address() as AddressInfo
    const folder = project("")
    const file = path.join(folder, "pids")
    const cwd = project(served({ s: stdioServer("v1-stdio.mjs", { PID_FILE: file }) }))
    const { code, stdout, stderr } = await cli(["run", "--port", String(port)], { cwd })
    blocker.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(new RegExp(`^error ENDPOINT_PORT_IN_USE: .*${port}.*\nhelp: `, "m"))
    expect(pidsIn(file)).toEqual([])
  })
})

describe("a start that fails", () => {
  it.each([
    ["exits", stdioServer("exit.mjs", {}, { required: true })],
    ["throws", packageServer("throws", { required: true })],
    ["hangs", stdioServer("hang.mjs", {}, { required: true, timeouts: { start: "300ms" } })],
    [
      "hangs while listing",
      stdioServer("hang.mjs", { HANG: "list" }, { required: true, timeouts: { start: "300ms", list: "300ms" } }),
    ],
    ["is no server", { mount: { url: "http://127.0.0.1:9/mcp" }, required: true }],
  ])("a required server that %s ends it with exit code 2", async (_, entry) => {
    const { code, stdout, stderr } = await cli(["run"], { cwd: project(served({ low, needed: entry })) })
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toMatch(/^error SERVER_REQUIRED: The required server needed did not start: .+\nhelp: /m)
  })

  it("does not end when a server that is not required fails", async () => {
    const running = await startHttp(project(served({ gone: stdioServer("exit.mjs"), broken: packageServer("throws") })))
    expect(running.child.exitCode).toBeNull()
  })

  it("a collision ends it with exit code 1, naming both owners", async () => {
    const { code, stdout, stderr } = await cli(["run"], { cwd: project(clashing()) })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(/^error NAME_COLLISION: a and b both expose the tool echo .*\nhelp: /m)
  })

  it.each(["first", "last"])("collisions: %s only warns", async (policy) => {
    const folder = project(clashing(policy))
    const running = start(["run"], { cwd: folder })
    await running.shows(/WARN: .*both expose the tool echo .*; [ab]'s counts, as host\.collisions says/)
    await running.shows(/"url": /)
  })

  it("reports it as a JSON line with --log-format json", async () => {
    const { code, stderr } = await cli(["run", "--log-format", "json"], { cwd: project(clashing()) })
    expect(code).toBe(1)
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 60, code: "NAME_COLLISION", help: expect.any(String) }),
    )
  })
})

describe("on standard input and output", () => {
  it.each([
    ["older", LEGACY],
    ["newer", MODERN],
  ])("serves a client of the %s generation", async (_, era) => {
    const folder = project(served({ low, one: stdioServer("v1-stdio.mjs") }))
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [main, "run", "--stdio"],
      cwd: folder,
      stderr: "ignore",
    })
    const client = new Client({ name: "t", version: "1" }, era)
    await client.connect(transport)
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["low_echo", "one_echo"]),
    )
    expect(await client.callTool({ name: "one_add", arguments: { a: 2, b: 3 } })).toMatchObject({
      structuredContent: { sum: 5 },
    })
    await client.close()
  })

  it("writes nothing but messages to standard output, and ends with 0 when its input ends", async () => {
    const folder = project(
      served({ garbage: stdioServer("garbage.mjs", { GARBAGE: "always" }), loud: { mount: "./loud" } }),
      {
        "loud/package.json": '{ "name": "loud", "type": "module", "main": "index.js" }',
        "loud/index.js": `console.log("loud on load")
process.stdout.write("and again\\n")
const server = (await import(${JSON.stringify((low as { mount: string }).mount)} + "/index.js")).default
export default server\n`,
      },
    )
    const running = start(["run", "--stdio"], { cwd: folder })
    const send = (message: object): void => void running.child.stdin?.write(`${JSON.stringify(message)}\n`)
    send(initialize)
    send({ jsonrpc: "2.0", method: "notifications/initialized" })
    send({ jsonrpc: "2.0", id: 2, method: "tools/list" })
    await expect.poll(() => running.stdout()).toContain('"id":2')
    running.child.stdin?.write("not json\n")
    running.child.stdin?.end()
    const { code, stdout, stderr } = await running.ended
    expect(code).toBe(0)
    const messages = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(messages.every((message) => message.jsonrpc === "2.0")).toBe(true)
    expect(messages.find(({ id }) => id === 2).result.tools.map(({ name }: { name: string }) => name)).toEqual([
      "garbage_echo",
      "loud_echo",
    ])
    expect(stderr).toContain("loud on load")
  })

  it("ends with 0 when its input ends before anything", async () => {
    expect(await cli(["run", "--stdio"], { cwd: project(served({ low })) })).toMatchObject({ code: 0, stdout: "" })
  })

  it.each([
    [2, served({ needed: stdioServer("exit.mjs", {}, { required: true }) }), /^error SERVER_REQUIRED: .*needed/m],
    [1, clashing(), /^error NAME_COLLISION: a and b/m],
  ])("ends with %d when it cannot start", async (exitCode, manifest, message) => {
    const running = start(["run", "--stdio"], { cwd: project(manifest) })
    running.child.stdin?.write(`${JSON.stringify(initialize)}\n`)
    const { code, stderr } = await running.ended
    expect(code).toBe(exitCode)
    expect(stderr).toMatch(message)
  })

  it("ends in order when nobody reads its output any more", async () => {
    const folder = project("")
    const file = path.join(folder, "pids")
    const cwd = project(served({ s: stdioServer("v1-stdio.mjs", { PID_FILE: file }) }))
    const running = start(["run", "--stdio"], { cwd })
    running.child.stdin?.write(`${JSON.stringify(initialize)}\n`)
    await expect.poll(() => pidsIn(file).length).toBe(1)
    running.child.stdout?.destroy()
    for (let id = 2; id < 6; id += 1) {
      running.child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list" })}\n`)
      await delay(50)
    }
    const { code, stderr } = await running.ended
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/^\s+at |EPIPE/m)
    expect(await allGone(pidsIn(file))).toBe(true)
  })
})

describe("with few descriptors", () => {
  it.skipIf(process.platform === "win32")("it starts and serves all the same", async () => {
    const manifest = served({ one: { mount: path.resolve(import.meta.dirname, "../host/packages/raw.mjs") } })
    const running = start(["run"], { cwd: project(manifest), descriptors: 64 })
    await running.shows(/one: ready/)
    const [, url = ""] = await running.shows(/"url": "(http:[^"]+)"/)
    expect((await fetch(new URL("/readyz", url))).status).toBe(200)
    running.child.kill("SIGTERM")
    expect(await running.ended).toMatchObject({ code: 0 })
  })
})

describe("its end leaves no process behind", () => {
  const stubborn = (): { readonly cwd: string; readonly file: string } => {
    const file = path.join(project(""), "pids")
    return { cwd: project(served({ s: stdioServer("stubborn.mjs", { PID_FILE: file }) })), file }
  }

  it.each(["SIGINT", "SIGTERM"] as const)("%s ends it with 0", async (signal) => {
    const { cwd, file } = stubborn()
    const running = await startHttp(cwd)
    await expect.poll(() => pidsIn(file).length).toBe(2)
    running.child.kill(signal)
    expect(await running.ended).toMatchObject({ code: 0, signal: null, stdout: "" })
    expect(await allGone(pidsIn(file))).toBe(true)
  })

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second %s ends it at once with %d", async (signal, exitCode) => {
    const { cwd, file } = stubborn()
    const running = await startHttp(cwd)
    await expect.poll(() => pidsIn(file).length).toBe(2)
    running.child.kill(signal)
    await running.shows(/shutting down/)
    running.child.kill(signal)
    // It would be 0 after the shutdown that has begun.
    expect(await running.ended).toMatchObject({ code: exitCode })
    expect(await allGone(pidsIn(file))).toBe(true)
  })

  it("the end of standard input ends it with 0", async () => {
    const { cwd, file } = stubborn()
    const running = start(["run", "--stdio"], { cwd })
    running.child.stdin?.write(`${JSON.stringify(initialize)}\n`)
    await expect.poll(() => pidsIn(file).length).toBe(2)
    running.child.stdin?.end()
    expect(await running.ended).toMatchObject({ code: 0 })
    expect(await allGone(pidsIn(file))).toBe(true)
  })

  it("a signal while a call is in flight lets it end", async () => {
    const running = await startHttp(project(served({ one: stdioServer("v1-stdio.mjs") })))
    const client = new Client({ name: "t", version: "1" })
    await client.connect(new StreamableHTTPClientTransport(new URL(running.url)))
    const begun = vi.fn()
    const slow = { name: "one_slow", arguments: { ms: 2_000, steps: 20 } }
    const call = client.callTool(slow, { onprogress: begun })
    await expect.poll(() => begun.mock.calls.length).toBeGreaterThan(0)
    running.child.kill("SIGTERM")
    expect(await call).toMatchObject({ content: [{ text: "slept 2000" }] })
    expect(await running.ended).toMatchObject({ code: 0 })
  })

  it("Ctrl-C ends another verb too, with 130", async () => {
    const file = path.join(project(""), "pids")
    const cwd = project(served({ s: stdioServer("hang.mjs", { HANG: "call", PID_FILE: file }) }))
    const running = start(["call", "s_echo", "text=x"], { cwd })
    await expect.poll(() => pidsIn(file).length).toBe(1)
    await delay(300)
    running.child.kill("SIGINT")
    expect(await running.ended).toMatchObject({ code: 130, stdout: "" })
    expect(await allGone(pidsIn(file))).toBe(true)
  })
})

describe("errors that nobody catches", () => {
  const crashing = `import server from ${JSON.stringify(`${(low as { mount: string }).mount}/index.js`)}
setTimeout(() => { Promise.reject(new Error("lost in the dark")) }, 800)
export default server\n`
  const folder = (): string =>
    project(served({ bad: { mount: "./bad" } }), {
      "bad/package.json": '{ "name": "bad", "type": "module", "main": "index.js" }',
      "bad/index.js": crashing,
    })

  it("are told in one line, without a stack, and end nothing", async () => {
    const running = start(["run"], { cwd: folder() })
    await expect.poll(running.stderr).toMatch(/ERROR: .*lost in the dark/)
    expect(running.child.exitCode).toBeNull()
    running.child.kill("SIGTERM")
    expect(await running.ended).toMatchObject({ code: 0 })
    expect(running.stderr()).not.toMatch(/^\s+at /m)
  })

  it("show a stack with --log-level debug", async () => {
    const running = start(["run", "--log-level", "debug"], { cwd: folder() })
    await expect.poll(running.stderr).toMatch(/lost in the dark\n +stack: .*\bat /)
    running.child.kill("SIGTERM")
    await running.ended
  })
})
