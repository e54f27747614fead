/**
 * What travels through the host: requests, notifications and results, without their JSON-RPC envelopes.
 * Envelopes (ids, versions, progress tokens) belong to a hop and live in `wire` and `endpoints`.
 */
import type { CacheHint } from "./cacheHint.ts"
import type { Cancellation } from "./cancellation.ts"
import type { JsonObject } from "./json.ts"
import type { Pieces } from "./pieces.ts"

/** JSON-RPC 2.0 request id; `1` and `"1"` are different ids. */
export type RequestId = string | number

export interface McpRequest {
  /** The method as the specification names it, `tools/call`. */
  readonly method: string
  readonly params: JsonObject
}

export interface McpNotification {
  readonly method: string
  readonly params: JsonObject
}

export interface McpResult {
  /** The `result` member of the response. Shared by reference: copy before changing. Parsed on first use when there are bytes. */
  readonly value: JsonObject
  /** The result as it came, one JSON object without line breaks, while nobody needed to look inside. */
  readonly bytes?: Pieces | undefined
  /** False when the bytes are known to hold no URI and no task's id that clients must see in another form. */
  readonly holdsUris?: boolean | undefined
  /** False when the bytes are known to have no `_meta` and no `resultType`, so that these can be put in front. */
  readonly hasMeta?: boolean | undefined
  /** How long the client may take it for current, where the value does not say so itself. */
  readonly cache?: CacheHint | undefined
}

export interface Principal {
  /** Stable identity of the caller; `anonymous` while the endpoint has no authentication. */
  readonly id: string
}

/** The party whose request is being served, as far as composing needs to know it. */
export interface Client {
  /** Who owns upstream sessions opened for it: its session (HTTP), its connection (stdio) or its principal. */
  readonly key: string
  /** True when `key` is a session or connection, whose end closes what was opened for it; false for a principal, which never leaves. */
  readonly leaves: boolean
  /** True when it hears what belongs to none of its requests. */
  readonly unsolicited: boolean
  /** The protocol generation it speaks; opaque outside `wire` and `endpoints`. */
  readonly era: string
  /** The capabilities it declared. */
  readonly capabilities: JsonObject
  /** Its `clientInfo`, when it gave one. */
  readonly info: JsonObject | undefined
  /** Sends a notification that belongs to no request, on any open stream of this client; dropped when there is none. */
  notify(notification: McpNotification): void
  /** Asks it outside any request; rejects when it cannot be asked. `signal` withdraws the question. */
  ask(request: McpRequest, signal: AbortSignal): Promise<McpResult>
}

/** A span of a trace, in hexadecimal (W3C Trace Context). What else it is concerns telemetry alone. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
}

/** What is noted of a request on its way. */
export interface Observation {
  /** Manifest key of the server that was asked last; undefined while none was. */
  server: string | undefined
}

/** One request on its way through the host. */
export interface Context {
  /** Tells requests of this process apart, in logs; of the id of a session only the beginning is in it. */
  readonly id: string
  readonly principal: Principal
  readonly client: Client
  /** Aborts when the client cancels, or when its going away means cancelling. */
  readonly signal: AbortSignal
  /** The same, cheaper, where the context has it. */
  readonly cancellation?: Cancellation | undefined
  /** Lowest severity of log messages the client wants for this request (RFC 5424 names); undefined: it did not say. */
  readonly logLevel?: string | undefined
  /** There only while telemetry looks. */
  readonly observation?: Observation | undefined
  /** What happens now is part of it; undefined while nothing is traced. */
  readonly span?: Span | undefined
  /** Sends a notification (progress, log message) back along this request. */
  notify(notification: McpNotification): void
  /** Asks this client only (elicitation, sampling, roots) for `server`; rejects when it cannot be asked. `signal` withdraws the question. */
  ask(request: McpRequest, signal: AbortSignal, server?: string): Promise<McpResult>
}

/** The only verb: upstream, middleware, router and endpoint all speak it. */
export type Handler = (request: McpRequest, context: Context) => Promise<McpResult>

export type Unsubscribe = () => void
