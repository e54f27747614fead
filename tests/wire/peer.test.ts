import { setTimeout as delay } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { ProtocolError, upstreamError } from "../../src/protocol/errors.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpRequest } from "../../src/protocol/messages.ts"
import { Peer, type PeerHandlers, type RequestOptions } from "../../src/wire/peer.ts"
import { createContext, settle, TestChannel } from "./support.ts"

const limits: RequestOptions = { idleMs: 5_000, totalMs: 20_000 }
const call: McpRequest = { method: "tools/call", params: { name: "echo" } }

function handlers(options: Partial<PeerHandlers> = {}): PeerHandlers {
  return { request: async () => ({}), notification: vi.fn(), closed: vi.fn(), ...options }
}

async function connect(channel: TestChannel, options: Partial<PeerHandlers> = {}): Promise<Peer> {
  const peer = new Peer(channel, handlers(options))
  await peer.start()
  return peer
}

async function failureOf(promise: Promise<unknown>): Promise<ProtocolError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ProtocolError)
  return error as ProtocolError
}

const hopToken = (channel: TestChannel, index: number): number => {
  const meta = (channel.sent[index]?.["params"] as JsonObject | undefined)?.["_meta"] as JsonObject | undefined
  return meta?.["progressToken"] as number
}
const idOf = (channel: TestChannel, index = -1): number => channel.sent.at(index)?.["id"] as number

describe("ids and answers", () => {
  it("gives every request an id of its own and matches answers in any order", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = Array.from({ length: 20 }, () => peer.request(call, createContext(), limits))
    const ids = channel.sent.map((message) => message["id"])
    expect(new Set(ids).size).toBe(20)
    expect(peer.inFlight).toBe(20)
    for (const id of [...ids].reverse()) channel.receive({ id: id as number, result: { for: id as number } })
    expect(await Promise.all(pending)).toEqual(ids.map((id) => ({ for: id })))
    expect(peer.inFlight).toBe(0)
  })

  it("never uses an id again, whatever became of its request", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const controller = new AbortController()
    const first = peer.request(call, createContext({ signal: controller.signal }), limits)
    const id = idOf(channel)
    controller.abort()
    await failureOf(first)
    const second = peer.request(call, createContext(), limits)
    expect(idOf(channel)).not.toBe(id)
    channel.receive({ id, result: { late: true } })
    channel.receive({ id: idOf(channel), result: { late: false } })
    expect(await second).toEqual({ late: false })
  })

  it("drops late, unknown and doubled answers", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = peer.request(call, createContext(), limits)
    const id = idOf(channel)
    channel.receive({ id: 999, result: {} })
    channel.receive({ id: null as never, result: {} })
    channel.receive({ result: {} })
    channel.receive({ id, result: { first: true } })
    channel.receive({ id, result: { first: false } })
    channel.receive({ id, error: { code: -1, message: "no" } })
    expect(await pending).toEqual({ first: true })
  })

  it('tells 1 from "1"', async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = peer.request(call, createContext(), limits)
    const id = idOf(channel)
    channel.receive({ id: String(id), result: { wrong: true } })
    await settle()
    expect(peer.inFlight).toBe(1)
    channel.receive({ id, result: { wrong: false } })
    expect(await pending).toEqual({ wrong: false })
  })

  it("passes the upstream's error verbatim", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = peer.request(call, createContext(), limits)
    channel.receive({ id: idOf(channel), error: { code: -32050, message: "No such thing", data: { deep: [1, null] } } })
    const error = await failureOf(pending)
    expect(error).toMatchObject({ code: -32050, message: "No such thing", data: { deep: [1, null] } })
  })

  it.each<[string, JsonObject]>([
    ["a result and an error", { result: {}, error: { code: 1, message: "x" } }],
    ["neither", {}],
    ["a result that is no object", { result: [1] }],
    ["null", { result: null }],
  ])("answers -31003 to %s", async (_what, answer) => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = peer.request(call, createContext(), limits)
    channel.receive({ id: idOf(channel), ...answer })
    expect(await failureOf(pending)).toMatchObject({ code: -31003, data: { sent: "maybe", retryable: false } })
  })

  it("ends what is in flight with the error that ended the channel, and what comes later as unavailable", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = [peer.request(call, createContext(), limits), peer.request(call, createContext(), limits)]
    const facts = { reason: "sent too much", sent: "maybe", retryable: false } as const
    channel.end(upstreamError("LIMIT_EXCEEDED", facts))
    for (const each of pending) expect(await failureOf(each)).toMatchObject({ code: -31004, data: facts })
    const later = peer.request(call, createContext(), limits)
    expect(await failureOf(later)).toMatchObject({ code: -31001, data: { reason: "sent too much", sent: "no" } })
  })

  it.each<[string, JsonObject]>([
    ["a string", { error: "broken" }],
    ["an object without members", { error: {} }],
    ["null", { error: null }],
  ])("ends a request whose error is %s", async (_what, answer) => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const pending = peer.request(call, createContext(), limits)
    channel.receive({ id: idOf(channel), ...answer })
    expect((await failureOf(pending)).code).toBeTypeOf("number")
  })
})

describe("progress", () => {
  it.each([
    ["a string", "token"],
    ["a number", 7],
    ["the empty string", ""],
    ["zero", 0],
  ])("restores %s", async (_what, token) => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const context = createContext()
    const request = { ...call, params: { name: "echo", _meta: { progressToken: token, "x-kept": 1 } } }
    const pending = peer.request(request, context, limits)
    expect(channel.sent[0]).toHaveProperty(["params", "_meta", "x-kept"], 1)
    const hop = hopToken(channel, 0)
    channel.receive({
      method: "notifications/progress",
      params: { progressToken: hop, progress: 1, "x-progress": true },
    })
    channel.receive({ id: idOf(channel), result: {} })
    await pending
    channel.receive({ method: "notifications/progress", params: { progressToken: hop, progress: 2 } })
    expect(context.seen).toEqual([
      {
        method: "notifications/progress",
        params: { progressToken: token, progress: 1, "x-progress": true },
      },
    ])
    // The client's own objects stay as they were.
    expect(request.params._meta).toEqual({ progressToken: token, "x-kept": 1 })
  })

  it("keeps equal tokens of two clients apart", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const [first, second] = [createContext(), createContext()]
    const request = { ...call, params: { name: "echo", _meta: { progressToken: 1 } } }
    void peer.request(request, first, limits)
    void peer.request(request, second, limits)
    const hop = hopToken(channel, 1)
    channel.receive({ method: "notifications/progress", params: { progressToken: hop, progress: 1 } })
    expect(first.seen).toEqual([])
    expect(second.seen).toHaveLength(1)
  })

  it("asks for progress on its own account without telling the client", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const context = createContext()
    void peer.request(call, context, { ...limits, progress: true })
    const token = hopToken(channel, 0)
    channel.receive({ method: "notifications/progress", params: { progressToken: token, progress: 1 } })
    expect(context.seen).toEqual([])
    void peer.request(call, context, limits)
    expect(channel.sent[1]?.["params"]).toEqual({ name: "echo" })
  })

  it("never passes progress nobody asked for to a handler", async () => {
    const channel = new TestChannel()
    const notification = vi.fn()
    await connect(channel, { notification })
    channel.receive({ method: "notifications/progress", params: { progressToken: "unknown", progress: 1 } })
    expect(notification).not.toHaveBeenCalled()
  })
})

describe("deadlines", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it("gives up after the idle time and tells the upstream to cancel", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const failure = failureOf(peer.request(call, createContext(), limits))
    await vi.advanceTimersByTimeAsync(4_999)
    expect(peer.inFlight).toBe(1)
    await vi.advanceTimersByTimeAsync(2)
    expect(await failure).toMatchObject({ code: -31002, data: { sent: "maybe", retryable: true } })
    expect(channel.of("notifications/cancelled")).toMatchObject([{ params: { requestId: 1 } }])
  })

  it("lets progress extend the idle time but not the total", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const failure = failureOf(peer.request(call, createContext(), { ...limits, progress: true }))
    for (let second = 0; second < 19; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      channel.receive({ method: "notifications/progress", params: { progressToken: 1, progress: second } })
    }
    expect(peer.inFlight).toBe(1)
    await vi.advanceTimersByTimeAsync(1_001)
    expect(await failure).toMatchObject({ code: -31002, message: expect.stringContaining("20000 ms") })
  })

  it("stops the idle time while the upstream waits for a person", async () => {
    const channel = new TestChannel()
    let answer = (_: JsonObject): void => {}
    const peer = await connect(channel, {
      request: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const pending = peer.request(call, createContext(), limits)
    channel.receive({ id: "q", method: "elicitation/create", params: {} }, 1)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(peer.inFlight).toBe(1)
    answer({ action: "accept" })
    await settle()
    expect(channel.sent.at(-1)).toEqual({ jsonrpc: "2.0", id: "q", result: { action: "accept" } })
    channel.receive({ id: 1, result: { done: true } })
    expect(await pending).toEqual({ done: true })
    expect(vi.getTimerCount()).toBe(0)
  })

  it("leaves no timer behind", async () => {
    const channel = new TestChannel((message, at) => at.receive({ id: message["id"] as number, result: {} }))
    const peer = await connect(channel)
    for (let index = 0; index < 5; index += 1) await peer.request(call, createContext(), limits)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("cancelling", () => {
  it("tells the upstream once and settles at once", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const controller = new AbortController()
    const pending = peer.request(call, createContext({ signal: controller.signal }), limits)
    controller.abort()
    await failureOf(pending)
    expect(channel.of("notifications/cancelled")).toMatchObject([{ params: { requestId: 1 } }])
  })

  it("sends nothing for a request that is cancelled already", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    await failureOf(peer.request(call, createContext({ signal: AbortSignal.abort() }), limits))
    expect(channel.sent).toEqual([])
  })

  it("closes the stream instead where that is the cancellation", async () => {
    const channel = new TestChannel(undefined, true)
    const peer = await connect(channel)
    const controller = new AbortController()
    const pending = peer.request(call, createContext({ signal: controller.signal }), limits)
    controller.abort()
    await failureOf(pending)
    expect(channel.abandoned).toEqual([1])
    expect(channel.of("notifications/cancelled")).toEqual([])
  })

  it("does both where closing the stream is none", async () => {
    const channel = new TestChannel(undefined, false)
    const peer = await connect(channel)
    const controller = new AbortController()
    const pending = peer.request(call, createContext({ signal: controller.signal }), limits)
    controller.abort()
    await failureOf(pending)
    expect(channel.abandoned).toEqual([1])
    expect(channel.of("notifications/cancelled")).toHaveLength(1)
  })

  it("never cancels what may not be cancelled", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    const controller = new AbortController()
    const pending = peer.request(call, createContext({ signal: controller.signal }), { ...limits, cancellable: false })
    controller.abort()
    await settle()
    expect(channel.of("notifications/cancelled")).toEqual([])
    channel.receive({ id: 1, result: {} })
    expect(await pending).toEqual({})
  })
})

describe("a closed connection", () => {
  it("settles what is in flight as maybe sent, and refuses the rest as not sent", async () => {
    const channel = new TestChannel()
    const closed = vi.fn()
    const peer = await connect(channel, { closed })
    const failures = [1, 2, 3].map(() => failureOf(peer.request(call, createContext(), limits)))
    channel.end("its process exited with code 3")
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ code: -31001, data: { sent: "maybe", retryable: true } })
      expect(error.message).toContain("exited with code 3")
    }
    expect(await failureOf(peer.request(call, createContext(), limits))).toMatchObject({
      code: -31001,
      data: { sent: "no" },
    })
    channel.end("again")
    expect(closed).toHaveBeenCalledTimes(1)
    peer.notify({ method: "notifications/initialized", params: {} })
    expect(channel.sent).toHaveLength(3)
  })

  it("reports a message that cannot be sent", async () => {
    const channel = new TestChannel(() => Promise.reject(new Error("EPIPE")))
    const peer = await connect(channel)
    expect(await failureOf(peer.request(call, createContext(), limits))).toMatchObject({ code: -31001 })
    expect(peer.inFlight).toBe(0)
  })

  it("keeps the channel's own explanation", async () => {
    const channel = new TestChannel(() => Promise.reject(new ProtocolError(-31005, "wants a login")))
    const peer = await connect(channel)
    expect(await failureOf(peer.request(call, createContext(), limits))).toMatchObject({ code: -31005 })
  })

  it("closes the channel once asked", async () => {
    const channel = new TestChannel()
    const peer = await connect(channel)
    await peer.close()
    expect(channel.closes).toBe(1)
  })
})

describe("questions of the upstream", () => {
  it("answers ping itself", async () => {
    const channel = new TestChannel()
    const request = vi.fn(async () => ({}))
    await connect(channel, { request })
    channel.receive({ id: "p", method: "ping" })
    expect(channel.sent).toEqual([{ jsonrpc: "2.0", id: "p", result: {} }])
    expect(request).not.toHaveBeenCalled()
  })

  it("names the request a question was asked during", async () => {
    const channel = new TestChannel()
    const request = vi.fn(async () => ({ action: "decline" }))
    const peer = await connect(channel, { request })
    const [first, second] = [createContext(), createContext()]
    void peer.request(call, first, limits)
    void peer.request(call, second, limits)
    channel.receive({ id: 5, method: "elicitation/create", params: { message: "?" } }, 2)
    channel.receive({ id: 6, method: "roots/list" })
    await settle()
    expect(request.mock.calls.map((args: unknown[]) => args[1])).toEqual([second, undefined])
    expect(channel.sent.slice(2)).toEqual([
      { jsonrpc: "2.0", id: 5, result: { action: "decline" } },
      { jsonrpc: "2.0", id: 6, result: { action: "decline" } },
    ])
  })

  it("answers an error when it cannot be asked, without internals", async () => {
    const channel = new TestChannel()
    await connect(channel, {
      request: async ({ method }) => {
        throw method === "roots/list" ? new ProtocolError(-32601, "No roots") : new TypeError("secret detail")
      },
    })
    channel.receive({ id: 1, method: "roots/list" })
    channel.receive({ id: 2, method: "sampling/createMessage" })
    await settle()
    expect(channel.sent).toEqual([
      { jsonrpc: "2.0", id: 1, error: { code: -32601, message: "No roots" } },
      { jsonrpc: "2.0", id: 2, error: { code: -32603, message: "Internal error" } },
    ])
  })

  it("lets the upstream withdraw a question", async () => {
    const channel = new TestChannel()
    let signal: AbortSignal | undefined
    await connect(channel, {
      request: async (_request, _context, given) => {
        signal = given
        await delay(60_000, undefined, { signal: given })
        return {}
      },
    })
    channel.receive({ id: "q", method: "elicitation/create", params: {} })
    channel.receive({ method: "notifications/cancelled", params: { requestId: "other" } })
    expect(signal?.aborted).toBe(false)
    channel.receive({ method: "notifications/cancelled", params: { requestId: "q" } })
    expect(signal?.aborted).toBe(true)
  })

  it("withdraws questions when the connection ends", async () => {
    const channel = new TestChannel()
    let signal: AbortSignal | undefined
    await connect(channel, {
      request: async (_request, _context, given) => {
        signal = given
        return new Promise(() => undefined)
      },
    })
    channel.receive({ id: "q", method: "elicitation/create", params: {} })
    channel.end("gone")
    expect(signal?.aborted).toBe(true)
  })

  it("passes other notifications with the request they came on", async () => {
    const channel = new TestChannel()
    const notification = vi.fn()
    const peer = await connect(channel, { notification })
    const context = createContext()
    void peer.request(call, context, limits)
    channel.receive({ method: "notifications/message", params: { level: "info" } }, 1)
    channel.receive({ method: "notifications/tools/list_changed" })
    expect(notification.mock.calls).toEqual([
      [{ method: "notifications/message", params: { level: "info" } }, context],
      [{ method: "notifications/tools/list_changed", params: {} }, undefined],
    ])
  })
})
