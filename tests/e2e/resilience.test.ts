/** What clients see when servers do not start, hang, crash, forget or go away: typed errors in time, and all the rest. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { linesOf } from "../fixtures/harness.ts"
import { racesTheClock } from "../fixtures/noise.ts"
import { startHttpFixture } from "../fixtures/servers/http.mjs"
import { connectRaw, overHttp } from "./rawClient.ts"
import {
  type ClientKind,
  clientKinds,
  closeAll,
  closers,
  connectHttp,
  connectTo,
  describeEras,
  ended,
  fixture,
  fixturePackage,
  type HttpRig,
  httpProgram,
  startHttp,
  temporaryFolder,
  until,
  writeManifest,
} from "./rig.ts"
import type { Json } from "./testClient.ts"

afterEach(closeAll)

/** A port on which nobody listens. */
async function refusedUrl(): Promise<string> {
  const server = await startHttpFixture("v1")
  await server.close()
  return server.url
}

async function ill(): Promise<Record<string, Json>> {
  return {
    exits: { mount: fixture("exit.mjs") },
    missing: { mount: { command: "no-such-command-anywhere" } },
    silent: { mount: fixture("hang.mjs", { HANG: "all" }), timeouts: { start: "600ms" } },
    listless: { mount: fixture("hang.mjs", { HANG: "list" }), timeouts: { start: "7s", list: "300ms" } },
    refused: { mount: { url: await refusedUrl() } },
    throws: { mount: fixturePackage("throws") },
    nothing: { mount: fixturePackage("not-a-server") },
  }
}

const reasons: Record<string, RegExp> = {
  exits: /exited with code 1: exit-fixture: cannot open the database/,
  missing: /"no-such-command-anywhere" was not found/,
  silent: /did not finish starting within 600 ms/,
  listless: /no answer within 300 ms/,
  refused: /connection was refused/,
  throws: /The database is locked/,
  nothing: /neither a factory nor an MCP server/,
}

/** One client of each generation; the transports and the other clients differ nowhere here. */
const kinds: readonly ClientKind[] = ["v1", "v2 modern"]

function unavailable(server: string, facts: Json = {}) {
  return { code: -31001, data: { server, retryable: true, help: expect.stringMatching(/\S/), ...facts } }
}

const stateOf = ({ host }: HttpRig, key: string) => host.servers().find(({ entry }) => entry.key === key)?.state

describeEras("servers that do not come up", (kind, transport) => {
  it("take nothing else with them and are named in errors", async () => {
    const servers = {
      ...(await ill()),
      good: { mount: fixture("v1-stdio.mjs") },
      local: { mount: fixturePackage("v2-mcp") },
    }
    const client = await connectTo({ defaults: { timeouts: { start: "40s" } }, servers }, { kind, transport })
    const names = (await client.list("tools/list", "tools")).items.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(["good_echo", "local_echo"]))
    expect(names.filter((name) => !/^(good|local)_/.test(name))).toEqual([])
    for (const key of ["good", "local"]) {
      expect(await client.call(`${key}_echo`, { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    }
    for (const [key, reason] of Object.entries(reasons)) {
      const facts = { sent: "no", reason: expect.stringMatching(reason) }
      await until(`the reason of ${key}`, () =>
        client.call(`${key}_echo`, { text: "hi" }).catch(({ data }) => reason.test(data.reason)),
      )
      await expect(client.call(`${key}_whatever`)).rejects.toMatchObject(unavailable(key, facts))
      await expect(client.request("prompts/get", { name: `${key}_x` })).rejects.toMatchObject(unavailable(key, facts))
      const uri = `test://${key}/a`
      await expect(client.request("resources/read", { uri })).rejects.toMatchObject(unavailable(key, facts))
    }
    await expect(client.call("good_whatever")).rejects.toMatchObject({ code: -32602 })
    await expect(client.call("whatever")).rejects.toMatchObject({ code: -32602 })
  })
})

describe("readiness", () => {
  const readyz = async (url: string) => {
    const response = await fetch(new URL("/readyz", url))
    return { status: response.status, body: (await response.json()) as Json }
  }

  it("is there once nothing is starting, and names what is down with its reason", async () => {
    const servers = { ...(await ill()), good: { mount: fixture("v1-stdio.mjs") } }
    const rig = await startHttp({ defaults: { timeouts: { start: "40s" } }, servers }, { settled: false })
    expect((await readyz(rig.url)).status).toBe(503)
    expect((await fetch(new URL("/healthz", rig.url))).status).toBe(200)
    await rig.host.settled()
    const { status, body } = await readyz(rig.url)
    expect(status).toBe(200)
    expect(body["ready"]).toBe(true)
    expect(body["servers"].good).toMatchObject({ state: "ready", counts: { prompts: 1, templates: 1, resources: 6 } })
    for (const [key, reason] of Object.entries(reasons)) {
      expect(body["servers"][key].reason, key).toMatch(reason)
      expect(["backoff", "failed"]).toContain(body["servers"][key].state)
      expect(rig.host.servers().find(({ entry }) => entry.key === key)?.reason).toMatch(reason)
    }
  })

  it("waits for required servers", async () => {
    const rig = await startHttp({ servers: { needed: { mount: fixture("exit.mjs"), required: true } } })
    expect(await readyz(rig.url)).toMatchObject({ status: 503, body: { ready: false } })
  })

  it("ends run with exit code 2 when a required server fails", async () => {
    const manifest = { servers: { needed: { mount: fixture("exit.mjs"), required: true } } }
    const { command, args, env } = httpProgram(await writeManifest(manifest))
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] })
    closers.push(() => child.kill("SIGKILL"))
    let errors = ""
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString("utf8")
    })
    const [code] = await once(child, "close")
    expect(code).toBe(2)
    expect(errors).toContain("needed")
  })
})

describe("calls", () => {
  it.each(kinds)("end with a typed error when the server does not answer (%s)", async (kind) => {
    const file = path.join(await temporaryFolder(), "pids")
    const rig = await startHttp({
      servers: {
        mute: { mount: fixture("hang.mjs", { HANG: "call", PID_FILE: file }), timeouts: { call: "300ms" } },
        good: { mount: fixture("v1-stdio.mjs") },
      },
    })
    const client = await rig.connect(kind)
    const error = { code: -31002, data: { server: "mute", sent: "maybe", retryable: true } }
    await expect(client.call("mute_echo", { text: "hi" })).rejects.toMatchObject(error)
    expect(await client.call("good_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    const pids = (await linesOf(file)).map(({ pid }) => Number(pid))
    await closeAll()
    await ended(pids)
  })

  it.each(kinds)(
    "are kept alive by progress, up to the total, and then cancelled (%s)",
    racesTheClock,
    async (kind) => {
      const timeouts = { call: "800ms", total: "2500ms" }
      const rig = await startHttp({ servers: { good: { mount: fixture("v1-stdio.mjs"), timeouts } } })
      const client = await rig.connect(kind)
      expect(await client.call("good_slow", { ms: 1_600, steps: 32 })).toMatchObject({
        content: [{ text: "slept 1600" }],
      })
      const late = { code: -31002, data: { server: "good", reason: expect.stringMatching(/altogether/) } }
      await expect(client.call("good_slow", { ms: 60_000, steps: 600 })).rejects.toMatchObject(late)
      const idle = { code: -31002, data: { server: "good", reason: expect.stringMatching(/within 800 ms/) } }
      await expect(client.call("good_slow", { ms: 60_000, steps: 1 })).rejects.toMatchObject(idle)
      await until("both were cancelled", async () => (await client.json("good_stats")).cancelled === 2)
    },
  )

  it.each(kinds)("in flight fail when the server crashes, which comes back (%s)", async (kind) => {
    const rig = await startHttp({ servers: { good: { mount: fixture("v1-stdio.mjs") } } })
    // Calls of a client that cannot be asked run side by side, whatever its generation.
    const client = await rig.connect(kind, { capabilities: {} })
    const { pid } = await client.json("good_whoami")
    let progressed = false
    const onprogress = () => {
      progressed = true
    }
    const pending = client.call("good_slow", { ms: 60_000, steps: 1_000 }, { onprogress }).catch((error: Json) => error)
    await until("the call is under way", () => progressed)
    await expect(client.call("good_crash")).rejects.toMatchObject(unavailable("good", { sent: "maybe" }))
    expect(await pending).toMatchObject(unavailable("good", { sent: "maybe" }))
    const again = await until("it is back", () => client.json("good_whoami").catch(() => undefined))
    expect(again.pid).not.toBe(pid)
    expect(stateOf(rig, "good")).toBe("ready")
  })

  it("are served by a server that writes garbage between its messages", async () => {
    const rig = await startHttp({ servers: { noisy: { mount: fixture("garbage.mjs", { GARBAGE: "always" }) } } })
    const client = await rig.connect("v1")
    for (const text of ["one", "two"]) {
      expect(await client.call("noisy_echo", { text })).toMatchObject({ content: [{ text }] })
    }
  })
})

describe("HTTP servers", () => {
  async function rigOf(kind: "v1" | "v2-modern-only", options: Json = {}) {
    const server = await startHttpFixture(kind)
    closers.push(() => server.close())
    const rig = await startHttp({ servers: { web: { mount: { url: server.url }, ...options } } })
    return { server, rig }
  }

  it.each(kinds)("that forget their sessions get new ones (%s)", async (kind) => {
    const { server, rig } = await rigOf("v1")
    const client = await rig.connect(kind)
    expect(await client.call("web_echo", { text: "one" })).toMatchObject({ content: [{ text: "one" }] })
    server.forgetSessions()
    const call = () => client.call("web_echo", { text: "two" }).catch((error: Json) => error)
    const first = await call()
    if ("code" in first) expect(first).toMatchObject(unavailable("web"))
    await until("a call gets through", async () => "content" in (await call()))
    expect(server.counts().sessions).toBeGreaterThan(0)
  })

  it.each(kinds)("that drop connections are spoken to again (%s)", async (kind) => {
    const { server, rig } = await rigOf(kind === "v2 modern" ? "v2-modern-only" : "v1")
    const client = await rig.connect(kind)
    let progressed = false
    const onprogress = () => {
      progressed = true
    }
    const pending = client.call("web_slow", { ms: 60_000, steps: 600 }, { onprogress }).catch((error: Json) => error)
    await until("the call is under way", () => progressed)
    server.dropConnections()
    expect(await pending).toMatchObject(unavailable("web", { sent: "maybe" }))
    const call = () => client.call("web_echo", { text: "hi" }).catch(() => undefined)
    await until("a call gets through", call)
  })

  it.each(kinds)("that refuse credentials or are busy are told apart (%s)", async (kind) => {
    const { server, rig } = await rigOf("v1")
    const client = await rig.connect(kind)
    await client.call("web_echo", { text: "hi" })
    const call = () => client.call("web_echo", { text: "hi" })
    server.failNext(401, { rpc: "tools/call" })
    await expect(call()).rejects.toMatchObject({ code: -31005, data: { server: "web", sent: "no", retryable: false } })
    server.failNext(429, { rpc: "tools/call" })
    await expect(call()).rejects.toMatchObject({ code: -31006, data: { server: "web", sent: "no", retryable: true } })
    server.failNext(500, { rpc: "tools/call" })
    await expect(call()).rejects.toMatchObject({ code: -31001, data: { server: "web", sent: "maybe" } })
    server.failNext(200, { rpc: "tools/call", body: "<html>", headers: { "content-type": "text/html" } })
    await expect(call()).rejects.toMatchObject({ code: -31003, data: { server: "web" } })
    expect(await call()).toMatchObject({ content: [{ text: "hi" }] })
  })

  it("that say when to come again are waited for within the deadline", async () => {
    const { server, rig } = await rigOf("v1", { timeouts: { call: "20s" } })
    const client = await rig.connect("v1")
    await client.call("web_echo", { text: "hi" })
    server.failNext(503, { rpc: "tools/call", headers: { "retry-after": "1" } })
    expect(await client.call("web_echo", { text: "again" })).toMatchObject({ content: [{ text: "again" }] })
    server.failNext(429, { rpc: "tools/call", headers: { "retry-after": "60" } })
    const busy = { code: -31006, data: { server: "web", sent: "no", retryable: true } }
    await expect(client.call("web_echo", { text: "later" })).rejects.toMatchObject(busy)

    server.failNext(503, { rpc: "tools/call", headers: { "retry-after": "1" } })
    const calls = () => server.counts().rpc["tools/call"] ?? 0
    const before = calls()
    const controller = new AbortController()
    const cancelled = client.call("web_echo", { text: "never" }, { signal: controller.signal })
    cancelled.catch(() => undefined)
    await until("it was told to wait", () => calls() === before + 1)
    controller.abort()
    await expect(cancelled).rejects.toThrow()
    await client.call("web_slow", { ms: 1_500, steps: 1 })
    expect(calls()).toBe(before + 2)
  })
})

describe("onDown", () => {
  async function downRig(onDown: Json) {
    const server = await startHttpFixture("v1")
    const port = Number(new URL(server.url).port)
    closers.push(() => server.close())
    const servers = Object.fromEntries(
      Object.entries(onDown).map(([key, policy]) => [key, { mount: { url: server.url }, onDown: policy }]),
    )
    const rig = await startHttp({ servers: { ...servers, good: { mount: fixturePackage("v1-low") } } })
    const keys = Object.keys(onDown)
    const goDown = async () => {
      await server.close()
      await until("it is seen to be down", () => keys.every((key) => stateOf(rig, key) === "backoff"))
    }
    const comeBack = async () => {
      const again = await startHttpFixture("v1", { port })
      closers.unshift(() => again.close())
      await until("it is back", () => keys.every((key) => stateOf(rig, key) === "ready"))
    }
    return { rig, goDown, comeBack }
  }

  it.each(kinds)("stale keeps what is listed, skip hides it, both answer calls with the reason (%s)", async (kind) => {
    const { rig, goDown, comeBack } = await downRig({ stale: "stale", skip: "skip" })
    const client = await rig.connect(kind)
    const names = async () => (await client.list("tools/list", "tools")).items.map(({ name }) => name)
    const before = await names()
    expect(before).toEqual(expect.arrayContaining(["stale_echo", "skip_echo", "good_echo"]))
    expect(await client.call("stale_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    await goDown()
    expect(await names()).toEqual(before.filter((name) => !name.startsWith("skip_")))
    for (const key of ["stale", "skip"]) {
      await expect(client.call(`${key}_echo`, { text: "hi" })).rejects.toMatchObject(unavailable(key, { sent: "no" }))
      const read = client.request("resources/read", { uri: `test://${key}/a` })
      await expect(read).rejects.toMatchObject(unavailable(key, { sent: "no" }))
      const greet = client.request("prompts/get", { name: `${key}_greet` })
      await expect(greet).rejects.toMatchObject(unavailable(key, { sent: "no" }))
    }
    await expect(client.call("skip_whatever")).rejects.toMatchObject({ code: -32602 })
    expect(await client.call("good_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    await comeBack()
    expect(await names()).toEqual(before)
    for (const key of ["stale", "skip"]) {
      expect(await client.call(`${key}_echo`, { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    }
  })

  it.each(kinds)("fail fails every list of a kind the server offers (%s)", async (kind) => {
    const { rig, goDown, comeBack } = await downRig({ strict: "fail" })
    const client = await rig.connect(kind)
    const list = (method: string) => client.request(method)
    const methods = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
    for (const method of methods) await list(method)
    await goDown()
    for (const method of methods) await expect(list(method), method).rejects.toMatchObject(unavailable("strict"))
    expect(await client.call("good_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    await comeBack()
    for (const method of methods) await list(method)
  })
})

describe("traffic", () => {
  const methods = async (file: string) => (await linesOf(file)).map(({ method }) => method)

  it.each(["legacy", "modern"] as const)("a call is one message to its server (%s)", async (era) => {
    const file = path.join(await temporaryFolder(), "messages")
    const recording = { mount: fixture("recording.mjs", { RECORD_FILE: file }) }
    const { url } = await startHttp({ servers: { rec: recording } })
    const client = await connectRaw(overHttp(url), { era, capabilities: {} })
    await client.request("tools/list")
    await client.request("tools/call", { name: "rec_echo", arguments: { text: "one" } })
    const before = await methods(file)
    const params = { name: "rec_echo", arguments: { text: "two" }, "x-param": { kept: true }, _meta: { "x-sent": 1 } }
    const { result } = await client.request("tools/call", params)
    expect(result).toMatchObject({ structuredContent: { received: { text: "two" } } })
    await client.request("tools/list")
    await client.request("nonsense")
    const after = await linesOf(file)
    expect(after.slice(before.length)).toEqual([
      {
        jsonrpc: "2.0",
        id: expect.anything(),
        method: "tools/call",
        params: { ...params, name: "echo", _meta: { "x-sent": 1, progressToken: expect.anything() } },
      },
    ])
  })

  it("twenty servers with fifty tools each are listed without a word to any of them", async () => {
    const folder = await temporaryFolder()
    const keys = Array.from({ length: 20 }, (_, index) => `s${index}`)
    const servers = Object.fromEntries(
      keys.map((key) => [
        key,
        { mount: fixture("recording.mjs", { RECORD_FILE: path.join(folder, key), TOOLS: "50" }) },
      ]),
    )
    const { url } = await startHttp({ servers })
    const traffic = async () =>
      (await Promise.all(keys.map((key) => readFile(path.join(folder, key), "utf8")))).join("")
    const before = await traffic()
    for (const kind of clientKinds) {
      const client = await connectHttp(url, kind, { capabilities: {} })
      const { items } = await client.list("tools/list", "tools")
      expect(items).toHaveLength(1_000)
      if (client.era === "legacy") expect(await traffic()).toBe(before)
    }
    const settled = await traffic()
    const client = await connectHttp(url, "v2 modern", { capabilities: {} })
    expect((await client.list("tools/list", "tools")).items).toHaveLength(1_000)
    expect(await traffic()).toBe(settled)
  })
})
