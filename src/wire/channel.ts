/**
 * A channel carries JSON-RPC messages to one upstream and back. It knows bytes, not methods: no ids are minted and no
 * generation is decided here. `upstreams` implements it for stdio, HTTP and in-process servers; `peer` uses it.
 */
import type { JsonObject } from "../protocol/json.ts"
import type { RequestId } from "../protocol/messages.ts"
import type { RawAnswer } from "./rawAnswer.ts"

export interface ChannelReceiver {
  /** A message arrived; `origin` is the id of our request on whose stream (or in whose async context) it was sent. */
  message(message: JsonObject, origin?: RequestId): void
  /** A large answer arrived; only its envelope was read. */
  answered(answer: RawAnswer): void
  /** The channel ended; called exactly once. A `ProtocolError` is what the requests in flight end with. */
  closed(reason: Error): void
  /** Notifications may have been lost: what carries them was broken for a while. */
  missed?(): void
  /** The server has forgotten the session; requests it refused for that are rejected with `SessionLost`. */
  lost?(): void
}

/** How far a request has got. */
export interface Phase {
  /** What has not happened yet, for a person. */
  readonly reason: string
  readonly sent: "no" | "maybe"
}

export interface SendOptions {
  /** HTTP headers of this message; channels without headers ignore them. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Time the request has, in milliseconds: a channel may try again within it when it is told to come later. */
  readonly idleMs?: number
}

export interface Channel {
  /** Begins receiving; resolves when messages can be sent. */
  start(receiver: ChannelReceiver): Promise<void>
  /** Sends one message. Rejects (with a `ProtocolError` where the cause is known) when it cannot be delivered or its answer stream broke; undefined where only `closed` tells. */
  send(message: JsonObject, options?: SendOptions): Promise<void> | undefined
  /** Present when every request has a stream of its own: closes the stream of one request. True when that cancels it, so that no notification is needed. */
  abandon?(id: RequestId): boolean
  /** How far a request on its way has got, where the channel can tell. */
  phase?(id: RequestId): Phase | undefined
  /** Told when the version of the session is agreed; again when the session was opened again. */
  negotiated?(version: string, isHandshake: boolean): void
  /** True when every message shows which request of ours it belongs to. */
  readonly attributes?: boolean
  /** Process id of a child process. */
  readonly pid?: number | undefined
  close(): Promise<void>
}
