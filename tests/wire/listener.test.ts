import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { ProtocolError, upstreamError } from "../../src/protocol/errors.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { Listener } from "../../src/wire/listener.ts"
import { settle } from "./support.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Stream {
  readonly filter: JsonObject
  readonly signal: AbortSignal
  readonly end: (error?: Error) => void
}

function create(capabilities: JsonObject = { tools: { listChanged: true }, prompts: { listChanged: true } }) {
  const streams: Stream[] = []
  const listener = new Listener(
    capabilities,
    (request, { signal }, minted) =>
      new Promise((resolve, reject) => {
        expect(request.method).toBe("subscriptions/listen")
        minted(streams.length + 1)
        streams.push({
          filter: request.params["notifications"] as JsonObject,
          signal,
          end: (error) => (error === undefined ? resolve({}) : reject(error)),
        })
        signal.addEventListener("abort", () => reject(new Error("aborted")))
      }),
  )
  const open = () => streams.filter(({ signal }) => !signal.aborted)
  /** The server acknowledges the stream that was opened last. */
  const acknowledge = (agreed: JsonObject = {}) => listener.acknowledged(streams.length, agreed)
  return { listener, streams, open, acknowledge }
}

const lists = { toolsListChanged: true, promptsListChanged: true }

describe("Listener", () => {
  it("listens to what the server announces", () => {
    const { listener, streams } = create()
    void listener.update()
    expect(streams.map(({ filter }) => filter)).toEqual([lists])
    expect(listener.open).toBe(1)
  })

  it("opens nothing when there is nothing to listen to", async () => {
    const { listener, streams } = create({ tools: {}, resources: { subscribe: true } })
    await listener.update()
    expect(streams).toEqual([])
    listener.close()
  })

  it("subscribes when its stream is acknowledged, and only then closes the one before", async () => {
    const { listener, streams, acknowledge } = create()
    void listener.update()
    acknowledge()
    await settle()
    let subscribed = false
    const adding = listener.add("test://a").then(() => {
      subscribed = true
    })
    await settle()
    expect(streams.map(({ filter }) => filter)).toEqual([lists, { ...lists, resourceSubscriptions: ["test://a"] }])
    expect({ subscribed, closed: streams[0]?.signal.aborted }).toEqual({ subscribed: false, closed: false })
    acknowledge()
    await adding
    expect(streams.map(({ signal }) => signal.aborted)).toEqual([true, false])
    await settle()
    expect(listener.open).toBe(1)
  })

  it("takes no acknowledgement but that of the stream it opens", async () => {
    const { listener, streams, acknowledge } = create()
    void listener.update()
    acknowledge()
    await settle()
    let subscribed = false
    const adding = listener.add("test://a").then(() => {
      subscribed = true
    })
    await settle()
    for (const id of [1, "2", 3, undefined, null]) listener.acknowledged(id, {})
    await settle()
    expect({ subscribed, closed: streams[0]?.signal.aborted }).toEqual({ subscribed: false, closed: false })
    expect(listener.acknowledged(2, {})).toBe(true)
    await adding
    expect(streams.map(({ signal }) => signal.aborted)).toEqual([true, false])
  })

  it("waits for the stream of the last union when several change at once", async () => {
    const { listener, streams, open, acknowledge } = create({})
    const done: string[] = []
    const adding = ["a", "b", "c"].map((uri) => listener.add(uri).then(() => void done.push(uri)))
    await settle()
    expect(open().map(({ filter }) => filter)).toEqual([{ resourceSubscriptions: ["a", "b", "c"] }])
    for (const id of [1, 2]) listener.acknowledged(id, {})
    await settle()
    expect({ done, streams: streams.length }).toEqual({ done: [], streams: 3 })
    acknowledge()
    await Promise.all(adding)
    expect(open()).toHaveLength(1)
  })

  it("says what the server agreed to, also where one stream overtook another", async () => {
    const streams: JsonObject[] = []
    const listener = new Listener(
      {},
      (request, { signal }, minted) =>
        new Promise((_resolve, reject) => {
          streams.push(request.params["notifications"] as JsonObject)
          minted(streams.length)
          signal.addEventListener("abort", () => reject(new Error("aborted")))
        }),
      { named: "taskIds" },
    )
    const adding = Promise.all(["a", "b", "c"].map((id) => listener.add(id)))
    await settle()
    expect(streams.at(-1)).toEqual({ taskIds: ["a", "b", "c"] })
    expect(listener.acknowledged("another's", {})).toBe(false)
    expect(listener.acknowledged(streams.length, { taskIds: ["a", "c"] })).toBe(true)
    await adding
    expect(["a", "b", "c"].filter((id) => listener.agreed(id))).toEqual(["a", "c"])
    listener.close()
  })

  it("counts subscriptions to one resource", async () => {
    const { listener, streams, open, acknowledge } = create()
    const add = async (uri: string) => {
      const adding = listener.add(uri)
      await settle()
      acknowledge()
      await adding
    }
    await add("test://a")
    await add("test://a")
    await add("test://b")
    expect(streams).toHaveLength(2)
    await listener.remove("test://a")
    expect(streams).toHaveLength(2)
    const removing = listener.remove("test://a")
    await settle()
    acknowledge()
    await removing
    expect(open().map(({ filter }) => filter)).toEqual([{ ...lists, resourceSubscriptions: ["test://b"] }])
    await listener.remove("test://never")
    expect(streams).toHaveLength(3)
  })

  it("closes its stream with the last thing to listen to", async () => {
    const { listener, open, acknowledge } = create({})
    const adding = listener.add("test://a")
    acknowledge()
    await adding
    expect(open()).toHaveLength(1)
    await listener.remove("test://a")
    expect(open()).toEqual([])
  })

  it("waits for an acknowledgement five seconds at most", async () => {
    const { listener } = create()
    let done = false
    void listener.add("test://a").then(() => {
      done = true
    })
    await vi.advanceTimersByTimeAsync(4_900)
    expect(done).toBe(false)
    await vi.advanceTimersByTimeAsync(200)
    expect(done).toBe(true)
  })

  it.each<[string, Error | undefined]>([
    ["ended gracefully", undefined],
    ["broke", upstreamError("UPSTREAM_UNAVAILABLE", { reason: "closed", sent: "maybe", retryable: true })],
  ])("opens the stream again after it %s", async (_how, error) => {
    const { listener, streams, open, acknowledge } = create()
    void listener.update()
    acknowledge()
    await settle()
    streams[0]?.end(error)
    await vi.advanceTimersByTimeAsync(1_100)
    expect(streams).toHaveLength(2)
    expect(open().at(-1)?.filter).toEqual(lists)
  })

  it("leaves an upstream alone that refuses to be listened to", async () => {
    const { listener, streams } = create()
    void listener.update()
    streams[0]?.end(new ProtocolError(-32601, "Method not found"))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(streams).toHaveLength(1)
    expect(listener.open).toBe(0)
  })

  it("opens nothing once closed", async () => {
    const { listener, streams, open, acknowledge } = create()
    void listener.update()
    acknowledge()
    await settle()
    listener.close()
    await listener.add("test://a")
    await vi.advanceTimersByTimeAsync(10_000)
    expect(streams).toHaveLength(1)
    expect(open()).toEqual([])
    expect(listener.open).toBe(0)
  })
})
