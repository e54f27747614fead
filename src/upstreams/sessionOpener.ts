/** Opens sessions of one server with the capabilities of the client they are for, and remembers what it learned of it. */

import { messageOf } from "../errors.ts"
import { upstreamError } from "../protocol/errors.ts"
import { canonicalJson, type JsonObject } from "../protocol/json.ts"
import type { Client, Context, McpNotification } from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import { kinds, kindWords } from "../protocol/methods.ts"
import type { Surround } from "../telemetry/types.ts"
import { capabilitiesToDeclare } from "../wire/bridge.ts"
import type { Channel } from "../wire/channel.ts"
import { type Era, erasToTry } from "../wire/eras/versions.ts"
import type { HeaderPaths } from "../wire/headers.ts"
import { openSession } from "../wire/open.ts"
import type { Timeouts } from "../wire/session.ts"
import type { OutputRoot } from "../wire/structured.ts"
import { LiveSession } from "./liveSession.ts"
import { maskedError } from "./ownError.ts"
import type { MaskingLogger } from "./serverLogger.ts"
import type { AskClient, TellClient } from "./upstream.ts"

/** The only view of a server whose clients share a session. */
const sharedView = "shared"

export interface SessionPolicy {
  /** Manifest key of the server. */
  readonly key: string
  readonly session: "per-client" | "shared" | "per-call"
  /** `era` of the manifest. */
  readonly era: string
  readonly timeouts: Timeouts
  readonly idleTimeoutMs: number
  readonly clientInfo: JsonObject
  /** Declared on a session that several clients share: nothing, unless every question can be attributed. */
  readonly sharedCapabilities: JsonObject
  readonly connect: () => Promise<Channel>
  readonly ask: AskClient
  readonly tell: TellClient
  readonly logger: MaskingLogger
  /** Looks at each request that clients make of it. */
  readonly around?: Surround | undefined
}

/** Bounds of one opening. */
export interface OpeningLimits {
  /** Time for all of it, in milliseconds. */
  readonly withinMs: number
  /** Connections that may be begun for it; without it, as many as are needed. */
  readonly most?: number | undefined
  /** Aborts when the host closes. */
  readonly closing: AbortSignal
}

export interface OpenerEvents {
  updated(uri: string, clients: readonly Client[]): void
  changed(live: LiveSession, kind: Kind): void
  closed(live: LiveSession, reason: Error): void
  /** A request of a client was answered, or failed. */
  called(error: unknown): void
}

export class SessionOpener {
  readonly #policy: SessionPolicy
  readonly #events: OpenerEvents
  readonly #headerPaths = new Map<string, HeaderPaths>()
  readonly #outputs = new Map<string, OutputRoot>()
  readonly #requiredTasks = new Set<string>()
  /** The generation this server speaks to clients of each generation, once known. */
  readonly #spoken = new Map<string, Era>()
  /** The same as of an earlier start: good for showing what was listed then, not for choosing a session. */
  #remembered: ReadonlyMap<string, string> = new Map()
  readonly #open = new Map<LiveSession, { readonly ended: Promise<void>; readonly end: () => void }>()

  /** Connections that were begun: of one attempt two, where the first dies of being probed. */
  begun = 0

  /** Sessions the server ended, until what they held on this side is gone. */
  readonly #endings = new Set<Promise<void>>()

  constructor(policy: SessionPolicy, events: OpenerEvents) {
    this.#policy = policy
    this.#events = events
  }

  /** The catalogue a client sees: its name, once it is known which generation this server speaks to it. */
  fit(client: Client): string | undefined {
    const era = this.#spoken.get(client.era)
    return era === undefined ? undefined : this.#viewKey(era, client)
  }

  /** As `fit`, else by what the server spoke at an earlier start. */
  shown(client: Client | undefined): string | undefined {
    if (client === undefined) return undefined
    if (this.#policy.session === "shared") return sharedView
    const era = this.#remembered.get(client.era)
    return this.fit(client) ?? (era === undefined || !isEra(era) ? undefined : this.#viewKey(era, client))
  }

  restore(spoken: ReadonlyMap<string, string>): void {
    this.#remembered = spoken
  }

  /** The generation spoken to clients of each: of this start, else as remembered. */
  get spoken(): ReadonlyMap<string, string> {
    return new Map([...this.#remembered, ...this.#spoken])
  }

  #connect(): ReturnType<SessionPolicy["connect"]> {
    this.begun += 1
    return this.#policy.connect()
  }

  /** Opens a session for a client (the catalogue's, while no client is known) and gives it an owner. */
  async open(
    client: Client | undefined,
    owner: Client | undefined,
    { withinMs, closing, most }: OpeningLimits,
  ): Promise<LiveSession> {
    const { session: sharing, key, logger } = this.#policy
    const live = new LiveSession({
      policy: this.#policy,
      waitMs: this.#policy.timeouts.callMs,
      shared: sharing === "shared",
      ask: this.#policy.ask,
      tell: this.#policy.tell,
      levelRefused: (error) => logger.warn("did not take the log level", { reason: messageOf(error) }),
      updated: this.#events.updated,
      called: this.#events.called,
    })
    if (sharing !== "shared") live.openedFor = client
    const late = new AbortController()
    const giveUp = (): void => late.abort()
    const timer = setTimeout(giveUp, withinMs)
    closing.addEventListener("abort", giveUp, { once: true })
    const eras = erasToTry(this.#policy.era, client?.era)
    try {
      const session = await openSession(() => this.#connect(), {
        eras,
        most,
        signal: late.signal,
        clientInfo: this.#policy.clientInfo,
        capabilitiesFor: (era, asking) => this.#capabilities(era, asking ?? client),
        timeouts: this.#policy.timeouts,
        headerPaths: this.#headerPaths,
        outputs: this.#outputs,
        requiredTasks: this.#requiredTasks,
        ask: (request, context, signal) => live.ask(request, context, signal),
        notification: (notification, context) => this.#notification(live, notification, context),
        notRestored: (error) =>
          logger.warn("did not take a log level or a subscription again", { reason: messageOf(error) }),
        closed: (reason) => this.#closed(live, reason),
      })
      this.#learn(client?.era ?? String(eras[0]), session.era)
      live.attach(session, this.#viewKey(session.era, client))
      live.owner = owner
      let end = (): void => undefined
      this.#open.set(live, {
        ended: new Promise((resolve) => {
          end = resolve
        }),
        end: () => end(),
      })
      return live
    } catch (error) {
      if (!late.signal.aborted || closing.aborted) throw maskedError(error, logger)
      const reason = `did not finish starting within ${withinMs} ms`
      throw upstreamError("UPSTREAM_UNAVAILABLE", { server: key, reason, sent: "no", retryable: true })
    } finally {
      clearTimeout(timer)
      closing.removeEventListener("abort", giveUp)
      logger.debug("opened a session")
    }
  }

  /** Resolves when the session has ended. */
  ended(live: LiveSession): Promise<void> {
    return this.#open.get(live)?.ended ?? Promise.resolve()
  }

  /** True when no session has been used for that long, in milliseconds. */
  isIdle(forMs: number): boolean {
    const oldest = performance.now() - forMs
    return [...this.#open.keys()].every((live) => live.idle && live.lastUsed < oldest)
  }

  /** Asks every session whether it still answers, and ends those that do not. */
  async endSilent(): Promise<void> {
    const asked = [...this.#open.keys()].map(async (live) => {
      if (!(await live.answers())) await this.#closing(live.end(new Error("it answered neither its calls nor a ping")))
    })
    await Promise.all(asked)
  }

  closeAll(): Promise<void>[] {
    const open = [...this.#open.keys()].map((live) => this.#closing(live.close()))
    return [...this.#endings, ...open]
  }

  #closing(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => this.#policy.logger.warn("did not close well", { reason: messageOf(error) }))
  }

  #capabilities(era: Era, client: Client | undefined): JsonObject {
    const shared = this.#policy.session === "shared" ? this.#policy.sharedCapabilities : undefined
    return capabilitiesToDeclare(era, client, shared)
  }

  #viewKey(era: Era, client: Client | undefined): string {
    if (this.#policy.session === "shared") return sharedView
    return `${era} ${canonicalJson(this.#capabilities(era, client))}`
  }

  #learn(asked: string, spoken: Era): void {
    this.#spoken.set(asked, spoken)
    // A server that had to be spoken to in the other generation knows only that one.
    if (asked !== spoken) this.#spoken.set(spoken, spoken)
  }

  #notification(live: LiveSession, notification: McpNotification, context: Context | undefined): void {
    const changed = kinds.filter((kind) => kindWords[kind].changed === notification.method)
    for (const kind of changed) this.#events.changed(live, kind)
    if (changed.length > 0) return
    if (notification.method === "host/dropped") {
      return this.#policy.logger.warn(
        "offers a tool with invalid header annotations, which is left out",
        notification.params,
      )
    }
    live.notification(notification, context)
  }

  #closed(live: LiveSession, reason: Error): void {
    const open = this.#open.get(live)
    if (open === undefined) return
    this.#open.delete(live)
    if (!live.closedByHost) {
      // The tear-downs of a package run and sockets close now, not when the host does.
      const ending = this.#closing(live.session.close())
      this.#endings.add(ending)
      void ending.then(() => this.#endings.delete(ending))
    }
    this.#events.closed(live, reason)
    open.end()
  }
}

/** A setting that names a generation leaves only that one to try. */
function isEra(text: string): text is Era {
  return erasToTry(text, undefined).length === 1
}
