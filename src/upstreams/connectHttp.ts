/**
 * Makes a channel to a server behind a URL. `auto` speaks Streamable HTTP and falls back to the older HTTP+SSE when the
 * server answers as one that does not know it (specification 2026-07-28, basic/transports/streamable-http,
 * "HTTP+SSE Transport").
 */
import type { HttpTarget } from "../manifest/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { RequestId } from "../protocol/messages.ts"
import type { Channel, ChannelReceiver, Phase, SendOptions } from "../wire/channel.ts"
import { HttpChannel, type HttpChannelOptions } from "./httpChannel.ts"
import { NotStreamable } from "./httpErrors.ts"
import { SseChannel } from "./sseChannel.ts"

export async function connectHttp(target: HttpTarget, options?: HttpChannelOptions): Promise<Channel> {
  if (target.transport === "sse") return new SseChannel(target)
  const channel = new HttpChannel(target, options)
  return target.transport === "http" ? channel : new FallbackChannel(channel, target)
}

/** Streamable HTTP until the first request is refused as unknown; then HTTP+SSE for good. */
class FallbackChannel implements Channel {
  readonly #target: HttpTarget
  #channel: Channel
  #receiver: ChannelReceiver | undefined
  #settled = false
  readonly abandon: (id: RequestId) => boolean
  readonly phase: (id: RequestId) => Phase | undefined

  get attributes(): boolean {
    return this.#channel.attributes === true
  }

  constructor(channel: Channel, target: HttpTarget) {
    this.#channel = channel
    this.#target = target
    this.abandon = (id) => this.#channel.abandon?.(id) ?? false
    this.phase = (id) => this.#channel.phase?.(id)
  }

  async start(receiver: ChannelReceiver): Promise<void> {
    this.#receiver = receiver
    const settle = (): void => {
      this.#settled = true
    }
    await this.#channel.start({
      message: (message, origin) => {
        // An error may be how a server of the older transport refuses what it does not know.
        if (!("error" in message)) settle()
        receiver.message(message, origin)
      },
      answered: (answer) => {
        settle()
        receiver.answered(answer)
      },
      closed: (reason) => receiver.closed(reason),
      missed: () => receiver.missed?.(),
      lost: () => receiver.lost?.(),
    })
  }

  send(message: JsonObject, options?: SendOptions): Promise<void> | undefined {
    return this.#settled ? this.#channel.send(message, options) : this.#try(message, options)
  }

  async #try(message: JsonObject, options?: SendOptions): Promise<void> {
    try {
      await this.#channel.send(message, options)
    } catch (error) {
      const handshake = message["method"] === "initialize"
      if (!(error instanceof NotStreamable) || this.#settled || !handshake || this.#receiver === undefined) throw error
      this.#settled = true
      const refused = this.#channel
      this.#channel = await this.#fallBack(error, this.#receiver)
      await refused.close()
      await this.#channel.send(message)
    }
  }

  async #fallBack(refusal: NotStreamable, receiver: ChannelReceiver): Promise<Channel> {
    const channel = new SseChannel(this.#target)
    let open = false
    try {
      await channel.start({
        message: receiver.message,
        answered: receiver.answered,
        closed: (reason) => {
          if (open) receiver.closed(reason)
        },
      })
    } catch (error) {
      // A server that said why it refuses is no server of the older transport that cannot be reached.
      throw refusal.explained ? refusal : error
    }
    open = true
    return channel
  }

  negotiated(version: string, isHandshake: boolean): void {
    this.#channel.negotiated?.(version, isHandshake)
  }

  async close(): Promise<void> {
    await this.#channel.close()
  }
}
