/** What an endpoint needs of the host it serves. The host implements it; endpoints know nothing else of it. */
import type { Collision } from "../composition/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Client, Context, Handler, McpNotification, Unsubscribe } from "../protocol/messages.ts"

export interface ServerStatus {
  readonly state: string
  readonly since: string
  readonly reason?: string
  readonly counts: {
    readonly tools: number
    readonly resources: number
    readonly templates: number
    readonly prompts: number
  }
  /** Components that are new or changed since they were locked; not there when there are none. */
  readonly changed?: number
}

export interface Readiness {
  readonly ready: boolean
  /** Why the host is not ready, where that is no server's state. */
  readonly reason?: string
  readonly servers: Readonly<Record<string, ServerStatus>>
  /** Names and URIs that two components claim, with their owners; absent when there are none. */
  readonly collisions?: readonly Collision[]
}

export interface ConnectOptions {
  /** True for the one client of a connection such as standard input, which lists once: its first list waits for servers that start. */
  readonly patient?: boolean
}

export interface Served {
  /** The host's own `serverInfo`. */
  readonly serverInfo: JsonObject
  /** Serves requests. `initialize` and `server/discover` give `capabilities` and `instructions`: what the client sees as one server. */
  readonly handle: Handler
  /** A notification of the client for the servers it has sessions with. */
  tell(client: Client, notification: McpNotification): void
  /** Tells the client of one of its tasks until it leaves; false when it has no such task or its server does not tell. */
  watchTask(id: string, context: Context): Promise<boolean>
  /** The definition of a tool as this client lists it. */
  tool(client: Client, name: string): JsonObject | undefined
  /** The client is there to be notified; the returned function ends that and its sessions with servers. */
  connect(client: Client, options?: ConnectOptions): Unsubscribe
  readiness(): Readiness
}

export interface ServedWithProfiles extends Served {
  /** What a profile shows; undefined when there is none of that name now. */
  profile?(name: string): Served | undefined
}
