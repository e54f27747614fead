/**
 * A client of the legacy generation, over whichever transport: its handshake, its requests in flight, its log level, and
 * the questions it is being asked (specification 2025-11-25). The transport gives it messages and carries what it sends.
 */

import { Cancellation } from "../protocol/cancellation.ts"
import { ProtocolError, rpcCodes, toErrorObject, upstreamError } from "../protocol/errors.ts"
import { InFlight } from "../protocol/inFlight.ts"
import { isJsonObject, type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import type {
  Client,
  Context,
  McpNotification,
  McpRequest,
  McpResult,
  RequestId,
  Unsubscribe,
} from "../protocol/messages.ts"
import { passesLogLevel } from "../protocol/methods.ts"
import { RawResult } from "../protocol/rawResult.ts"
import { latestLegacy, legacyVersions } from "../wire/eras/versions.ts"
import { toLegacyResult } from "./answers.ts"
import { Pace } from "./pace.ts"
import { Questions } from "./questions.ts"
import { RequestContext } from "./requestContext.ts"
import type { Served } from "./served.ts"

/** Requests of one client that are served at once. */
export const maxInFlight = 10_000

/** Notifications of a client that concern servers. */
const told: ReadonlySet<string> = new Set(["notifications/roots/list_changed", "notifications/tasks/status"])

export interface LegacySessionOptions {
  /** Who owns the sessions opened for this client. */
  readonly key: string
  readonly principal: { readonly id: string }
  readonly served: Served
  /** True when its first list waits for servers that start. */
  readonly patient?: boolean
  /** Sends a message; `related` is the id of the client's request on whose stream it belongs. False when the client has no stream to hear it on. */
  readonly send: (message: JsonObject, related: RequestId | undefined) => boolean
  /** Answers the client's request `id` with a result that passes as the bytes it is. */
  readonly sendResult: (id: RequestId, result: RawResult) => void
  /** False while the client does not read; notifications wait then. */
  readonly ready?: () => boolean
}

interface Serving {
  readonly cancellation: Cancellation
  /** Made with the first notification: most requests have none. */
  pace: Pace | undefined
}

export class LegacySession {
  readonly #options: LegacySessionOptions
  readonly #inFlight = new InFlight<RequestId, Serving>()
  /** For what belongs to no request; made with the first of it. */
  #pace: Pace | undefined
  /** Made when the first is asked: most clients never are. */
  #questions: Questions | undefined
  #client: Client | undefined
  #leave: Unsubscribe | undefined
  #logLevel: string | undefined
  #requests = 0
  protocolVersion: string | undefined

  constructor(options: LegacySessionOptions) {
    this.#options = options
  }

  get client(): Client | undefined {
    return this.#client
  }

  get busy(): boolean {
    return this.#inFlight.size > 0
  }

  /** Serves one message. Resolves when a request has been answered, with false when the client cancelled it and expects no answer. */
  receive(message: JsonObject): Promise<boolean> {
    const method = message["method"]
    if (typeof method !== "string") {
      this.#questions?.answer(message)
      return Promise.resolve(true)
    }
    const params = objectAt(message, "params") ?? {}
    if ("id" in message) return this.#request(message["id"] as RequestId, { method, params })
    this.#notified({ method, params })
    return Promise.resolve(true)
  }

  /** The client has left, or the host closes: everything of its ends, and what is in flight is answered with `error` if there is one. */
  close(error?: ProtocolError): void {
    this.#ownPace.close()
    for (const [id, { cancellation, pace }] of this.#inFlight.entries()) {
      pace?.flush()
      if (error !== undefined) this.#options.send({ jsonrpc: "2.0", id, error: toErrorObject(error) }, id)
      cancellation.cancel()
    }
    this.#questions?.close()
    this.#leave?.()
    this.#leave = undefined
  }

  async #request(id: RequestId, request: McpRequest): Promise<boolean> {
    if ((typeof id !== "string" && typeof id !== "number") || this.#inFlight.has(id)) {
      const message = this.#inFlight.has(id)
        ? `A request with id ${JSON.stringify(id)} is still being served`
        : "A request id is a string or a number"
      this.#fail(id, { code: rpcCodes.invalidRequest, message })
      return true
    }
    if (this.#inFlight.size >= maxInFlight) {
      this.#fail(id, toErrorObject(busy(`${maxInFlight} requests of this client are being served already`)))
      return true
    }
    const cancellation = new Cancellation()
    const inFlight: Serving = { cancellation, pace: undefined }
    this.#inFlight.set(id, inFlight)
    try {
      const result = await this.#serve(request, id, inFlight)
      if (cancellation.cancelled) return false
      inFlight.pace?.flush()
      // An id may be used again as soon as its answer is out.
      this.#inFlight.delete(id)
      if (result instanceof RawResult) this.#options.sendResult(id, result)
      else this.#options.send({ jsonrpc: "2.0", id, result: toLegacyResult(result.value) }, id)
    } catch (error) {
      if (cancellation.cancelled) return false
      inFlight.pace?.flush()
      this.#inFlight.delete(id)
      this.#fail(id, toErrorObject(error))
    } finally {
      inFlight.pace?.close()
      this.#inFlight.delete(id)
    }
    return true
  }

  #fail(id: RequestId, error: JsonObject): void {
    this.#options.send({ jsonrpc: "2.0", id, error }, id)
  }

  #serve(request: McpRequest, id: RequestId, inFlight: Serving): Promise<McpResult> | McpResult {
    if (request.method === "ping") return { value: {} }
    if (request.method === "initialize") return this.#initialize(request, id, inFlight)
    const client = this.#client
    if (request.method === "server/discover")
      throw new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${request.method}`)
    if (client === undefined) throw new ProtocolError(rpcCodes.invalidRequest, "The first request is initialize")
    const known = "task" in request.params && !this.#knowsTasks ? withoutTask(request) : request
    const result = this.#options.served.handle(known, this.#context(client, id, inFlight))
    return request.method === "logging/setLevel" ? this.#keepLevel(request, result) : result
  }

  async #keepLevel({ params }: McpRequest, result: Promise<McpResult>): Promise<McpResult> {
    const { value } = await result
    this.#logLevel = stringAt(params, "level")
    return { value }
  }

  async #initialize(request: McpRequest, id: RequestId, inFlight: Serving): Promise<McpResult> {
    const { params } = request
    if (this.#client !== undefined)
      throw new ProtocolError(rpcCodes.invalidRequest, "The session is initialized already")
    const { served, key, patient = false } = this.#options
    const wanted = stringAt(params, "protocolVersion") ?? ""
    this.protocolVersion = legacyVersions.includes(wanted) ? wanted : latestLegacy
    const client: Client = {
      key,
      leaves: true,
      unsolicited: true,
      era: "legacy",
      capabilities: this.#withKnownTasks(objectAt(params, "capabilities") ?? {}),
      info: objectAt(params, "clientInfo"),
      notify: (notification) => this.#notify(notification, this.#ownPace),
      ask: (request, signal) => this.#ask(request, signal, undefined),
    }
    this.#client = client
    this.#leave = served.connect(client, { patient })
    const { value } = await this.#described(request, this.#context(client, id, inFlight))
    const { capabilities, ...more } = value
    const known = this.#withKnownTasks(isJsonObject(capabilities) ? capabilities : {})
    const { protocolVersion } = this
    return { value: { protocolVersion, capabilities: known, serverInfo: served.serverInfo, ...more } }
  }

  /** What the host says of itself; a client that it turns away has not been there. */
  async #described(request: McpRequest, context: Context): Promise<McpResult> {
    try {
      return await this.#options.served.handle(request, context)
    } catch (error) {
      this.#leave?.()
      this.#leave = undefined
      this.#client = undefined
      throw error
    }
  }

  /** Tasks came with the last revision of this generation. */
  get #knowsTasks(): boolean {
    return this.protocolVersion === latestLegacy
  }

  #withKnownTasks(capabilities: JsonObject): JsonObject {
    if (this.#knowsTasks || !("tasks" in capabilities)) return capabilities
    const { tasks: _tasks, ...known } = capabilities
    return known
  }

  #context(client: Client, id: RequestId, inFlight: Serving): Context {
    this.#requests += 1
    return new RequestContext({
      number: this.#requests,
      principal: this.#options.principal,
      client,
      cancellation: inFlight.cancellation,
      logLevel: this.#logLevel,
      notify: (notification) => {
        // Nothing of a request follows its answer.
        if (this.#inFlight.get(id) !== inFlight) return
        inFlight.pace ??= this.#paced(id)
        this.#notify(notification, inFlight.pace)
      },
      ask: (request, askSignal) => {
        return this.#ask(request, askSignal, this.#inFlight.has(id) ? id : undefined)
      },
    })
  }

  #ask(request: McpRequest, signal: AbortSignal, related: RequestId | undefined): Promise<McpResult> {
    this.#questions ??= new Questions()
    return this.#questions.ask(request, signal, (message) => this.#options.send(message, related))
  }

  #notify(notification: McpNotification, pace: Pace): void {
    const { method, params } = notification
    if (method === "notifications/message" && !passesLogLevel(params["level"], this.#logLevel)) return
    pace.tell(notification)
  }

  get #ownPace(): Pace {
    this.#pace ??= this.#paced(undefined)
    return this.#pace
  }

  #paced(related: RequestId | undefined): Pace {
    const { send, ready } = this.#options
    return new Pace(({ method, params }) => void send({ jsonrpc: "2.0", method, params }, related), ready)
  }

  #notified(notification: McpNotification): void {
    if (notification.method === "notifications/cancelled") {
      this.#inFlight.get(notification.params["requestId"] as RequestId)?.cancellation.cancel()
    } else if (told.has(notification.method) && this.#client !== undefined) {
      this.#options.served.tell(this.#client, notification)
    }
  }
}

/** Refuses what would be more than one client may have at once. */
export function busy(reason: string): ProtocolError {
  return upstreamError("BUSY", { reason, sent: "no", retryable: true })
}

function withoutTask({ method, params }: McpRequest): McpRequest {
  const { task: _task, ...known } = params
  return { method, params: known }
}
