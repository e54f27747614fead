/** Child processes as they are: chatty, silent, broken, stubborn. */
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { childEnvironment } from "../../src/upstreams/childEnvironment.ts"
import { closeAll, linesOf } from "../fixtures/harness.ts"
import { createClient, createContext } from "../wire/support.ts"
import { create, entryOf, isAlive, ready, soon, stdioTarget, temporaryFolder } from "./support.ts"

afterEach(closeAll)

const echo = { method: "tools/call", params: { name: "echo", arguments: { text: "hi" } } }
const short = { startMs: 10_000, listMs: 5_000, callMs: 300, totalMs: 600 }

describe("a raw server", () => {
  it("is listed whole, over all pages, and spoken to with nothing taken away or added", async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, "record")
    const { upstream } = create(entryOf(stdioTarget("recording.mjs", { env: { RECORD_FILE: file } })))
    const client = createClient({ capabilities: { roots: {}, experimental: { x: {} } } })
    await ready(upstream, client)
    const { tool } = upstream.listing(client) ?? { tool: [] }
    expect(tool).toHaveLength(50)
    expect(tool[49]).toMatchObject({
      name: "tool_49",
      inputSchema: { properties: { text: { "x-field": true } }, "x-schema": 49 },
      annotations: { "x-annotation": "kept" },
      icons: [{ "x-icon": "kept" }],
      _meta: { "x-meta": { kept: true }, "vendor/key": 49 },
      "x-extra": { kept: [1, "two", null, { deep: true }] },
    })
    expect(upstream.info(client)?.serverInfo).toMatchObject({ "x-info": "kept" })
    const params = {
      name: "tool_7",
      arguments: { text: "é\n\u2028", nested: { list: [1, 2.5, null, true, {}] } },
      _meta: { "x-sent": { deep: [[]] }, "io.modelcontextprotocol/clientInfo": { name: "hop" } },
      "x-params": "kept",
    }
    const { value } = await upstream.handle({ method: "tools/call", params }, createContext({ client }))
    expect(value).toMatchObject({
      content: [
        {
          type: "text",
          annotations: { "x-annotation": "kept" },
          "x-extra": { kept: [1, "two", null, { deep: true }] },
        },
        { type: "x-unknown-content", payload: { kept: true } },
      ],
      structuredContent: { "x-structured": [null] },
    })
    const messages = (await linesOf(file)) as JsonObject[]
    expect(messages[0]).toMatchObject({
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: { roots: {} } },
    })
    expect(messages[0]).not.toHaveProperty("params.capabilities.experimental")
    expect(messages.map((message) => message["method"])).toEqual([
      "initialize",
      "notifications/initialized",
      "tools/list",
      "tools/list",
      "tools/list",
      "tools/call",
    ])
    expect(messages.slice(2, 5).map((message) => message["params"])).toEqual([
      {},
      { cursor: "page:20" },
      { cursor: "page:40" },
    ])
    expect(messages[5]?.["params"]).toEqual({
      ...params,
      _meta: { "x-sent": { deep: [[]] }, progressToken: expect.any(Number) },
    })
    await expect(
      upstream.handle({ method: "tools/call", params: { name: "none" } }, createContext({ client })),
    ).rejects.toMatchObject({ code: -32602, message: "Unknown tool: none", data: { "x-data": "kept" } })
  })
})

describe("broken servers", () => {
  it("skips what is no message on standard output", async () => {
    const { upstream, log } = create(entryOf(stdioTarget("garbage.mjs", { env: { GARBAGE: "always" } })))
    await ready(upstream)
    expect(await upstream.handle(echo, createContext())).toMatchObject({ value: { content: [{ text: "hi" }] } })
    expect(log).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringContaining("no message") }),
    )
    expect(log).toContainEqual({
      level: "info",
      message: "garbage-fixture: started",
      facts: { stream: "stderr" },
    })
  })

  it("explains the end of a process with its exit code and last words", async () => {
    const { upstream } = create(entryOf(stdioTarget("exit.mjs", { env: { EXIT_CODE: "3" } })))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toMatch(/exited with code 3.*cannot open the database, giving up/)
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({ code: -31001, data: { sent: "no" } })
  })

  it("explains a command that does not exist", async () => {
    const target = { ...stdioTarget("exit.mjs"), command: "no-such-command-anywhere" } as ReturnType<typeof stdioTarget>
    const { upstream } = create(entryOf(target))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toContain('"no-such-command-anywhere" was not found')
  })

  it("ends a call that is never answered at its deadline, and others go on", async () => {
    const { upstream } = create(entryOf(stdioTarget("hang.mjs", { env: { HANG: "call" } }), { timeouts: short }))
    await ready(upstream)
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({
      code: -31002,
      data: { server: "server", sent: "maybe", retryable: true },
    })
    const list = () => upstream.handle({ method: "tools/list", params: {} }, createContext())
    await vi.waitFor(async () => expect(await list()).toHaveProperty("value.tools"), soon)
  })

  it("gives up a server that does not start in time, and one whose list hangs", async () => {
    const timeouts = { startMs: 1_500, listMs: 500, callMs: 500, totalMs: 500 }
    const silent = create(entryOf(stdioTarget("hang.mjs", { era: "legacy" }), { timeouts }))
    const listless = create(entryOf(stdioTarget("hang.mjs", { env: { HANG: "list" } }), { timeouts }))
    for (const { upstream } of [silent, listless]) upstream.start(undefined)
    for (const { upstream } of [silent, listless]) {
      await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
      expect(upstream.listing(undefined)).toBeUndefined()
    }
  })

  it("is closed at once while it hangs in its handshake, and leaves no process", async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, "pids")
    const { upstream } = create(
      entryOf(stdioTarget("hang.mjs", { env: { PID_FILE: file } }), {
        timeouts: { startMs: 600_000, listMs: 5_000, callMs: 5_000, totalMs: 60_000 },
      }),
    )
    upstream.start(undefined)
    await vi.waitFor(async () => expect(await linesOf(file)).toHaveLength(1), soon)
    await upstream.close()
    const [{ pid } = {}] = await linesOf(file)
    expect(isAlive(pid as number)).toBe(false)
  })

  it("starts again after a crash: calls in flight fail, new ones work, the catalogue stays", async () => {
    const { upstream, events } = create(entryOf(stdioTarget("v2-stdio.mjs")))
    await ready(upstream)
    const { pid } = upstream.state
    const before = upstream.listing(undefined)
    const slow = upstream.handle(
      { method: "tools/call", params: { name: "slow", arguments: { ms: 60_000 } } },
      createContext(),
    )
    const crash = upstream.handle(
      { method: "tools/call", params: { name: "crash", arguments: { code: 7 } } },
      createContext(),
    )
    for (const call of [slow, crash]) {
      await expect(call).rejects.toMatchObject({
        code: -31001,
        data: { sent: "maybe", reason: expect.stringContaining("code 7") },
      })
    }
    expect(upstream.state).toMatchObject({ state: "backoff", reason: expect.stringContaining("code 7") })
    expect(upstream.listing(undefined)).toBe(before)
    await ready(upstream)
    expect(upstream.state.pid).not.toBe(pid)
    expect(await upstream.handle(echo, createContext())).toMatchObject({ value: { content: [{ text: "hi" }] } })
    const states = events.flatMap((event) => (event.type === "state" ? [event.state.state] : []))
    expect(states).toEqual(["ready", "backoff", "ready"])
  })

  it("ends a process that ignores every hint, and what that started", async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, "pids")
    const { upstream } = create(entryOf(stdioTarget("stubborn.mjs", { env: { PID_FILE: file } })))
    await ready(upstream)
    await vi.waitFor(async () => expect(await linesOf(file)).toHaveLength(1), soon)
    const [{ pid, grandchild } = {}] = await linesOf(file)
    await upstream.close()
    await vi.waitFor(
      () => expect([pid, grandchild].map((each) => isAlive(each as number))).toEqual([false, false]),
      soon,
    )
  })
})

describe("sessions of clients", () => {
  const who = { method: "tools/call", params: { name: "whoami", arguments: {} } }
  const pidOf = async (test: ReturnType<typeof create>, client: ReturnType<typeof createClient>) => {
    const { value } = await test.upstream.handle(who, createContext({ client }))
    return JSON.parse(((value["content"] as JsonObject[])[0] as { text: string }).text)["pid"] as number
  }

  it("are separate processes, the first being the catalogue's, and end when their client leaves", async () => {
    const test = create(entryOf(stdioTarget("v1-stdio.mjs")))
    const [ann, bob] = [createClient({ key: "ann" }), createClient({ key: "bob" })]
    await ready(test.upstream, ann)
    const first = await pidOf(test, ann)
    expect(first).toBe(test.upstream.state.pid)
    const second = await pidOf(test, bob)
    expect(second).not.toBe(first)
    expect(await pidOf(test, bob)).toBe(second)
    test.upstream.release(bob)
    await vi.waitFor(() => expect(isAlive(second)).toBe(false), soon)
    expect(await pidOf(test, ann)).toBe(first)
  })

  it("are one for all when shared, which is told of no client's capabilities", async () => {
    const test = create(entryOf(stdioTarget("v1-stdio.mjs"), { session: "shared" }))
    const [ann, bob] = ["ann", "bob"].map((key) => createClient({ key, capabilities: { roots: {} } }))
    await ready(test.upstream, ann)
    expect(await pidOf(test, ann!)).toBe(await pidOf(test, bob!))
    expect(await test.upstream.handle(who, createContext({ client: ann! }))).toMatchObject({
      value: { content: [{ text: expect.stringContaining('"capabilities":{}') }] },
    })
  })

  it("last one call when the manifest says so", async () => {
    const test = create(entryOf(stdioTarget("v1-stdio.mjs"), { session: "per-call" }))
    const ann = createClient({ key: "ann" })
    await ready(test.upstream, ann)
    const [first, second] = [await pidOf(test, ann), await pidOf(test, ann)]
    expect(first).not.toBe(second)
    expect([first, second].map(isAlive)).toEqual([false, false])
  })

  it("are closed when they have been idle", async () => {
    const test = create(entryOf(stdioTarget("v1-stdio.mjs"), { idleTimeoutMs: 400 }))
    const [ann, bob] = [createClient({ key: "ann" }), createClient({ key: "bob" })]
    await ready(test.upstream, ann)
    await pidOf(test, ann)
    const pid = await pidOf(test, bob)
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), soon)
    // Its next request opens another.
    expect(await pidOf(test, bob)).not.toBe(pid)
  })
})

describe("the environment of a child", () => {
  it("is an allow-list, what is set, and what is named", () => {
    const host = { PATH: "/bin", HOME: "/root", AWS_SECRET: "s", NAMED: "n", EMPTY: "" }
    expect(childEnvironment({ env: { SET: "1", HOME: "/other" }, inheritEnv: ["NAMED", "ABSENT"] }, host)).toEqual({
      PATH: "/bin",
      HOME: "/other",
      NAMED: "n",
      SET: "1",
    })
  })

  it("reaches the process so", async () => {
    vi.stubEnv("SECRET_OF_THE_HOST", "hidden")
    const { upstream } = create(entryOf(stdioTarget("v2-stdio.mjs", { env: { SET: "1" } })))
    await ready(upstream)
    const { value } = await upstream.handle(
      { method: "tools/call", params: { name: "env", arguments: {} } },
      createContext(),
    )
    vi.unstubAllEnvs()
    expect(JSON.stringify(value)).toContain('\\"SET\\":\\"1\\"')
    expect(JSON.stringify(value)).not.toContain("SECRET_OF_THE_HOST")
  })
})
