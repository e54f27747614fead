/**
 * What every store does: the contract suite. `tick` lets time pass for it, in milliseconds of an injected clock or in
 * larger units of the real one (`unitMs`), with room on both sides of every expiry.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { noVersion, type OpenStore, type RateRule } from "../../src/storage/store.ts"
import { racesTheClock } from "../fixtures/noise.ts"

export interface StoreUnderTest {
  readonly store: OpenStore
  tick(units: number): void | Promise<void>
  /** Milliseconds; default 1. */
  readonly unitMs?: number
}

export interface StoreTraits {
  /** Why the suite cannot run here. */
  readonly unavailable?: string | undefined
  /** False: single steps are refused. */
  readonly atomic?: boolean
}

export function testStore(
  name: string,
  create: () => StoreUnderTest | Promise<StoreUnderTest>,
  { unavailable, atomic = true }: StoreTraits = {},
): void {
  describe.skipIf(unavailable !== undefined)(unavailable === undefined ? name : `${name} (${unavailable})`, () => {
    let store: OpenStore
    let tick: StoreUnderTest["tick"]
    let unitMs: number
    beforeEach(async () => {
      const made = await create()
      store = made.store
      tick = made.tick
      unitMs = made.unitMs ?? 1
    })
    afterEach(() => store.close())

    it.each([null, false, 0, "", "text", 1.5, [], {}, [1, [null, { a: "b" }]], { __proto__x: 1, "": { deep: [{}] } }])(
      "keeps %j",
      async (value) => {
        await store.set("key", value)
        expect(await store.get("key")).toEqual(value)
      },
    )

    it("knows nothing it was not told", async () => {
      expect(await store.get("none")).toBeUndefined()
      expect(await store.delete("none")).toBe(false)
      expect(await store.keys()).toEqual([])
      for (const odd of ["__proto__", "constructor", "toString"]) expect(await store.get(odd)).toBeUndefined()
    })

    it("replaces, deletes and forgets", async () => {
      await store.set("a", 1)
      await store.set("a", 2)
      expect(await store.get("a")).toBe(2)
      expect(await store.delete("a")).toBe(true)
      expect(await store.delete("a")).toBe(false)
      expect(await store.get("a")).toBeUndefined()
    })

    it("keeps its own copy", async () => {
      const value: JsonObject = { list: [1] }
      await store.set("a", value)
      ;(value["list"] as number[]).push(2)
      const first = (await store.get("a")) as JsonObject
      expect(first).toEqual({ list: [1] })
      ;(first["list"] as number[]).push(3)
      expect(await store.get("a")).toEqual({ list: [1] })
    })

    it("says whether something was there to delete", async () => {
      await store.set("a", 1)
      const deleted = await Promise.all([store.delete("a"), store.delete("b")])
      expect(deleted).toEqual([true, false])
    })

    it("forgets when the time has come, not before", racesTheClock, async () => {
      await store.set("short", 1, { ttlMs: 100 * unitMs })
      await store.set("long", 1)
      await tick(50)
      expect(await store.get("short")).toBe(1)
      expect(await store.keys()).toEqual(["long", "short"])
      await tick(60)
      expect(await store.get("short")).toBeUndefined()
      expect(await store.delete("short")).toBe(false)
      expect(await store.keys()).toEqual(["long"])
      expect(await store.get("long")).toBe(1)
    })

    it("counts the time from the last set, and lets it be lifted", racesTheClock, async () => {
      await store.set("again", 1, { ttlMs: 100 * unitMs })
      await store.set("lifted", 1, { ttlMs: 100 * unitMs })
      await tick(60)
      await store.set("again", 2, { ttlMs: 100 * unitMs })
      await store.set("lifted", 3)
      await tick(60)
      expect(await store.get("again")).toBe(2)
      expect(await store.get("lifted")).toBe(3)
    })

    it("lists keys by prefix, sorted", async () => {
      for (const key of ["b/2", "a", "b/10", "b", "c/b/1", "", "B", "*", "b?", "ä", "\ud800"]) await store.set(key, key)
      expect(await store.keys()).toEqual(["", "*", "B", "a", "b", "b/10", "b/2", "b?", "c/b/1", "ä", "\ud800"])
      expect(await store.keys("b/")).toEqual(["b/10", "b/2"])
      expect(await store.keys("*")).toEqual(["*"])
      expect(await store.keys("x")).toEqual([])
      for (const key of ["B", "b", "\ud800"]) expect(await store.get(key)).toBe(key)
    })

    it("keeps large values", async () => {
      const value = "ä\n".repeat(20_000)
      await store.set("large", value)
      expect(await store.get("large")).toBe(value)
    })

    if (atomic) {
      testSingleSteps(() => ({ store, tick, unitMs }))
      testRates(() => ({ store, tick, unitMs }))
    } else
      it("refuses single steps", async () => {
        const refused = { code: "STORE_NOT_ATOMIC" }
        expect(store.atomic).toBe(false)
        await expect(store.take("a")).rejects.toMatchObject(refused)
        await expect(store.increment("a")).rejects.toMatchObject(refused)
        await expect(store.rate("a", bucket(1, 1))).rejects.toMatchObject(refused)
        await expect(store.getVersioned("a")).rejects.toMatchObject(refused)
        await expect(store.set("a", 1, { ifVersion: noVersion })).rejects.toMatchObject(refused)
        expect(await store.get("a")).toBeUndefined()
      })
  })
}

function testSingleSteps(current: () => Required<StoreUnderTest>): void {
  it("says that it has single steps", () => {
    expect(current().store.atomic).toBe(true)
  })

  it("gives an entry to exactly one of those who take it", async () => {
    const { store } = current()
    await store.set("ticket", { n: 1 })
    const taken = await Promise.all(Array.from({ length: 10 }, () => store.take("ticket")))
    expect(taken.filter((each) => each !== undefined)).toEqual([{ n: 1 }])
    expect(await store.take("none")).toBeUndefined()
    expect(await store.get("ticket")).toBeUndefined()
  })

  it("does not give, take or count what has expired", async () => {
    const { store, tick, unitMs } = current()
    for (const key of ["get", "take", "count"]) await store.set(key, 1, { ttlMs: 50 * unitMs })
    await tick(60)
    expect(await store.take("take")).toBeUndefined()
    expect(await store.increment("count")).toBe(1)
    expect(await store.getVersioned("get")).toEqual({ value: undefined, version: noVersion })
    expect(await store.set("get", 2, { ifVersion: noVersion })).toBe(true)
  })

  it("writes only over the version it was told", async () => {
    const { store } = current()
    expect(await store.getVersioned("a")).toEqual({ value: undefined, version: noVersion })
    expect(await store.set("a", 1, { ifVersion: noVersion })).toBe(true)
    expect(await store.set("a", 2, { ifVersion: noVersion })).toBe(false)
    const { value, version } = await store.getVersioned("a")
    expect(value).toBe(1)
    expect(await store.set("a", 2, { ifVersion: version })).toBe(true)
    expect(await store.set("a", 3, { ifVersion: version })).toBe(false)
    expect(await store.get("a")).toBe(2)
  })

  it("gives every write another version, also of the same value and after a deletion", async () => {
    const { store } = current()
    const seen: string[] = []
    for (const write of [() => store.set("a", 1), () => store.set("a", 1), () => store.increment("a", 0)]) {
      await write()
      seen.push((await store.getVersioned("a")).version)
    }
    await store.delete("a")
    await store.set("a", 1)
    seen.push((await store.getVersioned("a")).version)
    expect(new Set([...seen, noVersion]).size).toBe(5)
  })

  it("lets one of several win who write over the same version", async () => {
    const { store } = current()
    const won = await Promise.all([1, 2, 3, 4, 5].map((n) => store.set("a", n, { ifVersion: noVersion })))
    expect(won.filter(Boolean)).toHaveLength(1)
    expect(await store.get("a")).toBe(won.indexOf(true) + 1)
  })

  it("counts, and loses no step", async () => {
    const { store } = current()
    expect(await store.increment("n")).toBe(1)
    expect(await store.increment("n", 41)).toBe(42)
    expect(await store.increment("n", -2)).toBe(40)
    await Promise.all(Array.from({ length: 20 }, () => store.increment("n", 3)))
    expect(await store.get("n")).toBe(100)
    expect(await store.increment("big", Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
    expect(await store.get("big")).toBe(Number.MAX_SAFE_INTEGER)
  })

  it("gives a counter its time when it is made, not when it counts on", racesTheClock, async () => {
    const { store, tick, unitMs } = current()
    await store.increment("n", 1, 100 * unitMs)
    await tick(60)
    expect(await store.increment("n", 1, 100 * unitMs)).toBe(2)
    await tick(60)
    expect(await store.get("n")).toBeUndefined()
  })

  it.each([["text"], [1.5], [null], [[1]], [Number.MAX_SAFE_INTEGER]])("does not count on from %j", async (value) => {
    const { store } = current()
    await store.set("a", value)
    await expect(store.increment("a")).rejects.toThrow(TypeError)
    expect(await store.get("a")).toEqual(value)
  })

  it("does not count by parts", async () => {
    await expect(current().store.increment("a", 0.5)).rejects.toThrow(TypeError)
    expect(await current().store.get("a")).toBeUndefined()
  })
}

function bucket(limit: number, perMs: number, burst = limit): RateRule {
  return { algorithm: "token-bucket", limit, perMs, burst }
}

/** Rates of an hour, so that time plays no part. */
const hourMs = 3_600_000

function testRates(current: () => Required<StoreUnderTest>): void {
  it.each(["token-bucket", "sliding-window"] as const)(
    "counts calls, and no more than there are: %s",
    async (algorithm) => {
      const { store } = current()
      const rule: RateRule = { algorithm, limit: 5, perMs: hourMs, burst: 5 }
      const waits = await Promise.all(Array.from({ length: 12 }, () => store.rate("r", rule)))
      expect(waits.filter((wait) => wait === 0)).toHaveLength(5)
      const longest = algorithm === "token-bucket" ? hourMs / 5 : hourMs * 1.005
      for (const wait of waits.filter((each) => each > 0)) {
        expect(wait).toBeGreaterThan(longest * 0.9)
        expect(wait).toBeLessThanOrEqual(Math.ceil(longest))
      }
      // Another key has a rate of its own.
      expect(await store.rate("other", rule)).toBe(0)
    },
  )

  it.each(["token-bucket", "sliding-window"] as const)(
    "has room again after the time it told: %s",
    async (algorithm) => {
      const { store, tick, unitMs } = current()
      const rule: RateRule = { algorithm, limit: 2, perMs: 100 * unitMs, burst: 2 }
      const waits = await Promise.all([1, 2, 3].map(() => store.rate("r", rule)))
      const wait = Math.max(...waits)
      expect(waits.filter((each) => each === 0)).toHaveLength(2)
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(Math.ceil(100.5 * unitMs))
      await tick(wait / unitMs + 1)
      expect(await store.rate("r", rule)).toBe(0)
    },
  )

  it("keeps rates apart from entries", async () => {
    const { store } = current()
    await store.set("r", "entry")
    expect(await store.rate("r", bucket(1, hourMs))).toBe(0)
    expect(await store.get("r")).toBe("entry")
    expect(await store.keys()).toEqual(["r"])
    expect(await store.delete("r")).toBe(true)
    expect(await store.rate("r", bucket(1, hourMs))).toBeGreaterThan(0)
    expect(await store.keys()).toEqual([])
  })

  it("takes what another rule has counted as far as it can", async () => {
    const { store } = current()
    await store.rate("r", bucket(10, hourMs))
    expect(await store.rate("r", { algorithm: "sliding-window", limit: 1, perMs: hourMs, burst: 1 })).toBe(0)
    expect(await store.rate("r", bucket(1, hourMs))).toBe(0)
    expect(await store.rate("r", bucket(1, 10 * hourMs))).toBeGreaterThan(0)
  })
}
