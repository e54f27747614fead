/**
 * One end of a JSON-RPC connection to an upstream: mints ids and progress tokens, matches answers, keeps deadlines,
 * cancels. It knows no method but `notifications/progress` and `notifications/cancelled`, which belong to the hop.
 * Late and unknown answers are dropped; ids are never reused.
 */

import { isCancelled, onCancelled } from "../protocol/cancellation.ts"
import { Deadline } from "../protocol/deadline.ts"
import {
  fromErrorObject,
  ProtocolError,
  rpcCodes,
  toErrorObject,
  type UpstreamErrorFacts,
  upstreamError,
} from "../protocol/errors.ts"
import { InFlight } from "../protocol/inFlight.ts"
import { isJsonObject, type JsonObject, objectAt } from "../protocol/json.ts"
import type { Context, McpNotification, McpRequest, McpResult, RequestId } from "../protocol/messages.ts"
import type { Channel, SendOptions } from "./channel.ts"

export interface PeerHandlers {
  /** The upstream asks; `context` is the request it asks during, when the channel can tell. `signal` aborts when it no longer wants the answer. */
  request(request: McpRequest, context: Context | undefined, signal: AbortSignal): Promise<JsonObject>
  notification(notification: McpNotification, context: Context | undefined): void
  closed(reason: Error): void
  /** Notifications may have been lost. */
  missed?(): void
  /** The server has forgotten the session. */
  lost?(): void
}

export interface RequestOptions extends SendOptions {
  /** Time without an answer or progress, in milliseconds. */
  readonly idleMs: number
  /** Time altogether, in milliseconds. */
  readonly totalMs: number
  /** False for requests the specification forbids to cancel (`initialize`). */
  readonly cancellable?: boolean
  /** Told the id of the request before it is sent. */
  readonly minted?: ((id: RequestId) => void) | undefined
  /** Hears the progress that comes after the answer, with the client's own token; without it that is dropped. */
  readonly later?: (notification: McpNotification) => void
  /** True asks for progress even when the client did not, so that it can extend the deadline. */
  readonly progress?: boolean
  /** What else of `_meta` belongs to this hop. */
  readonly meta?: JsonObject
}

/** Requests whose progress is awaited after their answer; more than this are forgotten, oldest first. */
const maxLater = 1_000

interface Pending {
  readonly context: Context
  readonly clientToken: RequestId | undefined
  readonly deadline: Deadline
  readonly settle: (outcome: McpResult | Error) => void
}

export class Peer {
  readonly #channel: Channel
  readonly #handlers: PeerHandlers
  readonly #pending = new InFlight<RequestId, Pending>()
  /** Questions of the upstream still being answered, so that it can cancel them. */
  readonly #questions = new Map<RequestId, AbortController>()
  /** Where progress of requests that were answered goes. */
  readonly #later = new Map<RequestId, (params: JsonObject) => void>()
  #nextId = 1
  #closed: Error | undefined

  constructor(channel: Channel, handlers: PeerHandlers) {
    this.#channel = channel
    this.#handlers = handlers
  }

  async start(): Promise<void> {
    await this.#channel.start({
      message: (message, origin) => this.#receive(message, origin),
      answered: ({ id, result }) => this.#pending.get(id)?.settle(result),
      closed: (reason) => this.#end(reason),
      missed: () => this.#handlers.missed?.(),
      lost: () => this.#handlers.lost?.(),
    })
  }

  get inFlight(): number {
    return this.#pending.size
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** Sends a request and resolves with its `result` member; rejects with the upstream's error or the host's own. */
  async request(request: McpRequest, context: Context, options: RequestOptions): Promise<JsonObject> {
    return (await this.exchange(request, context, options)).value
  }

  /** The same, with a large result left unparsed. */
  exchange(request: McpRequest, context: Context, options: RequestOptions): Promise<McpResult> {
    if (this.#closed !== undefined) return Promise.reject(unavailable(this.#closed, "no"))
    if (isCancelled(context)) return Promise.reject(cancelled())
    const id = this.#nextId++
    options.minted?.(id)
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(options, (facts) => this.#give(id, this.#tooLate(id, facts)))
      const stopListening =
        options.cancellable === false ? undefined : onCancelled(context, () => this.#give(id, cancelled()))
      const settle = (outcome: McpResult | Error): void => {
        this.#pending.delete(id)
        deadline.stop()
        stopListening?.()
        if (outcome instanceof Error) return reject(outcome)
        if (options.later !== undefined && clientToken !== undefined) this.#await(id, clientToken, options.later)
        resolve(outcome)
      }
      const { params, clientToken } = withHopMeta(request.params, id, options)
      this.#pending.set(id, { context, clientToken, deadline, settle })
      const message: JsonObject = { jsonrpc: "2.0", id, method: request.method, params }
      this.#channel.send(message, options)?.catch((error: unknown) => settle(asUnavailable(error)))
    })
  }

  /** Resolves when the notification was delivered, or never will be. */
  async notify(notification: McpNotification, options?: SendOptions): Promise<void> {
    if (this.#closed !== undefined) return
    const message: JsonObject = { jsonrpc: "2.0", method: notification.method, params: notification.params }
    // A notification has nobody to tell of its failure; a broken channel reports itself through `closed`.
    await this.#channel.send(message, options)?.catch(() => undefined)
  }

  async close(reason = new Error("closed by the host")): Promise<void> {
    this.#end(reason)
    await this.#channel.close()
  }

  /** The deadline's error, saying how far the request had got. */
  #tooLate(id: RequestId, facts: UpstreamErrorFacts): ProtocolError {
    const phase = this.#channel.phase?.(id)
    const told =
      phase === undefined ? facts : { ...facts, reason: `${facts.reason}: ${phase.reason}`, sent: phase.sent }
    return upstreamError("UPSTREAM_TIMEOUT", told)
  }

  /** Gives up on a request: settles it and tells the upstream to stop. */
  #give(id: RequestId, error: ProtocolError): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.settle(error)
    if (this.#channel.abandon?.(id) === true) return
    void this.notify({ method: "notifications/cancelled", params: { requestId: id, reason: error.message } })
  }

  #receive(message: JsonObject, origin: RequestId | undefined): void {
    const method = message["method"]
    if (typeof method !== "string") return this.#answer(message)
    const params = objectAt(message, "params") ?? {}
    const context = origin === undefined ? undefined : this.#pending.get(origin)?.context
    if ("id" in message) return this.#question({ method, params }, message["id"] as RequestId, context)
    if (method === "notifications/progress") return this.#progress(params)
    if (method === "notifications/cancelled") return this.#questions.get(params["requestId"] as RequestId)?.abort()
    this.#handlers.notification({ method, params }, context)
  }

  #answer(message: JsonObject): void {
    const pending = this.#pending.get(message["id"] as RequestId)
    if (pending === undefined) return
    const { result, error } = message
    if (error !== undefined && result !== undefined) {
      pending.settle(
        upstreamError("UPSTREAM_PROTOCOL", {
          reason: "answered with a result and an error at once",
          sent: "maybe",
          retryable: false,
        }),
      )
    } else if (error !== undefined) pending.settle(fromErrorObject(error))
    else if (isJsonObject(result)) pending.settle({ value: result })
    else
      pending.settle(
        upstreamError("UPSTREAM_PROTOCOL", { reason: "answered without a result", sent: "maybe", retryable: false }),
      )
  }

  #question(request: McpRequest, id: RequestId, context: Context | undefined): void {
    const reply = (member: JsonObject): void => {
      // Whoever asked is gone when it fails; a broken channel reports itself through `closed`.
      this.#channel.send({ jsonrpc: "2.0", id, ...member })?.catch(() => undefined)
    }
    if (request.method === "ping") return reply({ result: {} })
    // A person may take long to answer: the calls that could have caused the question wait without their idle clock.
    const waiting =
      context === undefined ? this.#pending.values() : this.#pending.values().filter((p) => p.context === context)
    for (const pending of waiting) pending.deadline.pause()
    const asked = new AbortController()
    this.#questions.set(id, asked)
    this.#handlers
      .request(request, context, asked.signal)
      .then(
        (result) => reply({ result }),
        (error: unknown) => reply({ error: toErrorObject(error) }),
      )
      .finally(() => {
        this.#questions.delete(id)
        for (const pending of waiting) pending.deadline.resume()
      })
  }

  #progress(params: JsonObject): void {
    const pending = this.#pending.get(params["progressToken"] as RequestId)
    if (pending === undefined) return this.#later.get(params["progressToken"] as RequestId)?.(params)
    pending.deadline.extend()
    if (pending.clientToken === undefined) return
    const method = "notifications/progress"
    const progress: McpNotification = { method, params: { ...params, progressToken: pending.clientToken } }
    // What it says besides may be about more than this hop.
    if ("_meta" in params) this.#handlers.notification(progress, pending.context)
    else pending.context.notify(progress)
  }

  #await(id: RequestId, progressToken: RequestId, later: (notification: McpNotification) => void): void {
    this.#later.set(id, (params) => later({ method: "notifications/progress", params: { ...params, progressToken } }))
    const [oldest] = this.#later.keys()
    if (this.#later.size > maxLater && oldest !== undefined) this.#later.delete(oldest)
  }

  #end(reason: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    for (const asked of this.#questions.values()) asked.abort()
    for (const pending of this.#pending.values()) pending.settle(asUnavailable(reason))
    this.#handlers.closed(reason)
  }
}

/** The request's params with what belongs to this hop, its progress token being the request's id; and the client's own, to restore. */
function withHopMeta(
  params: JsonObject,
  id: number,
  { progress, meta: hop }: Pick<RequestOptions, "progress" | "meta">,
): { params: JsonObject; clientToken: RequestId | undefined } {
  const meta = objectAt(params, "_meta")
  const token = meta?.["progressToken"]
  const clientToken = typeof token === "string" || typeof token === "number" ? token : undefined
  if (clientToken !== undefined || progress === true)
    return { params: withMeta(params, { ...meta, ...hop, progressToken: id }), clientToken }
  return { params: hop === undefined ? params : withMeta(params, { ...meta, ...hop }), clientToken }
}

/** A copy. Not spread: what was made by a spread, as params under another name were, V8 copies with a second one at 3 µs. */
function withMeta(params: JsonObject, meta: JsonObject): JsonObject {
  const { _meta: _, ...copy } = params
  copy["_meta"] = meta
  return copy
}

function cancelled(): ProtocolError {
  return new ProtocolError(rpcCodes.internalError, "Request cancelled")
}

function unavailable(reason: Error, sent: "no" | "maybe"): ProtocolError {
  return upstreamError("UPSTREAM_UNAVAILABLE", { reason: reason.message, sent, retryable: true })
}

function asUnavailable(error: unknown): Error {
  if (error instanceof ProtocolError) return error
  return unavailable(error instanceof Error ? error : new Error(String(error)), "maybe")
}
