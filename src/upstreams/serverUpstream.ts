/**
 * A server of the manifest whose sessions are opened through a channel: stdio, HTTP or in process. One connection, the
 * catalogue's, is kept open from start to close and becomes the session of the first client it fits; other clients
 * get sessions of their own (contract, "Whose session"). Called by the host; knows nothing of names or prefixes.
 */
import type { Listing } from "../composition/types.ts"
import { messageOf } from "../errors.ts"
import type { Concurrency, Load } from "../protocol/limiter.ts"
import type { Client, Context, McpNotification, McpRequest, McpResult, Unsubscribe } from "../protocol/messages.ts"
import { Breaker } from "./breaker.ts"
import type { CatalogueFile } from "./catalogueCache.ts"
import { Dispatcher } from "./dispatcher.ts"
import { type CatalogueKeeper, keepCatalogue } from "./keepCatalogue.ts"
import { firstStates, Life, resting } from "./life.ts"
import type { LiveSession } from "./liveSession.ts"
import { checkEveryMs, OwnedSessions } from "./ownedSessions.ts"
import { Preparation } from "./preparation.ts"
import { Gate, isHopeless, sleep, until } from "./retrying.ts"
import { SessionOpener, type SessionPolicy } from "./sessionOpener.ts"
import { Subscriptions } from "./subscriptions.ts"
import { backoff, Supervisor } from "./supervise.ts"
import type { Upstream, UpstreamEvent, UpstreamInfo, UpstreamState } from "./upstream.ts"
import { Views } from "./views.ts"

/** How long a request waits for the attempt it causes, in milliseconds, while a server is down. */
const wakeMs = 2_000

export interface ServerUpstreamOptions {
  /** `lazy`: it runs while somebody needs it. `off`: never. */
  readonly start: "eager" | "lazy" | "off"
  readonly offReason?: string | undefined
  readonly concurrency?: Concurrency | undefined
  readonly errorOutput?: (() => string | undefined) | undefined
  /** True when every attempt to connect starts a process. */
  readonly isProcess: boolean
  /** The catalogue is taken once. */
  readonly freeze: boolean
  /** Where the catalogue is kept from one start to the next. */
  readonly cache?: CatalogueFile | undefined
  /** Why a request is not passed on, where that depends on the server's templates. */
  readonly refuse?: (request: McpRequest, templates: () => Listing["resourceTemplate"]) => Error | undefined
}

export class ServerUpstream implements Upstream {
  readonly key: string
  readonly #policy: SessionPolicy
  readonly #options: ServerUpstreamOptions
  readonly #life: Life
  readonly #opener: SessionOpener
  readonly #views: Views
  readonly #owned: OwnedSessions
  readonly #subscriptions: Subscriptions
  readonly #preparation: Preparation
  readonly #dispatcher: Dispatcher
  readonly #supervisor: Supervisor
  readonly load = (): Load | undefined => this.#dispatcher.load
  readonly #listeners = new Set<(event: UpstreamEvent) => void>()
  readonly #closing = new AbortController()
  readonly #keeper: CatalogueKeeper | undefined
  #firstClient: Client | undefined
  #base: LiveSession | undefined
  /** Ends with the attempt that is being made, or waited for. */
  #outcome = new Gate()
  #supervision: Promise<void> | undefined
  #idleCheck: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined

  constructor(policy: SessionPolicy, options: ServerUpstreamOptions) {
    this.key = policy.key
    this.#policy = policy
    this.#options = options
    const first = { ...firstStates[options.start], ...(options.offReason && { reason: options.offReason }) }
    this.#life = new Life(first, () => this.#emit({ type: "state", state: this.state }), policy.logger.mask)
    const breaker = new Breaker((reason) => this.#troubled(reason))
    this.#opener = new SessionOpener(policy, {
      updated: (uri, clients) => this.#emit({ type: "updated", uri, clients }),
      changed: (live, kind) => this.#views.relist(live, kind),
      closed: (live, reason) => this.#ended(live, reason),
      called: (error) => breaker.note(error),
    })
    this.#views = new Views({
      freeze: options.freeze,
      logger: policy.logger,
      signal: this.#closing.signal,
      changed: () => {
        this.#emit({ type: "changed" })
        this.#save()
      },
    })
    this.#keeper = keepCatalogue(options.cache, this.#views, this.#opener)
    this.#owned = new OwnedSessions({
      idleTimeoutMs: policy.idleTimeoutMs,
      logger: policy.logger,
      adoptable: (client) => this.#views.unowned(this.#opener.fit(client), client),
      open: (client) => this.#open(client, client),
    })
    this.#subscriptions = new Subscriptions(this.#closing.signal)
    const standing = { life: () => this.#life.now, wake: () => this.#wake() }
    this.#preparation = new Preparation({
      ...standing,
      views: this.#views,
      opener: this.#opener,
      shared: policy.session === "shared",
      open: (client) => this.#open(client, undefined),
      taken: () => this.#save(),
      failed: (error) => this.#log("its catalogue for this client's capabilities could not be taken", error),
    })
    this.#dispatcher = new Dispatcher({
      ...standing,
      policy,
      concurrency: options.concurrency,
      owned: this.#owned,
      subscriptions: this.#subscriptions,
      base: () => this.#base,
      open: (client) => this.#open(client, client),
    })
    this.#supervisor = new Supervisor({
      attempt: (most) => this.#attempt(most),
      ended: (live) => this.#opener.ended(live),
      failed: (error, looping) => this.#failed(error, looping),
      begun: () => this.#opener.begun,
      isProcess: options.isProcess,
      signal: this.#closing.signal,
    })
  }

  get state(): UpstreamState {
    const session = this.#base?.session
    if (session === undefined) return this.#life.now
    return { ...this.#life.now, era: session.era, ...(session.pid !== undefined && { pid: session.pid }) }
  }

  start(client: Client | undefined, turn: Promise<void> = Promise.resolve()): void {
    if (this.#supervision !== undefined || this.#options.start === "off") return
    this.#firstClient = client
    this.#keeper?.restore()
    if (this.#options.start === "lazy") {
      this.#supervisor.rest()
      this.#idleCheck = setInterval(() => this.#restWhenIdle(), checkEveryMs(this.#policy.idleTimeoutMs)).unref()
    }
    this.#supervision = until(turn, this.#closing.signal).then(() => this.#supervisor.run())
  }

  listing(client: Client | undefined): Listing | undefined {
    return this.#views.listing(this.#opener.shown(client), client)
  }

  info(client: Client | undefined): UpstreamInfo | undefined {
    return this.#views.get(this.#opener.shown(client))?.info
  }

  errorOutput(): string | undefined {
    return this.#options.errorOutput?.()
  }

  prepare(client: Client, hold = true): Promise<void> {
    return this.#preparation.prepare(client, hold)
  }

  handle(request: McpRequest, context: Context): Promise<McpResult> {
    const refusal = this.#options.refuse?.(request, () => this.listing(context.client)?.resourceTemplate ?? [])
    return refusal === undefined ? this.#dispatcher.handle(request, context) : Promise.reject(refusal)
  }

  setLevel(client: Client, level: string): void {
    this.#owned.setLevel(client, level)
    if (this.#policy.session !== "shared") return
    this.#base?.setLevel(level).catch((error: unknown) => this.#log("did not take the log level", error))
  }

  tell(client: Client, notification: McpNotification): void {
    this.#owned.tell(client, notification)
    const waiting = this.#views.unowned(this.#opener.fit(client), client)
    if (waiting?.openedFor !== undefined) waiting.session.notify(notification)
  }

  release(client: Client): void {
    this.#subscriptions.forget(client)
    this.#owned.release(client)
    this.#views.release(client)
    this.#preparation.forget(client)
    if (this.#policy.session !== "shared") return
    this.#base?.forget(client).catch((error: unknown) => this.#log("did not end a client's subscriptions", error))
  }

  on(listener: (event: UpstreamEvent) => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#idleCheck)
    this.#owned.close()
    this.#life.happened("closed")
    this.#outcome.end()
    await Promise.allSettled([this.#supervision, this.#keeper?.saved, ...this.#opener.closeAll()])
  }

  /** Opens the catalogue's connection. */
  async #attempt(most: number): Promise<LiveSession> {
    const live = await this.#open(this.#firstClient, undefined, most)
    await this.#views.take(live)
    this.#ready(live)
    return live
  }

  #ready(live: LiveSession): void {
    this.#views.setBase(live)
    this.#base = live
    this.#life.happened("listed")
    this.#outcome.end()
    this.#save()
    this.#replay()
    this.#preparation.verify()
  }

  /** Keeps what was listed for the next start. */
  #save(): void {
    if (this.#life.now.state === "ready") this.#keeper?.save()
  }

  #failed(error: unknown, looping: boolean): void {
    if (this.#closing.signal.aborted) return
    const reason = `${looping ? "it ends again and again: " : ""}${messageOf(error)}`
    this.#life.happened(isHopeless(error) ? "hopeless" : "lost", reason)
    this.#outcome.end()
  }

  /** Has the server started, or tried again now, where that makes sense; resolves when it is known how that ended. */
  async #wake(): Promise<void> {
    const { state } = this.#life.now
    if (this.#closing.signal.aborted || state === "failed" || state === "disabled") return
    if (state === "stopped") this.#life.happened("woken")
    if ((state === "stopped" || state === "backoff") && !this.#supervisor.wake()) return
    if (this.#outcome.isOver) this.#outcome = new Gate()
    const isFirst = state === "starting" || state === "stopped"
    await Promise.race([this.#outcome.ended, ...(isFirst ? [] : [sleep(wakeMs, this.#closing.signal)])])
  }

  /** Its calls fail: those of its sessions that do not answer even now are ended, and opened again when they are needed. */
  #troubled(reason: string): void {
    this.#life.happened("troubled", reason)
    if (this.#life.now.state !== "degraded") return
    void this.#opener.endSilent().then(() => {
      this.#life.happened("recovered")
      this.#outcome.end()
    })
  }

  /** A server that runs only while it is needed is not, any more. */
  #restWhenIdle(): void {
    if (this.#life.now.state !== "ready" || !this.#opener.isIdle(this.#policy.idleTimeoutMs)) return
    this.#base?.close().catch((error: unknown) => this.#log("did not close well", error))
  }

  /** `most`: the connections that may be begun for it. */
  #open(client: Client | undefined, owner: Client | undefined, most?: number): Promise<LiveSession> {
    const withinMs = this.#policy.timeouts.startMs
    return this.#opener.open(client, owner, { withinMs, most, closing: this.#closing.signal })
  }

  #ended(live: LiveSession, reason: Error): void {
    this.#owned.drop(live)
    this.#views.drop(live)
    const { owner } = live
    if (live === this.#base) {
      this.#base = undefined
      if (!live.closedByHost) this.#life.happened("lost", reason.message)
      else if (this.#options.start === "lazy" && !this.#closing.signal.aborted) {
        this.#supervisor.rest()
        this.#life.happened("rested", resting)
      }
      // Another one given up on purpose is replaced by a fresh one at once.
    } else if (owner !== undefined && !live.closedByHost && this.#subscriptions.wants(owner)) {
      setTimeout(() => this.#replay(), backoff.minTimeout).unref()
    }
  }

  /** Subscribes again where sessions were opened anew. */
  #replay(): void {
    if (this.#life.now.state !== "ready") return
    this.#subscriptions
      .replay((client) => this.#dispatcher.sessionFor(client))
      .catch((error: unknown) => this.#log("did not take subscriptions again", error))
  }

  #log(what: string, error: unknown): void {
    this.#policy.logger[this.#closing.signal.aborted ? "debug" : "warn"](what, { reason: messageOf(error) })
  }

  #emit(event: UpstreamEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
