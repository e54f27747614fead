/** A process under pressure: its event loop stands still, or its memory runs out. */
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import { collectGarbage, Pressure, withPressure } from "../../src/host/pressure.ts"
import { modern, rawServer, send, serve, startHost } from "../endpoints/support.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"

afterEach(closeAll)

/** A host whose memory is what `used` says, in percent, before and after a collection. */
async function weighed() {
  const memory = { used: 10, kept: 10, collections: 0 }
  const slow = { ms: 0 }
  const told = { exhausted: vi.fn(), warned: vi.fn() }
  const pressure = new Pressure({
    onExhausted: told.exhausted,
    warn: told.warned,
    memory: () => ({ used: memory.used, limit: 100 }),
    collect: async () => {
      memory.collections += 1
      await sleep(slow.ms)
      memory.used = memory.kept
    },
  })
  closers.push(() => pressure.close())
  const host = await startHost({ servers: [rawServer("raw")] })
  const { base, url } = await serve(withPressure(host, pressure))
  const call = async () =>
    (await send(url, modern("tools/call", { name: "raw_do_result", arguments: { result: { content: [] } } }))).json
  const readiness = async () => {
    const { status, json } = await send(`${base}/readyz`, { method: "GET" })
    return { status, reason: json["reason"] }
  }
  return { memory, slow, ...told, call, readiness, pressure }
}

function spin(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Those about memory: a machine that stands still warns of the event loop. */
const warnings = ({ mock }: ReturnType<typeof vi.fn>): string[] =>
  mock.calls.map(([text]) => String(text)).filter((text) => text.includes("memory"))

describe("memory", () => {
  it("that is garbage refuses nobody", async () => {
    const { memory, warned, call, readiness } = await weighed()
    memory.used = 97
    await vi.waitFor(() => expect(memory.collections).toBe(1), soon)
    expect(await call()).toMatchObject({ result: { content: [] } })
    await vi.waitFor(async () => expect(await readiness()).toEqual({ status: 200, reason: undefined }), soon)
    expect(warnings(warned)).toEqual([])
  })

  it("of which 85 % are in use refuses new requests and is not ready, until it is freed", async () => {
    const { memory, warned, exhausted, call, readiness } = await weighed()
    memory.used = memory.kept = 86
    const full = { status: 503, reason: "86 % of the memory is in use" }
    await vi.waitFor(async () => expect(await readiness()).toEqual(full), soon)
    const refused = { code: -31006, data: { sent: "no", retryable: true, reason: "86 % of the memory is in use" } }
    expect(await call()).toMatchObject({ error: refused })
    expect(warnings(warned)).toEqual(["86 % of the memory is in use; new requests are refused"])
    expect(exhausted).not.toHaveBeenCalled()
    memory.used = 50
    await vi.waitFor(async () => expect(await readiness()).toEqual({ status: 200, reason: undefined }), soon)
    expect(await call()).toMatchObject({ result: { content: [] } })
  })

  it("that grows after a collection is judged again at once", async () => {
    const { memory, exhausted, readiness } = await weighed()
    memory.used = 86
    memory.kept = 84
    await vi.waitFor(() => expect(memory.collections).toBe(1), soon)
    memory.used = memory.kept = 89
    const full = { status: 503, reason: "89 % of the memory is in use" }
    // A collection a second or five later would come too late: a heap that fills at 20 MB/s is full by then.
    await vi.waitFor(async () => expect(await readiness()).toEqual(full), { timeout: 4_000, interval: 20 })
    memory.used = memory.kept = 95
    await vi.waitFor(() => expect(exhausted).toHaveBeenCalled(), { timeout: 4_000, interval: 20 })
  })

  it("that may be all in use refuses new requests until a collection has told", async () => {
    const { memory, readiness, slow } = await weighed()
    slow.ms = 1_000
    memory.used = 90
    memory.kept = 50
    await vi.waitFor(() => expect(memory.collections).toBe(1), soon)
    await vi.waitFor(() => expect(memory.used).toBe(50), soon)
    memory.used = 96
    const full = { status: 503, reason: "96 % of the memory is in use" }
    await vi.waitFor(async () => expect(await readiness()).toEqual(full), soon)
    expect(memory.collections).toBe(1)
    await vi.waitFor(async () => expect((await readiness()).status).toBe(200), { timeout: 10_000, interval: 50 })
    expect(memory.collections).toBe(2)
  })

  it("of which 95 % are in use asks for the end, once", async () => {
    const { memory, exhausted } = await weighed()
    memory.used = memory.kept = 95
    await vi.waitFor(() => expect(exhausted).toHaveBeenCalledExactlyOnceWith("95 % of the memory is in use"), soon)
  })
})

describe("a collection", () => {
  it("has been made when it resolves", async () => {
    const garbage = new WeakRef({})
    // What a WeakRef was made of stays until the end of the turn (ECMA-262, section 9.9).
    await new Promise(setImmediate)
    await collectGarbage()
    expect(garbage.deref()).toBeUndefined()
  })

  it("follows the start once, in a quiet moment", async () => {
    const { memory, pressure } = await weighed()
    pressure.started()
    const busy = setInterval(() => spin(30), 60)
    await sleep(700)
    expect(memory.collections).toBe(0)
    clearInterval(busy)
    await vi.waitFor(() => expect(memory.collections).toBe(1), soon)
    await sleep(500)
    expect(memory.collections).toBe(1)
  })
})

describe("an event loop that stood still for more than a second", () => {
  it("is why the host is not ready", async () => {
    const { warned, call, readiness } = await weighed()
    await vi.waitFor(async () => expect((await readiness()).status).toBe(200), soon)
    spin(1_600)
    await vi.waitFor(() => expect(warned).toHaveBeenCalled(), soon)
    expect(await readiness()).toMatchObject({
      status: 503,
      reason: expect.stringMatching(/^the event loop stood still for \d{4,} ms$/),
    })
    expect(await call()).toMatchObject({ result: {} })
  })
})
