/** A call between the requests of its client: what ends it, and what is bounded. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { ParkedCall, type Turn } from "../../src/endpoints/parkedCall.ts"
import { Cancellation } from "../../src/protocol/cancellation.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpNotification, McpResult } from "../../src/protocol/messages.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = (): AbortSignal => new AbortController().signal
const question = { method: "elicitation/create", params: { message: "Why?" } }

function turnOf(meta: JsonObject = {}): Turn & { readonly heard: McpNotification[] } {
  const heard: McpNotification[] = []
  const request = { method: "tools/call", params: { name: "t", _meta: meta } }
  return { request, cancellation: new Cancellation(), notify: (each) => void heard.push(each), heard }
}

function start(options: Partial<ConstructorParameters<typeof ParkedCall>[0]> = {}) {
  const over = vi.fn()
  const call: ParkedCall = new ParkedCall({
    state: ({ round }) => `state-${round}`,
    parked: () => undefined,
    over,
    ...options,
  })
  const turn = turnOf({ progressToken: "first" })
  const first = call.serve(turn)
  let resolve = (_result: McpResult): void => undefined
  call.run(
    new Promise((settle) => {
      resolve = settle
    }),
  )
  return { call, turn, first, over, end: (value: JsonObject) => resolve({ value }) }
}

describe("a call", () => {
  it("that asks nothing is answered with its result", async () => {
    const { first, end, over } = start()
    end({ content: [] })
    expect(await first).toEqual({ value: { content: [] } })
    expect(over).toHaveBeenCalledOnce()
  })

  it("gathers questions that come together, and takes each answer to the one it belongs to", async () => {
    const { call, first, end } = start()
    const answers = [1, 2].map((n) => call.ask({ ...question, params: { message: String(n) } }, never(), "notes"))
    await vi.advanceTimersByTimeAsync(30)
    const { value } = await first
    expect(value).toMatchObject({ resultType: "input_required", requestState: "state-1" })
    expect(Object.values(value["inputRequests"] as JsonObject)).toMatchObject([
      { params: { message: "1" } },
      { params: { message: "2" } },
    ])
    const [one, two] = Object.keys(value["inputRequests"] as JsonObject) as [string, string]
    call.take({ [two]: { n: 2 }, [one]: { n: 1 }, other: { n: 3 } })
    const second = call.serve(turnOf())
    expect(await Promise.all(answers)).toEqual([{ value: { n: 1 } }, { value: { n: 2 } }])
    end({ content: ["done"] })
    expect(await second).toEqual({ value: { content: ["done"] } })
  })

  it("keeps what became of it for the client that comes back", async () => {
    const { call, first, end } = start()
    const withdrawn = new AbortController()
    const asked = call.ask(question, withdrawn.signal, "notes")
    await vi.advanceTimersByTimeAsync(30)
    await first
    withdrawn.abort()
    await expect(asked).rejects.toThrow("withdrawn")
    end({ isError: true })
    expect(await call.serve(turnOf())).toEqual({ value: { isError: true } })
  })

  it("ends upstream when its client cancels, or does not come back in time", async () => {
    const cancelled = start()
    cancelled.turn.cancellation.cancel()
    expect(cancelled.call.cancellation.cancelled).toBe(true)
    const left = start()
    void left.call.ask(question, never(), "notes")
    await vi.advanceTimersByTimeAsync(30)
    await left.first
    await vi.advanceTimersByTimeAsync(599_000)
    expect(left.call.cancellation.cancelled).toBe(false)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(left.call.cancellation.cancelled).toBe(true)
    expect(left.over).toHaveBeenCalled()
    await expect(left.call.ask(question, never(), "notes")).rejects.toMatchObject({ code: -32600 })
  })

  it("tells progress to the request that is served, under that one's token, and nobody between", async () => {
    const { call, turn, first } = start()
    const progress = { method: "notifications/progress", params: { progressToken: "first", progress: 1 } }
    call.notify(progress)
    void call.ask(question, never(), "notes")
    await vi.advanceTimersByTimeAsync(30)
    await first
    call.notify({ ...progress, params: { ...progress.params, progress: 2 } })
    const second = turnOf({ progressToken: 7 })
    void call.serve(second)
    call.notify({ ...progress, params: { ...progress.params, progress: 3 } })
    expect(turn.heard).toEqual([progress])
    expect(second.heard).toEqual([{ ...progress, params: { progressToken: 7, progress: 3 } }])
  })

  it("does not ask for ever", async () => {
    const { call, first } = start()
    let turn: Promise<McpResult> = first
    for (let round = 1; round <= 32; round += 1) {
      void call.ask(question, never(), "notes").catch(() => undefined)
      await vi.advanceTimersByTimeAsync(30)
      expect((await turn).value).toMatchObject({ requestState: `state-${round}` })
      turn = call.serve(turnOf())
    }
    await Promise.all([expect(turn).rejects.toMatchObject({ code: -31004 }), vi.advanceTimersByTimeAsync(30)])
    expect(call.cancellation.cancelled).toBe(true)
  })

  it("is refused, and ends, when too many wait", async () => {
    const { call, first } = start({
      parked: () => {
        throw new Error("too many")
      },
    })
    void call.ask(question, never(), "notes").catch(() => undefined)
    await Promise.all([expect(first).rejects.toThrow("too many"), vi.advanceTimersByTimeAsync(30)])
    expect(call.cancellation.cancelled).toBe(true)
  })
})
