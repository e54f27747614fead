/** Rates: exact to one percent, whatever the times of the calls are; and the same in Redis' language. */
import { randomUUID } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createMemoryStore } from "../../src/storage/memory.ts"
import { countCall, type RateState } from "../../src/storage/rate.ts"
import type { RateRule } from "../../src/storage/store.ts"
import { createClock, onEnd, redisStore, useRedis } from "./support.ts"

const { unavailable, server } = useRedis()

const rules = fc.record({
  limit: fc.integer({ min: 1, max: 400 }),
  perMs: fc.constantFrom(1_000, 1_500, 60_000, 3_600_000),
  burst: fc.integer({ min: 1, max: 400 }),
})
/** Times between calls, as parts of the window. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.02, noNaN: true }), fc.constant(0.3)), {
  minLength: 1,
  maxLength: 600,
})

/** The times at which calls were let through. */
function passed(rule: RateRule, parts: readonly number[], from = 1_234_567.89): number[] {
  let state: RateState | undefined
  let now = from
  return parts.flatMap((part) => {
    now += part * rule.perMs
    const { next } = countCall(state, rule, now)
    if (next === undefined) return []
    state = next.state
    return [now]
  })
}

describe("a sliding window", () => {
  it("never lets more through in any window, and holds nothing back for more than a percent of it", () => {
    fc.assert(
      fc.property(rules, pauses, (rule, parts) => {
        const { limit, perMs } = rule
        const times = passed({ algorithm: "sliding-window", ...rule }, parts)
        for (const [index, time] of times.entries()) {
          const before = times[index - limit]
          if (before !== undefined) expect(time - before).toBeGreaterThanOrEqual(perMs)
        }
        // As a log of all calls would decide, with a window that is a percent longer.
        const log: number[] = []
        let now = 1_234_567.89
        const wider = parts.filter((part) => {
          now += part * perMs
          const isFree = log.filter((time) => now - time < perMs * 1.01).length < limit
          if (isFree) log.push(now)
          return isFree
        })
        expect(times.length).toBeGreaterThanOrEqual(wider.length)
      }),
      { numRuns: 200 },
    )
  })
})

describe("a token bucket", () => {
  it("lets through what a bucket that is filled all the time would", () => {
    fc.assert(
      fc.property(rules, pauses, (rule, parts) => {
        const { limit, burst } = rule
        const times = passed({ algorithm: "token-bucket", ...rule }, parts)
        let [tokens, admitted] = [burst, 0]
        for (const part of parts) {
          tokens = Math.min(burst, tokens + part * limit)
          if (tokens < 1 - 1e-2) continue
          tokens -= 1
          admitted += 1
        }
        expect(Math.abs(times.length - admitted)).toBeLessThanOrEqual(Math.max(1, admitted * 0.01))
      }),
      { numRuns: 200 },
    )
  })
})

describe.each(["token-bucket", "sliding-window"] as const)("%s", (algorithm) => {
  const rule: RateRule = { algorithm, limit: 100, perMs: 60_000, burst: 100 }

  it("asks for the shortest wait that helps, and for one burst at most when the clock goes back", () => {
    let state: RateState | undefined
    for (let n = 0; n < 100; n += 1) state = countCall(state, rule, 10_000_000).next?.state
    const { waitMs, next } = countCall(state, rule, 10_000_000)
    expect(next).toBeUndefined()
    expect(countCall(state, rule, 10_000_000 + waitMs).waitMs).toBe(0)
    expect(countCall(state, rule, 10_000_000 + waitMs * 0.99 - 1).waitMs).toBeGreaterThan(0)
    const back = countCall(state, rule, 5_000).waitMs
    expect(back).toBeGreaterThan(0)
    expect(back).toBeLessThanOrEqual(60_300)
  })

  it("keeps little, however many calls it counts", () => {
    let state: RateState | undefined
    for (let now = 0; now < 120_000; now += 13) state = countCall(state, { ...rule, limit: 1e6 }, now).next?.state
    expect(JSON.stringify(state).length).toBeLessThan(4_000)
  })

  it("forgets keys of which nothing is left to know", async () => {
    const { now, tick } = createClock()
    const store = createMemoryStore(now)
    for (let round = 0; round < 20; round += 1) {
      for (let n = 0; n < 500; n += 1) await store.rate(`${round}-${n}`, rule)
      tick(70_000)
    }
    for (const key of ["0-0", "19-499"]) expect(await store.rate(key, { ...rule, limit: 1, burst: 1 })).toBe(0)
  })

  it.skipIf(unavailable !== undefined)(
    "is the same for two that share a Redis, under 1,000 calls at once",
    async () => {
      const { url } = await server()
      const prefix = randomUUID()
      const stores = await Promise.all([1, 2].map(() => redisStore({ url, prefix, timeoutMs: 60_000 })))
      for (const store of stores) onEnd(() => store.close())
      const shared: RateRule = { algorithm, limit: 300, perMs: 3_600_000, burst: 300 }
      const waits = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => stores[index % 2]?.rate("shared", shared)),
      )
      const admitted = waits.filter((wait) => wait === 0).length
      expect(admitted).toBeGreaterThanOrEqual(300)
      expect(admitted).toBeLessThanOrEqual(303)
    },
  )
})
