/**
 * Counting calls against a rate, as a pure step from one state to the next. The memory and the file store take it; the
 * Redis store takes the same step in the language of its scripts.
 */
import type { JsonValue } from "../protocol/json.ts"
import type { RateRule } from "./store.ts"

/**
 * Parts of a window that calls are counted in. A call counts until its whole part has left the window, so it counts for
 * half a percent longer than the window at most, and never shorter.
 */
export const windowSlots = 200

/** Of a bucket: when it is full again. Of a window: number and calls of each part, one after the other. */
export type RateState = number | readonly number[]

export interface Counted {
  /** 0: the call has been counted; otherwise after how many milliseconds there is room for one. */
  readonly waitMs: number
  /** What to remember, and for how long it matters; undefined when nothing was counted. */
  readonly next: { readonly state: RateState & JsonValue; readonly ttlMs: number } | undefined
}

/** A state of another algorithm counts as none. `now` may go back: what lies ahead of it is taken for now. */
export function countCall(state: JsonValue | RateState | undefined, rule: RateRule, now: number): Counted {
  const { waitMs, next } = rule.algorithm === "token-bucket" ? take(state, rule, now) : slide(state, rule, now)
  return waitMs > 0 ? { waitMs: Math.max(1, Math.ceil(waitMs)), next: undefined } : { waitMs: 0, next }
}

/** Rounding may make a token short of a thousandth. */
const tolerance = 1 / 1000

function take(state: unknown, { limit, perMs, burst }: RateRule, now: number): Counted {
  const intervalMs = perMs / limit
  const known = typeof state === "number" ? state : now
  const full = Math.max(now, Math.min(known, now + burst * intervalMs)) + intervalMs
  const waitMs = full - burst * intervalMs - now
  return { waitMs: waitMs <= intervalMs * tolerance ? 0 : waitMs, next: { state: full, ttlMs: full - now } }
}

function slide(state: unknown, { limit, perMs }: RateRule, now: number): Counted {
  const slotMs = perMs / windowSlots
  const current = Math.floor(now / slotMs)
  const kept: number[] = []
  let [sum, latest, oldest] = [0, 0, current]
  const known = Array.isArray(state) ? (state as readonly number[]) : []
  for (let index = 0; index + 1 < known.length; index += 2) {
    const slot = Math.min(known[index] ?? 0, current)
    const calls = known[index + 1] ?? 0
    if (slot < current - windowSlots) continue
    sum += calls
    oldest = Math.min(oldest, slot)
    if (slot === current) latest += calls
    else kept.push(slot, calls)
  }
  kept.push(current, latest + 1)
  const endOf = (slot: number): number => (slot + windowSlots + 1) * slotMs - now
  return { waitMs: sum < limit ? 0 : endOf(oldest), next: { state: kept, ttlMs: endOf(current) } }
}
