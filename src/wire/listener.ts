/**
 * The one `subscriptions/listen` stream the host keeps open to a modern upstream: the union of what its clients want
 * (specification 2026-07-28, basic/patterns/subscriptions). A changed union opens a new stream, waits until it is
 * acknowledged, and only then closes the old one, so that nothing is missed between.
 */
import { ProtocolError, wireErrors } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt } from "../protocol/json.ts"
import type { Context, McpRequest, McpResult, RequestId } from "../protocol/messages.ts"
import { internalContext } from "./internalContext.ts"

/** The list each filter announces changes of. */
const announced: Readonly<Record<string, string>> = {
  toolsListChanged: "notifications/tools/list_changed",
  promptsListChanged: "notifications/prompts/list_changed",
  resourcesListChanged: "notifications/resources/list_changed",
}

/** Shortest and longest wait before a broken stream is opened again, in milliseconds. */
const reopenMs = 1_000
const longestReopenMs = 30_000

/** Sends a request; `minted` is told its id, by which the server calls the stream. */
export type Send = (request: McpRequest, context: Context, minted: (id: RequestId) => void) => Promise<JsonObject>

/** How long a subscription may wait for its stream to be acknowledged before it is reported as made. */
const acknowledgeMs = 5_000

interface Stream {
  id: RequestId | undefined
  readonly abort: AbortController
  readonly acknowledged: Promise<void>
  readonly resolve: () => void
}

export interface ListenerOptions {
  /** Called with what may have been announced while no stream was open. */
  readonly missed?: (method: string) => void
  /** The filter that names one by one what to tell of; resources unless it says otherwise. */
  readonly named?: "resourceSubscriptions" | "taskIds"
}

export class Listener {
  readonly #send: Send
  readonly #missed: (method: string) => void
  readonly #lists: JsonObject
  readonly #uris = new Map<string, number>()
  #current: Stream | undefined
  #opening: Stream | undefined
  #closed = false
  /** Streams that broke since the last one was acknowledged. */
  #breaks = 0
  open = 0

  /** Names the server agreed to tell of, on the stream it acknowledged last. */
  #agreed: ReadonlySet<unknown> = new Set()
  readonly #named: string

  constructor(capabilities: JsonObject, send: Send, options: ListenerOptions = {}) {
    this.#send = send
    this.#missed = options.missed ?? (() => undefined)
    this.#named = options.named ?? "resourceSubscriptions"
    const changes = (name: string): boolean => objectAt(capabilities, name)?.["listChanged"] === true
    this.#lists = {
      ...(changes("tools") && { toolsListChanged: true }),
      ...(changes("prompts") && { promptsListChanged: true }),
      ...(changes("resources") && { resourcesListChanged: true }),
    }
  }

  async add(uri: string): Promise<McpResult> {
    const count = this.#uris.get(uri) ?? 0
    this.#uris.set(uri, count + 1)
    if (count === 0) await this.update()
    return { value: {} }
  }

  async remove(uri: string): Promise<McpResult> {
    const count = this.#uris.get(uri) ?? 0
    if (count > 1) this.#uris.set(uri, count - 1)
    else this.#uris.delete(uri)
    if (count === 1) await this.update()
    return { value: {} }
  }

  /** Opens a stream for the present union; resolves when it is acknowledged. */
  async update(): Promise<void> {
    if (this.#closed) return
    this.#opening?.abort.abort()
    const filter: JsonObject = { ...this.#lists }
    if (this.#uris.size > 0) filter[this.#named] = [...this.#uris.keys()]
    if (Object.keys(filter).length === 0) return this.#replace(undefined)
    const stream = this.#openStream(filter)
    this.#opening = stream
    const timer = setTimeout(stream.resolve, acknowledgeMs)
    await stream.acknowledged
    clearTimeout(timer)
    if (this.#opening === stream) return this.#replace(stream)
    // A later union has taken the place of this one, which is part of it.
    let latest = stream
    for (let next = this.#opening; next !== undefined && next !== latest; next = this.#opening) {
      await next.acknowledged
      latest = next
    }
  }

  /** Whether the server agreed to tell of a name. */
  agreed(name: string): boolean {
    return this.#agreed.has(name)
  }

  /** The server acknowledged a stream, with what it agreed to; false when it is none of those opened here. */
  acknowledged(id: unknown, notifications: unknown): boolean {
    // Late acknowledgements come when the stream counts as open already.
    const stream = [this.#opening, this.#current].find((each) => each !== undefined && each.id === id)
    if (stream === undefined) return false
    const names = isJsonObject(notifications) ? notifications[this.#named] : undefined
    this.#agreed = new Set(Array.isArray(names) ? names : [])
    stream.resolve()
    this.#missedSomething()
    return true
  }

  #missedSomething(): void {
    if (this.#breaks === 0) return
    this.#breaks = 0
    for (const list of Object.keys(this.#lists)) this.#missed(announced[list] as string)
  }

  close(): void {
    this.#closed = true
    this.#opening?.abort.abort()
    this.#replace(undefined)
  }

  #replace(stream: Stream | undefined): void {
    if (this.#current !== stream) this.#current?.abort.abort()
    this.#current = stream
    this.#opening = undefined
  }

  #openStream(filter: JsonObject): Stream {
    const abort = new AbortController()
    let resolve = (): void => {}
    const acknowledged = new Promise<void>((settle) => {
      resolve = settle
    })
    const stream: Stream = { id: undefined, abort, acknowledged, resolve }
    this.open += 1
    const request = { method: "subscriptions/listen", params: { notifications: filter } }
    this.#send(request, internalContext(abort.signal), (id) => {
      stream.id = id
    })
      // A stream that ends or breaks is opened again while it is wanted; an upstream that refuses is left alone.
      .then(
        () => true,
        (error: unknown) => isBreak(error),
      )
      .then((ended) => {
        this.open -= 1
        const wanted = this.#current === stream || this.#opening === stream
        resolve()
        if (!ended || !wanted || this.#closed) return
        const waitMs = Math.min(longestReopenMs, reopenMs * 2 ** this.#breaks)
        this.#breaks += 1
        setTimeout(() => {
          if (this.#current === stream) void this.update()
        }, waitMs).unref()
      })
    return stream
  }
}

/** True for failures of the connection, as opposed to a refusal. */
function isBreak(error: unknown): boolean {
  if (!(error instanceof ProtocolError)) return true
  const { UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, BUSY } = wireErrors
  return [UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, BUSY].some(({ code }) => code === error.code)
}
