/**
 * Has lists taken again when their time is over: a server that announces no changes says instead how long a list is good
 * for. Polling waits a little longer than that, differently each time, and longer after failures (specification
 * 2026-07-28, server/utilities/caching).
 */
import type { Listing } from "../composition/types.ts"
import { objectAt } from "../protocol/json.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"
import type { LiveSession } from "./liveSession.ts"

/** Least time between two looks at a list, in milliseconds, and the longest that timers take. */
const leastMs = 1_000
const mostMs = 2 ** 31 - 1
/** Most that is added to a list's time, as a part of it. */
const jitter = 0.1
/** Failures in a row that double the wait. */
const maxDoublings = 6

export class Freshness {
  readonly #relist: (live: LiveSession, kind: Kind) => void
  readonly #timers = new Map<LiveSession, Map<Kind, NodeJS.Timeout>>()
  readonly #failures = new WeakMap<LiveSession, number>()

  constructor(relist: (live: LiveSession, kind: Kind) => void) {
    this.#relist = relist
  }

  /** These kinds were listed just now. */
  listed(live: LiveSession, listing: Listing, listed: Iterable<Kind> = kinds): void {
    this.#failures.delete(live)
    this.#wait(live, listing, listed)
  }

  /** These kinds could not be listed. */
  failed(live: LiveSession, listing: Listing, failed: Iterable<Kind>): void {
    this.#failures.set(live, Math.min(maxDoublings, (this.#failures.get(live) ?? 0) + 1))
    this.#wait(live, listing, failed)
  }

  /** Lists of this session are of no interest any more. */
  stop(live: LiveSession): void {
    for (const timer of this.#timers.get(live)?.values() ?? []) clearTimeout(timer)
    this.#timers.delete(live)
  }

  #wait(live: LiveSession, { hints }: Listing, over: Iterable<Kind>): void {
    const timers = this.#timers.get(live) ?? new Map<Kind, NodeJS.Timeout>()
    for (const kind of over) {
      clearTimeout(timers.get(kind))
      timers.delete(kind)
      const ttlMs = hints?.[kind]?.ttlMs ?? 0
      if (ttlMs === 0 || announces(live, kind)) continue
      const waitMs = Math.max(leastMs, ttlMs) * 2 ** (this.#failures.get(live) ?? 0) * (1 + jitter * Math.random())
      timers.set(kind, setTimeout(() => this.#relist(live, kind), Math.min(mostMs, waitMs)).unref())
    }
    if (timers.size > 0) this.#timers.set(live, timers)
    else this.#timers.delete(live)
  }
}

function announces({ session }: LiveSession, kind: Kind): boolean {
  return objectAt(session.capabilities, kindWords[kind].capability)?.["listChanged"] === true
}
