/** One conversation with an upstream, whichever generation it speaks. The two implementations are in `eras/`. */
import type { JsonObject } from "../protocol/json.ts"
import type { Client, Context, McpNotification, McpRequest, McpResult } from "../protocol/messages.ts"
import { kinds, kindWords } from "../protocol/methods.ts"
import type { Era } from "./eras/versions.ts"
import type { OutputRoot } from "./structured.ts"

export interface Timeouts {
  readonly startMs: number
  readonly listMs: number
  readonly callMs: number
  readonly totalMs: number
}

export interface SessionOptions {
  /** The host's `clientInfo`. */
  readonly clientInfo: JsonObject
  /** Capabilities to declare to an upstream of the given generation: what the client behind the request, or behind the session, can really do. */
  readonly capabilitiesFor: (era: Era, client: Client | undefined) => JsonObject
  readonly timeouts: Timeouts
  /** Where `x-mcp-header` parameters of tools are remembered; shared by all sessions of an upstream. */
  readonly headerPaths: Map<string, ReadonlyMap<string, readonly string[]>>
  /** Where the output schemas of tools are remembered; shared like `headerPaths`. */
  readonly outputs: Map<string, OutputRoot>
  /** Where the tools that run as tasks only are remembered; shared like `headerPaths`. */
  readonly requiredTasks?: Set<string>
  /** The upstream asks its client; `context` is the causing request when the channel can tell. */
  readonly ask: (request: McpRequest, context: Context | undefined, signal: AbortSignal) => Promise<McpResult>
  readonly notification: (notification: McpNotification, context: Context | undefined) => void
  /** A session was opened again, and the server refused the log level or a subscription it had. */
  readonly notRestored?: (error: unknown) => void
  readonly closed: (reason: Error) => void
}

export interface UpstreamSession {
  readonly era: Era
  readonly protocolVersion: string
  readonly serverInfo: JsonObject
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  readonly pid: number | undefined
  /** True when what the upstream sends shows which request it belongs to. */
  readonly attributes: boolean
  /** What the structured results of its tools are, where they may be other than objects. */
  readonly outputs?: ReadonlyMap<string, OutputRoot>
  /** Its tools that run as tasks only. */
  readonly requiredTasks?: ReadonlySet<string> | undefined
  /** Requests on their way. */
  readonly inFlight: number
  /** Sends a request as the upstream's own names and URIs say it. Subscribing and log levels included. */
  request(request: McpRequest, context: Context): Promise<McpResult>
  /** Calls one of `requiredTasks` for a client that cannot follow tasks. */
  callAsTask?(request: McpRequest, context: Context): Promise<McpResult>
  /** Sends a notification of the client; dropped where the generation has none. */
  notify(notification: McpNotification): void
  /** Resolves when the upstream answers, within `timeouts.list`; rejects with its error, or with the host's own. */
  ping(): Promise<void>
  /** The channel says that the server has forgotten the session. */
  lost?(): void
  /** `reason` is what requests on their way are told. */
  close(reason?: Error): Promise<void>
}

/** Has all lists taken again: changes may have been announced that nobody heard. */
export function announceAll({ notification }: Pick<SessionOptions, "notification">): void {
  for (const method of new Set(kinds.map((kind) => kindWords[kind].changed)))
    notification({ method, params: {} }, undefined)
}
