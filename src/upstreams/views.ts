/**
 * The catalogues of one server, one for each group of clients it shows the same to (generation and capabilities), and
 * the session each is kept current through. Taken once and frozen for `import`; live for `mount`.
 */
import { isDeepStrictEqual } from "node:util"
import type { Listing } from "../composition/types.ts"
import { messageOf } from "../errors.ts"
import type { Client } from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import { wrapsOutput } from "../wire/structured.ts"
import { hidesExecution } from "../wire/tasks.ts"
import type { Remembered, RememberedView } from "./catalogueCache.ts"
import { Freshness } from "./freshness.ts"
import { takeListing, withObjectOutputs, withoutExecution } from "./listing.ts"
import type { LiveSession } from "./liveSession.ts"
import type { ServerLogger } from "./serverContext.ts"
import type { UpstreamInfo } from "./upstream.ts"

/** Catalogues kept beside the first: clients that invent capability sets can't make the host open ever more sessions. */
const maxViews = 16
/**
 * Announcements that arrive together are one change. A list is asked for again after the short rest, and while announcements
 * do not end once a second. All in milliseconds.
 */
const settleMs = 50
const shortRestMs = 450
const longRestMs = 950

interface View {
  listing: Listing
  info: UpstreamInfo
  /** Generation the session spoke that showed it. */
  readonly era: string
  live: LiveSession | undefined
  readonly users: Set<string>
  /** True when the cache remembers it and this start has not listed it yet. */
  readonly standIn?: boolean
}

export interface ViewsOptions {
  readonly freeze: boolean
  readonly logger: ServerLogger
  readonly signal: AbortSignal
  /** What some client would list has changed. */
  readonly changed: () => void
}

export class Views {
  readonly #options: ViewsOptions
  readonly #views = new Map<string, View>()
  readonly #pending = new Map<string, Set<Kind>>()
  /** Views of which more changes were announced while they rested. */
  readonly #restless = new Set<string>()
  /** Kinds of a frozen catalogue of which a change was logged. */
  readonly #ignored = new Set<Kind>()
  readonly #freshness = new Freshness((live, kind) => this.relist(live, kind))
  #base: string | undefined

  constructor(options: ViewsOptions) {
    this.#options = options
  }

  /** The catalogue of that name; the first one taken when there is none or no name. */
  get(key: string | undefined): View | undefined {
    return (key === undefined ? undefined : this.#views.get(key)) ?? this.#views.get(this.#base ?? "")
  }

  /** What a client lists, in the form its generation knows. */
  listing(key: string | undefined, client: Client | undefined): Listing | undefined {
    const view = this.get(key)
    if (view === undefined || client === undefined) return view?.listing
    if (hidesExecution(view.era, client.era)) return withoutExecution(view.listing)
    return wrapsOutput(view.era, client.era) ? withObjectOutputs(view.listing) : view.listing
  }

  get full(): boolean {
    return [...this.#views.values()].filter((view) => view.standIn !== true).length >= maxViews
  }

  /** Notes that a client sees this catalogue; false when it has to be taken first. */
  use(key: string, client: Client): boolean {
    const view = this.#views.get(key)
    view?.users.add(client.key)
    return view !== undefined && view.standIn !== true
  }

  /** Notes that a client sees what the cache remembers; false when it remembers nothing for it. */
  standsIn(key: string | undefined, client: Client): boolean {
    const view = this.#views.get(key ?? "")
    view?.users.add(client.key)
    return view?.standIn === true
  }

  /** Shows what was listed at an earlier start until it is listed again. */
  restore({ base, views }: Pick<Remembered, "base" | "views">): void {
    this.#base = base
    for (const [key, { listing, info, era }] of [...views].slice(0, maxViews))
      this.#views.set(key, { listing, info, era, live: undefined, users: new Set(), standIn: true })
  }

  /** What the next start may show at first: what was listed now, then what nobody has asked for since. */
  remember(): Pick<Remembered, "base" | "views"> | undefined {
    const base = this.#base
    if (base === undefined) return undefined
    const rank = ([key, view]: [string, View]): number => (key === base ? 0 : view.standIn === true ? 2 : 1)
    const ordered = [...this.#views].sort((a, b) => rank(a) - rank(b)).slice(0, maxViews)
    return { base, views: new Map<string, RememberedView>(ordered) }
  }

  /** Lists through a session and keeps what it shows. A session that shows what is already kept current is closed. */
  async take(live: LiveSession, client?: Client): Promise<void> {
    const known = this.#views.get(live.viewKey)
    const isFrozen = this.#options.freeze && known !== undefined && known.standIn !== true
    const listing = isFrozen ? known.listing : await this.#list(live)
    const info: UpstreamInfo = live.session
    const users = known?.users ?? new Set<string>()
    if (client !== undefined) users.add(client.key)
    const current = known?.live
    const spare = current !== undefined && current !== live && live.owner === undefined
    const same = known !== undefined && isDeepStrictEqual(known.listing, listing)
    const kept = spare ? current : live
    this.#views.set(live.viewKey, {
      listing: same ? known.listing : listing,
      info,
      era: live.session.era,
      live: kept,
      users,
    })
    if (current !== undefined && current !== kept) this.#freshness.stop(current)
    if (!this.#options.freeze) this.#freshness.listed(kept, listing)
    if (spare) await live.close()
    if (same) return
    if (known?.standIn === true) this.#forgetStandIns()
    this.#options.changed()
  }

  /** The session of a catalogue that belongs to no client yet and may become this one's. */
  unowned(key: string | undefined, client: Client): LiveSession | undefined {
    const live = key === undefined ? undefined : this.#views.get(key)?.live
    const isFree = live?.openedFor === undefined || live.openedFor.key === client.key
    return live?.owner === undefined && isFree ? live : undefined
  }

  setBase(live: LiveSession): void {
    this.#base = live.viewKey
  }

  /** The session has ended: what it showed stays as last seen. */
  drop(live: LiveSession): void {
    this.#freshness.stop(live)
    const view = this.#views.get(live.viewKey)
    if (view?.live !== live) return
    view.live = undefined
    if (live.viewKey !== this.#base && view.users.size === 0 && !this.#options.freeze) this.#views.delete(live.viewKey)
  }

  /** A client has left; catalogues nobody sees any more go, and with them the sessions that waited for a client. */
  release(client: Client): void {
    if (!client.leaves) return
    for (const [key, view] of this.#views) {
      if (!view.users.delete(client.key) || key === this.#base) continue
      const unseen = view.users.size === 0
      if (unseen && !this.#options.freeze && view.standIn !== true) this.#views.delete(key)
      const { live } = view
      if (live !== undefined && live.owner === undefined && (unseen || live.openedFor?.key === client.key)) {
        live.close().catch((error: unknown) => {
          this.#options.logger.debug("closing a session failed", { reason: messageOf(error) })
        })
      }
    }
  }

  /** The server announced a change of one of its lists. */
  relist(live: LiveSession, kind: Kind): void {
    if (this.#options.freeze) {
      const level = this.#ignored.has(kind) ? "debug" : "info"
      this.#ignored.add(kind)
      this.#options.logger[level](
        `announced a change of its ${kind} list; it is imported, so its catalogue stays as it was at start`,
      )
      return
    }
    const pending = this.#pending.get(live.viewKey)
    if (pending !== undefined) {
      pending.add(kind)
      return
    }
    this.#pending.set(live.viewKey, new Set([kind]))
    setTimeout(() => void this.#refresh(live), settleMs).unref()
  }

  async #refresh(live: LiveSession): Promise<void> {
    const wanted = this.#pending.get(live.viewKey) ?? new Set()
    const view = this.#views.get(live.viewKey)
    if (view === undefined || this.#options.signal.aborted) return void this.#pending.delete(live.viewKey)
    this.#pending.set(live.viewKey, new Set())
    try {
      const listing = await takeListing(live.session, this.#options.signal, wanted, view.listing)
      if (!isDeepStrictEqual(listing, view.listing)) {
        view.listing = listing
        this.#options.changed()
      }
      if (view.live !== undefined) this.#freshness.listed(view.live, listing, wanted)
    } catch (error) {
      if (view.live !== undefined) this.#freshness.failed(view.live, view.listing, wanted)
      // A session that was closed on purpose has nothing to list any more.
      const level = live.closedByHost || this.#options.signal.aborted ? "debug" : "warn"
      this.#options.logger[level]("its changed list could not be taken", { reason: messageOf(error) })
    }
    const restMs = this.#restless.has(live.viewKey) ? longRestMs : shortRestMs
    setTimeout(() => {
      const more = this.#pending.get(live.viewKey) ?? new Set()
      this.#pending.delete(live.viewKey)
      if (more.size > 0) this.#restless.add(live.viewKey)
      else this.#restless.delete(live.viewKey)
      for (const kind of more) this.relist(live, kind)
    }, restMs).unref()
  }

  /** The server is another than the cache remembers: what nobody sees of it is not worth showing to anybody. */
  #forgetStandIns(): void {
    for (const [key, view] of this.#views)
      if (view.standIn === true && view.users.size === 0 && key !== this.#base) this.#views.delete(key)
  }

  async #list(live: LiveSession): Promise<Listing> {
    try {
      return await takeListing(live.session, this.#options.signal)
    } catch (error) {
      await live.close()
      throw error
    }
  }
}
