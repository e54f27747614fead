/**
 * Opens a session: decides which generation to speak and shakes hands. `auto` tries the generation the client speaks
 * first and the other when the upstream refuses (specification 2026-07-28, basic/versioning, "Backward Compatibility").
 */
import { ProtocolError, wireErrors } from "../protocol/errors.ts"
import type { Channel } from "./channel.ts"
import { discover } from "./eras/discover.ts"
import { initialize } from "./eras/legacy.ts"
import { ModernSession } from "./eras/modern.ts"
import type { Era } from "./eras/versions.ts"
import { internalContext } from "./internalContext.ts"
import { Peer } from "./peer.ts"
import { announceAll, type SessionOptions, type UpstreamSession } from "./session.ts"

/** A legacy server may stay silent when it is asked to discover; this is how long it may take to answer. */
const probeMs = 3_000

export interface OpenOptions extends SessionOptions {
  /** The generations to try, in order. */
  readonly eras: readonly Era[]
  /** Channels that may be made; without it, as many as are needed. */
  readonly most?: number | undefined
  readonly signal: AbortSignal
}

/** Opens a session over a channel made by `connect`. A channel that dies of being probed is replaced by a fresh one. */
export async function openSession(connect: () => Promise<Channel>, options: OpenOptions): Promise<UpstreamSession> {
  const gaveUp = aborted(options.signal)
  let attempt = await begin(connect, options, gaveUp)
  let failure: unknown
  let left = (options.most ?? Number.POSITIVE_INFINITY) - 1
  for (const era of options.eras) {
    if (attempt.dead) {
      if (left-- <= 0) break
      attempt = await begin(connect, options, gaveUp)
    }
    try {
      // Not every step can be cancelled: a handshake may not be, the factory of a package knows no signal yet.
      return await Promise.race([attempt.open(era), gaveUp])
    } catch (error) {
      // Of two refusals the first is told: it is the one of the generation that was asked for.
      failure ??= error
      if (options.signal.aborted || !mayBeAnotherEra(error)) break
      // Servers are known to die of an unknown first request; none dies of `initialize` for want of the other generation.
      if (era === "legacy" && (attempt.dead || isGone(error))) break
    }
  }
  await attempt.abandon()
  throw failure
}

async function begin(connect: () => Promise<Channel>, options: OpenOptions, gaveUp: Promise<never>): Promise<Attempt> {
  const connecting = connect()
  try {
    return new Attempt(await Promise.race([connecting, gaveUp]), options)
  } catch (error) {
    // A channel that comes too late has nobody to use it.
    void connecting.then(
      (channel) => channel.close(),
      () => undefined,
    )
    throw error
  }
}

/** Rejects when the signal aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => reject(new Error("given up before it was open"))
    if (signal.aborted) giveUp()
    else signal.addEventListener("abort", giveUp, { once: true })
  })
  // It may never be waited for.
  promise.catch(() => undefined)
  return promise
}

/** One channel being tried. */
class Attempt {
  readonly #options: OpenOptions
  readonly #channel: Channel
  readonly #peer: Peer
  #started: Promise<void> | undefined
  #session: UpstreamSession | undefined
  dead = false

  constructor(channel: Channel, options: OpenOptions) {
    this.#options = options
    this.#channel = channel
    this.#peer = new Peer(channel, {
      request: async (request, context, signal) => (await options.ask(request, context, signal)).value,
      notification: (notification, context) => {
        const session = this.#session
        if (session instanceof ModernSession) {
          if (notification.method === "notifications/subscriptions/acknowledged")
            return session.acknowledged(notification.params)
          return options.notification(notification, context ?? session.logging)
        }
        options.notification(notification, context)
      },
      missed: () => announceAll(options),
      lost: () => this.#session?.lost?.(),
      closed: (reason) => {
        this.dead = true
        if (this.#session instanceof ModernSession) this.#session.ended()
        if (this.#session !== undefined) options.closed(reason)
      },
    })
  }

  async open(era: Era): Promise<UpstreamSession> {
    this.#started ??= this.#peer.start()
    await this.#started
    const context = internalContext(this.#options.signal)
    if (era === "legacy") {
      this.#session = await initialize(this.#peer, this.#channel, this.#options, context)
      return this.#session
    }
    const alone = this.#options.eras.length === 1
    const timeoutMs = alone ? this.#options.timeouts.startMs : Math.min(probeMs, this.#options.timeouts.startMs)
    const discovered = await discover(this.#peer, this.#options, context, timeoutMs)
    const session = new ModernSession(this.#peer, this.#channel, this.#options, discovered)
    this.#channel.negotiated?.(session.protocolVersion, false)
    this.#session = session
    session.listen()
    return session
  }

  async abandon(): Promise<void> {
    await this.#peer.close()
  }
}

/** A channel may refuse to carry anything before it says that it has ended. */
function isGone(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === wireErrors.UPSTREAM_UNAVAILABLE.code
}

/** Credentials and limits say nothing about the generation; every other failure may. */
function mayBeAnotherEra(error: unknown): boolean {
  if (!(error instanceof ProtocolError)) return true
  return error.code !== wireErrors.UPSTREAM_AUTH.code && error.code !== wireErrors.BUSY.code
}
