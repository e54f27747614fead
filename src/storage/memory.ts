/** Stores of this process: lost when it ends. */
import type { JsonValue } from "../protocol/json.ts"
import { add } from "./counter.ts"
import { countCall, type RateState } from "./rate.ts"
import { noVersion, type OpenStore, type RateRule } from "./store.ts"

interface Entry {
  readonly value: JsonValue
  readonly version: string
  readonly expiresAt: number
}

/** Entries there may be before those are looked for that have expired and that nobody asks for. */
const fewEntries = 1_000

/** Without a clock of its own, rates have one that nobody sets. */
export function createMemoryStore(clock?: () => number): OpenStore {
  const now = clock ?? Date.now
  const rates = new Rates(clock)
  const entries = new Map<string, Entry>()
  let writes = 0
  let sweepAt = fewEntries
  const live = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (entry === undefined || entry.expiresAt > now()) return entry
    entries.delete(key)
    return undefined
  }
  const write = (key: string, value: JsonValue, expiresAt: number): void => {
    writes += 1
    entries.set(key, { value, version: String(writes), expiresAt })
    if (entries.size < sweepAt) return
    for (const each of entries.keys()) live(each)
    sweepAt = Math.max(fewEntries, 2 * entries.size)
  }
  const expiry = (ttlMs: number | undefined): number => (ttlMs === undefined ? Number.POSITIVE_INFINITY : now() + ttlMs)
  return {
    atomic: true,
    get: async (key) => structuredClone(live(key)?.value),
    getVersioned: async (key) => {
      const entry = live(key)
      return { value: structuredClone(entry?.value), version: entry?.version ?? noVersion }
    },
    set: async (key, value, { ttlMs, ifVersion } = {}) => {
      if (ifVersion !== undefined && (live(key)?.version ?? noVersion) !== ifVersion) return false
      write(key, structuredClone(value), expiry(ttlMs))
      return true
    },
    take: async (key) => {
      const entry = live(key)
      entries.delete(key)
      return entry?.value
    },
    increment: async (key, by = 1, ttlMs) => {
      const entry = live(key)
      const sum = add(key, entry?.value, by)
      write(key, sum, entry?.expiresAt ?? expiry(ttlMs))
      return sum
    },
    rate: async (key, rule) => rates.count(key, rule),
    delete: async (key) => live(key) !== undefined && entries.delete(key),
    keys: async (prefix = "") =>
      [...entries.keys()].filter((key) => key.startsWith(prefix) && live(key) !== undefined).sort(),
    close: async () => undefined,
  }
}

/** Counts calls against rates, in this process. */
export class Rates {
  readonly #now: () => number
  readonly #states = new Map<string, { state: RateState; endsAt: number }>()
  #sweepAt = fewEntries

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** 0: the call has been counted; otherwise after how many milliseconds there is room for one. */
  count(key: string, rule: RateRule): number {
    const now = this.#now()
    const known = this.#states.get(key)
    const { waitMs, next } = countCall(known?.state, rule, now)
    if (next === undefined) return waitMs
    const endsAt = now + next.ttlMs
    if (known !== undefined) {
      known.state = next.state
      known.endsAt = endsAt
      return 0
    }
    this.#states.set(key, { state: next.state, endsAt })
    if (this.#states.size >= this.#sweepAt) this.#sweep(now)
    return 0
  }

  /** Forgets what says no more than nothing would. */
  #sweep(now: number): void {
    for (const [key, { endsAt }] of this.#states) if (endsAt <= now) this.#states.delete(key)
    this.#sweepAt = Math.max(fewEntries, 2 * this.#states.size)
  }
}
