/** When a server runs, and what becomes of one that keeps failing. */
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Target } from "../../src/manifest/types.ts"
import type { McpResult } from "../../src/protocol/messages.ts"
import { closeAll, linesOf } from "../fixtures/harness.ts"
import { racesTheClock } from "../fixtures/noise.ts"
import { createClient, createContext } from "../wire/support.ts"
import {
  create,
  type EntryOptions,
  entryOf,
  fixtures,
  isAlive,
  ready,
  soon,
  stdioTarget,
  temporaryFolder,
} from "./support.ts"

afterEach(closeAll)

const echoed = { value: { content: [{ text: "hi" }] } }
const unavailable = (reason: RegExp) => ({
  code: -31001,
  data: { server: "server", sent: "no", reason: expect.stringMatching(reason) },
})

/** A server whose processes write their ids to a file. */
async function open(options: EntryOptions = {}, target?: (folder: string, env: Record<string, string>) => Target) {
  const folder = await temporaryFolder()
  const file = path.join(folder, "pids")
  await writeFile(file, "")
  const env = { PID_FILE: file }
  const test = create(entryOf(target?.(folder, env) ?? stdioTarget("faulty.mjs", { env }), options))
  const client = createClient({ key: "ann" })
  const call = (name: string, args = {}): Promise<McpResult> =>
    test.upstream.handle({ method: "tools/call", params: { name, arguments: args } }, createContext({ client }))
  const pids = async (): Promise<number[]> => (await linesOf(file)).map(({ pid }) => Number(pid))
  return { ...test, client, call, pids, folder, echo: () => call("echo", { text: "hi" }) }
}

/** The faulty server, once the file `allowed` exists; before, a process that ends at once. */
function onceAllowed(folder: string, env: Record<string, string>): Target {
  const server = pathToFileURL(path.join(fixtures, "servers", "faulty.mjs")).href
  const program = `
    const { appendFileSync, existsSync } = require("node:fs")
    if (existsSync(${JSON.stringify(path.join(folder, "allowed"))})) import(${JSON.stringify(server)})
    else { appendFileSync(process.env.PID_FILE, JSON.stringify({ pid: process.pid }) + "\\n"); process.exit(1) }`
  return { ...stdioTarget("faulty.mjs", { env }), command: process.execPath, args: ["-e", program] } as Target
}

describe("a server that is started lazily", () => {
  it("runs from the first list or call on, until nobody has used it for a while, and again", async () => {
    const { upstream, events, client, echo, pids } = await open({ start: "lazy", idleTimeoutMs: 300 })
    upstream.start(undefined)
    expect(upstream.state).toMatchObject({ state: "stopped", reason: "not running until it is needed" })
    await upstream.prepare(client)
    expect(upstream.listing(client)?.tool).toHaveLength(1)
    expect(await echo()).toMatchObject(echoed)
    const [first] = await pids()
    await vi.waitFor(() => expect(upstream.state.state).toBe("stopped"), soon)
    await vi.waitFor(() => expect(isAlive(first as number)).toBe(false), soon)
    expect(upstream.listing(client)?.tool).toHaveLength(1)
    // What is known is listed without it.
    await upstream.prepare(client)
    expect(upstream.state.state).toBe("stopped")
    const both = await Promise.all([echo(), echo()])
    expect(both).toMatchObject([echoed, echoed])
    expect(await pids()).toHaveLength(2)
    const told = events.flatMap((event) => (event.type === "state" ? [event.state.state] : []))
    expect(told).toEqual(["starting", "ready", "stopped", "starting", "ready"])
  })

  it("is not kept from closing, awake or not", async () => {
    const { upstream, pids, echo } = await open({ start: "lazy" })
    upstream.start(undefined)
    await upstream.close()
    await expect(echo()).rejects.toMatchObject({ code: -31001 })
    expect(await pids()).toEqual([])
  })
})

describe("a server that is disabled", () => {
  it("never runs, and says why", async () => {
    const { upstream, pids, client, echo } = await open({ start: "off" })
    upstream.start(undefined)
    await upstream.prepare(client)
    expect(upstream.state).toMatchObject({ state: "disabled", reason: "the manifest says `enabled: false`" })
    await expect(echo()).rejects.toMatchObject(unavailable(/enabled: false/))
    expect(await pids()).toEqual([])
  })
})

describe("a server that does not start", () => {
  it("is tried again at once when somebody calls", async () => {
    const { upstream, folder, pids, echo } = await open({}, onceAllowed)
    upstream.start(undefined)
    await vi.waitFor(async () => expect(await pids()).toHaveLength(4), soon)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    await writeFile(path.join(folder, "allowed"), "")
    // A call causes an attempt no sooner than a second after the last; by itself the next one comes later.
    await delay(1_100)
    expect(await echo()).toMatchObject(echoed)
  })

  it("is left alone when it ends again and again", async () => {
    const { upstream, pids, echo } = await open({}, onceAllowed)
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.reason).toMatch(/^it ends again and again: .*exited with code 1/), {
      ...soon,
      timeout: 40_000,
    })
    const count = (await pids()).length
    expect(count).toBe(5)
    await delay(1_100)
    await expect(echo()).rejects.toMatchObject(unavailable(/again and again/))
    expect(await pids()).toHaveLength(count)
  })
})

describe("a server whose calls fail one after the other", () => {
  const timeouts = { startMs: 20_000, listMs: 20_000, callMs: 400, totalMs: 400 }
  const failFive = async (call: (name: string) => Promise<McpResult>): Promise<void> => {
    for (let failed = 0; failed < 5; failed += 1) await expect(call("never")).rejects.toMatchObject({ code: -31002 })
  }

  it("goes on when it answers otherwise", racesTheClock, async () => {
    const { upstream, events, call, echo, pids } = await open({ timeouts })
    await ready(upstream)
    events.length = 0
    await failFive(call)
    expect(await echo()).toMatchObject(echoed)
    await failFive(call)
    expect(await echo()).toMatchObject(echoed)
    expect(events).toMatchObject([
      { state: { state: "degraded", reason: expect.stringMatching(/^its last 5 calls failed: .*400 ms/) } },
      { state: { state: "ready" } },
      { state: { state: "degraded" } },
      { state: { state: "ready" } },
    ])
    expect(await pids()).toHaveLength(1)
  })

  it("is started anew when it does not answer at all", racesTheClock, async () => {
    const { upstream, call, echo, pids } = await open({ timeouts: { ...timeouts, startMs: 4_000, listMs: 1_000 } })
    await ready(upstream)
    const [first] = await pids()
    await expect(call("stop")).rejects.toMatchObject({ code: -31002 })
    for (let failed = 0; failed < 4; failed += 1) await expect(echo()).rejects.toMatchObject({ code: -31002 })
    expect(upstream.state.state).toBe("degraded")
    await vi.waitFor(async () => expect((await pids()).length).toBeGreaterThan(1), soon)
    await ready(upstream)
    await vi.waitFor(async () => expect(await echo()).toMatchObject(echoed), soon)
    await vi.waitFor(() => expect(isAlive(first as number)).toBe(false), soon)
  })
})

describe("a limit of concurrency", () => {
  it("holds back what comes beyond it, and refuses what has no place to wait", async () => {
    const { upstream, client, echo } = await open({ concurrency: { running: 1, waiting: 1 } })
    await ready(upstream)
    const cancel = new AbortController()
    const never = { method: "tools/call", params: { name: "never" } }
    const first = upstream.handle(never, createContext({ client, signal: cancel.signal })).catch(() => "cancelled")
    const second = echo()
    await expect(echo()).rejects.toMatchObject({
      code: -31006,
      data: { server: "server", sent: "no", retryable: true, reason: "the limit of 1 at once is reached, and 1 wait" },
    })
    cancel.abort()
    expect(await first).toBe("cancelled")
    expect(await second).toMatchObject(echoed)
  })
})
