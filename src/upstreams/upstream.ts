/** One server of the manifest, as the host uses it: any kind, any number of sessions behind it. */
import type { Listing } from "../composition/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Load } from "../protocol/limiter.ts"
import type {
  Client,
  Context,
  Handler,
  McpNotification,
  McpRequest,
  McpResult,
  Unsubscribe,
} from "../protocol/messages.ts"
import type { LifeState } from "./life.ts"

export interface UpstreamState extends LifeState {
  /** Generation spoken on the catalogue's connection. */
  readonly era?: string
  readonly pid?: number
}

/** What a server says of itself. */
export interface UpstreamInfo {
  readonly serverInfo: JsonObject
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
}

export type UpstreamEvent =
  /** What some client would list has changed. */
  | { readonly type: "changed" }
  | { readonly type: "state"; readonly state: UpstreamState }
  /** A subscribed resource changed; `uri` is the server's own. */
  | { readonly type: "updated"; readonly uri: string; readonly clients: readonly Client[] }

/** Puts a question of this server to a client or to the request that caused it. */
export type AskClient = (
  asker: Pick<Context, "client" | "ask">,
  request: McpRequest,
  signal: AbortSignal,
) => Promise<McpResult>

/** Delivers a notification of this server as a client is to hear it, if it is to. */
export type TellClient = (
  notification: McpNotification,
  client: Client,
  deliver: (notification: McpNotification) => void,
) => void

export interface Upstream {
  readonly key: string
  readonly state: UpstreamState
  /** Sends a request in the server's own names and URIs; log levels and subscriptions too. */
  readonly handle: Handler
  /** Connects when it is its turn, and keeps connected. `client` is the first client when it is already known. */
  start(client: Client | undefined, turn?: Promise<void>): void
  /** What this client lists, as last seen; undefined while nothing was ever listed. */
  listing(client: Client | undefined): Listing | undefined
  info(client: Client | undefined): UpstreamInfo | undefined
  /** Requests it works on, and those that wait for a place; undefined for what has no limit. */
  load?(): Load | undefined
  /** The end of what its newest process wrote to its standard error; undefined for what is no process. */
  errorOutput?(): string | undefined
  /**
   * Resolves when `listing(client)` is as good as it gets: taken, or the server failed; without `hold`, where that takes no
   * first attempt, which goes on behind it. Never rejects.
   */
  prepare(client: Client, hold?: boolean): Promise<void>
  /** Takes a client's log level to the sessions it has. */
  setLevel(client: Client, level: string): void
  /** Passes a client's notification to the sessions that are its own. */
  tell(client: Client, notification: McpNotification): void
  /** The client has left: its sessions close. */
  release(client: Client): void
  on(listener: (event: UpstreamEvent) => void): Unsubscribe
  close(): Promise<void>
}
