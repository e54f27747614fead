/**
 * Serves one request of a client of the modern generation, over whichever transport (specification 2026-07-28): checks
 * the envelope, answers `server/discover` and `subscriptions/listen` itself and gives the rest to the host.
 */

import type { Cancellation } from "../protocol/cancellation.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt, sameJson, stringAt } from "../protocol/json.ts"
import type { Client, Context, McpNotification, McpRequest, McpResult, RequestId } from "../protocol/messages.ts"
import { logLevels, passesLogLevel } from "../protocol/methods.ts"
import { claimedVersion, legacyVersions, metaKeys, modernVersions, withoutEnvelope } from "../wire/eras/versions.ts"
import { MalformedRequest, toModernBytes, toModernError, toModernResult } from "./answers.ts"
import { DeclaredClients, type Known } from "./declaredClients.ts"
import { listen } from "./listen.ts"
import { Pace } from "./pace.ts"
import { Parking } from "./parking.ts"
import { RequestContext } from "./requestContext.ts"
import type { Served } from "./served.ts"

export interface ModernEndpointOptions {
  readonly served: Served
  readonly principal: { readonly id: string }
  /** Whose sessions are opened for these clients: the connection's or the principal's. */
  readonly key: string
  /** True when the key is a connection's. */
  readonly leaves: boolean
  /** The generations this endpoint speaks, for clients that ask for another. */
  readonly eras: readonly string[]
}

export interface Exchange {
  readonly id: RequestId
  readonly request: McpRequest
  /** Cancelled when the client cancels. */
  readonly cancellation: Cancellation
  /** Aborts when the host ends subscriptions, gracefully. */
  readonly ending: AbortSignal
  /** Sends a notification that belongs to this request. */
  readonly notify: (message: JsonObject) => void
  /** False while the client does not read; notifications wait then. */
  readonly ready?: () => boolean
}

/** Methods of the other generation, which this one no longer knows. */
const removed: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
])

export class ModernEndpoint {
  readonly #options: ModernEndpointOptions
  readonly #clients = new DeclaredClients((capabilities, info) => this.#newClient(capabilities, info))
  /** Whose request came last: nearly always whose is next. */
  #last: Client | undefined
  readonly #parking: Parking
  #requests = 0

  constructor(options: ModernEndpointOptions) {
    this.#options = options
    this.#parking = new Parking(`${options.key} ${options.principal.id}`)
  }

  /** The `result` or `error` member of the answer; undefined when the client has cancelled. */
  async answer(
    exchange: Exchange,
  ): Promise<{ result: McpResult } | { error: JsonObject; malformed: boolean } | undefined> {
    const pace = new Pace(({ method, params }) => exchange.notify({ jsonrpc: "2.0", method, params }), exchange.ready)
    try {
      const result = await this.#serve(exchange, pace)
      if (exchange.cancellation.cancelled) return undefined
      pace.flush()
      const { serverInfo } = this.#options.served
      const { method } = exchange.request
      const raw = toModernBytes(method, result, serverInfo)
      return { result: raw ?? { value: toModernResult(method, result.value, serverInfo) } }
    } catch (error) {
      if (exchange.cancellation.cancelled) return undefined
      pace.flush()
      return { error: toModernError(error), malformed: error instanceof MalformedRequest }
    } finally {
      pace.close()
    }
  }

  /** The client an envelope describes; throws when the envelope is incomplete. */
  client(params: JsonObject): Client {
    const meta = objectAt(params, "_meta") ?? {}
    const version = meta[metaKeys.protocolVersion]
    const capabilities = meta[metaKeys.clientCapabilities]
    if (typeof version !== "string")
      throw new MalformedRequest(rpcCodes.invalidParams, `_meta lacks ${metaKeys.protocolVersion}`)
    if (!modernVersions.includes(version)) throw this.#unsupported(version)
    if (!isJsonObject(capabilities))
      throw new MalformedRequest(rpcCodes.invalidParams, `_meta lacks ${metaKeys.clientCapabilities}`)
    const info = objectAt(meta, metaKeys.clientInfo)
    const last = this.#last
    if (last !== undefined && sameJson(last.capabilities, capabilities) && sameJson(last.info, info)) return last
    this.#last = this.#clients.of(capabilities, info)
    return this.#last
  }

  /** The connection has ended, or the host closes. */
  close(): void {
    this.#parking.close()
    this.#clients.clear()
  }

  #newClient(capabilities: JsonObject, info: JsonObject | undefined): Known {
    const client: Client = {
      key: this.#options.key,
      leaves: this.#options.leaves,
      unsolicited: false,
      era: "modern",
      capabilities,
      info,
      // This generation hears nothing outside its requests and subscriptions, and is asked through results.
      notify: () => undefined,
      ask: refuse,
    }
    // A connection's client is there from its first message to the connection's end.
    const leave = client.leaves ? this.#options.served.connect(client, { patient: true }) : undefined
    return { client, leave }
  }

  async #serve(exchange: Exchange, pace: Pace): Promise<McpResult> {
    const { request } = exchange
    const client = this.client(request.params)
    const { served } = this.#options
    if (removed.has(request.method))
      throw new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${request.method}`)
    if (this.#parking.canAsk(request, client.capabilities)) return this.#serveAskable(client, exchange, pace)
    const context = this.#context(client, exchange, pace)
    if (request.method === "server/discover") {
      const { value } = await served.handle(
        { method: request.method, params: withoutEnvelope(request.params) },
        context,
      )
      return { value: { supportedVersions: this.#versions(), ...value } }
    }
    if (request.method === "subscriptions/listen")
      return { value: await listen(served, context, { ...exchange, pace }) }
    return served.handle({ method: request.method, params: withoutEnvelope(request.params) }, context)
  }

  /** A request during which its client may be asked, or the retry of one. */
  #serveAskable(client: Client, exchange: Exchange, pace: Pace): Promise<McpResult> {
    const { request, cancellation } = exchange
    const logLevel = logLevelOf(request)
    const turn = { request, cancellation, notify: teller(exchange, logLevel, pace) }
    if (this.#parking.isRetry(request)) return this.#parking.resume(turn)
    return this.#parking.begin(turn, (call) => {
      this.#requests += 1
      const context = new RequestContext({
        ...{ number: this.#requests, principal: this.#options.principal, client, logLevel },
        cancellation: call.cancellation,
        notify: (notification) => call.notify(notification),
        ask: (question, signal, server) => call.ask(question, signal, server),
      })
      return this.#options.served.handle({ method: request.method, params: withoutEnvelope(request.params) }, context)
    })
  }

  #context(client: Client, exchange: Exchange, pace: Pace): Context {
    this.#requests += 1
    const logLevel = logLevelOf(exchange.request)
    return new RequestContext({
      number: this.#requests,
      principal: this.#options.principal,
      client,
      cancellation: exchange.cancellation,
      logLevel,
      notify: teller(exchange, logLevel, pace),
      ask: refuse,
    })
  }

  #versions(): string[] {
    return this.#options.eras.includes("legacy") ? [...modernVersions, ...legacyVersions] : [...modernVersions]
  }

  #unsupported(requested: string): ProtocolError {
    const data = { supported: this.#versions(), requested }
    return new ProtocolError(rpcCodes.unsupportedProtocolVersion, `Unsupported protocol version ${requested}`, data)
  }
}

/** Tells a client of the other generation, which has no way forward by itself, what this endpoint speaks. */
export function unsupportedVersion(params: JsonObject): ProtocolError {
  const requested = claimedVersion(params) ?? stringAt(params, "protocolVersion") ?? ""
  const message = `This endpoint speaks protocol version ${modernVersions.join(", ")}`
  return new ProtocolError(rpcCodes.unsupportedProtocolVersion, message, { supported: [...modernVersions], requested })
}

function logLevelOf({ params }: McpRequest): string | undefined {
  const logLevel = stringAt(objectAt(params, "_meta") ?? {}, metaKeys.logLevel)
  if (logLevel === undefined || logLevels.some((level) => level === logLevel)) return logLevel
  throw new ProtocolError(
    rpcCodes.invalidParams,
    `Unknown log level ${JSON.stringify(logLevel)}; known are ${logLevels.join(", ")}`,
  )
}

/** Sends what was asked for and nothing else: log messages with a level, progress with a token. */
function teller(
  { cancellation }: Exchange,
  logLevel: string | undefined,
  pace: Pace,
): (notification: McpNotification) => void {
  return (notification) => {
    const isLog = notification.method === "notifications/message"
    if (isLog && (logLevel === undefined || !passesLogLevel(notification.params["level"], logLevel))) return
    if (!cancellation.cancelled) pace.tell(notification)
  }
}

async function refuse(request: McpRequest): Promise<never> {
  throw new ProtocolError(
    rpcCodes.methodNotFound,
    `${request.method} refused: a client of protocol version ${modernVersions[0]} can be asked only during tools/call, prompts/get and resources/read, if it declares that it can answer`,
  )
}
