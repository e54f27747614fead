/**
 * A channel to an MCP server in this process, through the `connect(transport)` that servers of SDK v1 and v2 share.
 * Every message is delivered inside an async context of its own, so that what the server sends while serving a request
 * is known to belong to it, whichever client made it.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { messageOf } from "../errors.ts"
import { isTooDeep, maxDepth } from "../protocol/depth.ts"
import { rpcCodes, toErrorObject, upstreamError } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { RequestId } from "../protocol/messages.ts"
import type { Channel, ChannelReceiver } from "../wire/channel.ts"
import type { ServerLogger } from "./serverContext.ts"

/** The transport both SDKs expect: the members they use. */
interface SdkTransport {
  start(): Promise<void>
  send(message: JsonObject, options?: { relatedRequestId?: RequestId }): Promise<void>
  close(): Promise<void>
  onmessage?: ((message: JsonObject, extra?: unknown) => void) | undefined
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
}

/** A server on its way to a transport, or there. */
export interface Attached {
  /** Resolves when messages can be sent. */
  readonly ready: Promise<void>
  /** Takes the server away again, whether it ever became ready or not. */
  detach(): Promise<void>
}

export type Attach = (transport: SdkTransport) => Attached

const open = new Set<LocalChannel>()

/** Takes an error that nobody caught to the server, and the request, in whose async context it was thrown; false when there is none. */
export function takeFault(error: unknown): boolean {
  return [...open].some((channel) => channel.takeFault(error))
}

export class LocalChannel implements Channel {
  readonly attributes = true
  readonly #attach: Attach
  readonly #logger: Pick<ServerLogger, "error" | "debug"> | undefined
  /** The request being served; null in work of the server that belongs to none. */
  readonly #during = new AsyncLocalStorage<RequestId | null | undefined>()
  readonly #transport: SdkTransport
  #receiver: ChannelReceiver | undefined
  #attached: Attached | undefined
  #closed = false

  constructor(attach: Attach, logger?: Pick<ServerLogger, "error" | "debug">) {
    this.#attach = attach
    this.#logger = logger
    open.add(this)
    this.#transport = {
      start: async () => undefined,
      send: async (message, options) =>
        this.#deliver(message, options?.relatedRequestId ?? this.#during.getStore() ?? undefined),
      close: async () => this.#ended(),
    }
  }

  async start(receiver: ChannelReceiver): Promise<void> {
    this.#receiver = receiver
    this.#attached = this.#during.run(null, () => this.#attach(this.#transport))
    await this.#attached.ready
  }

  send(message: JsonObject): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(new Error("the server has closed its connection"))
    const origin = typeof message["method"] === "string" ? ((message["id"] as RequestId | undefined) ?? null) : null
    this.#during.run(origin, () => this.#transport.onmessage?.(message))
    return undefined
  }

  /** Answers the request in which it was thrown: nobody else will. */
  takeFault(error: unknown): boolean {
    const origin = this.#during.getStore()
    if (origin === undefined) return false
    this.#logger?.error(`an error nobody caught: ${messageOf(error)}`)
    if (error instanceof Error && error.stack !== undefined) this.#logger?.debug(error.stack)
    if (origin !== null)
      this.#deliver(
        { jsonrpc: "2.0", id: origin, error: { code: rpcCodes.internalError, message: "Internal error" } },
        origin,
      )
    return true
  }

  async close(): Promise<void> {
    await this.#attached?.detach()
    this.#ended()
  }

  #deliver(message: JsonObject, origin: RequestId | undefined): void {
    if (this.#closed) return
    if (isTooDeep(message)) return this.#refuse(message, origin)
    // Leaves the server's async context: what the host does with the message is not the server's work.
    this.#during.run(undefined, () => this.#receiver?.message(message, origin))
  }

  /** A message that nests too deep ends the request that it answers, or the question that it is. */
  #refuse({ id, method }: JsonObject, origin: RequestId | undefined): void {
    const reason = `sent a message that nests deeper than ${maxDepth} levels`
    this.#logger?.error(reason)
    if (id === undefined) return
    const error = toErrorObject(upstreamError("LIMIT_EXCEEDED", { reason, sent: "maybe", retryable: false }))
    if (method === undefined) this.#deliver({ jsonrpc: "2.0", id, error }, origin)
    else this.#transport.onmessage?.({ jsonrpc: "2.0", id, error })
  }

  #ended(): void {
    if (this.#closed) return
    this.#closed = true
    open.delete(this)
    this.#transport.onclose?.()
    this.#receiver?.closed(new Error("the server closed its connection"))
  }
}
