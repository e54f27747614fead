import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { Listing } from "../../src/composition/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Kind } from "../../src/protocol/methods.ts"
import { Freshness } from "../../src/upstreams/freshness.ts"
import { emptyListing } from "../../src/upstreams/listing.ts"
import type { LiveSession } from "../../src/upstreams/liveSession.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const listing = (ttls: Partial<Record<Kind, number>>): Listing => ({
  ...emptyListing,
  hints: Object.fromEntries(Object.entries(ttls).map(([kind, ttlMs]) => [kind, { ttlMs, cacheScope: "public" }])),
})

function create(capabilities: JsonObject = { tools: {}, prompts: {}, resources: {} }) {
  const relist = vi.fn<(live: LiveSession, kind: Kind) => void>()
  // All that is looked at.
  const live = { session: { capabilities } } as unknown as LiveSession
  return { freshness: new Freshness(relist), relist, live, kinds: () => relist.mock.calls.map(([, kind]) => kind) }
}

describe("Freshness", () => {
  it("has each list taken again when its time is over, and not before", async () => {
    const { freshness, live, kinds } = create()
    freshness.listed(live, listing({ tool: 10_000, prompt: 20_000 }))
    await vi.advanceTimersByTimeAsync(9_999)
    expect(kinds()).toEqual([])
    await vi.advanceTimersByTimeAsync(1_002)
    expect(kinds()).toEqual(["tool"])
    await vi.advanceTimersByTimeAsync(11_000)
    expect(kinds()).toEqual(["tool", "prompt"])
    await vi.advanceTimersByTimeAsync(100_000)
    expect(kinds()).toHaveLength(2)
  })

  it("waits a second at least, and never as long as a timer can't", async () => {
    const { freshness, live, kinds } = create()
    freshness.listed(live, listing({ tool: 1, prompt: 2 ** 40 }))
    await vi.advanceTimersByTimeAsync(999)
    expect(kinds()).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    expect(kinds()).toEqual(["tool"])
  })

  it("leaves lists alone that are good for no time, or whose changes are announced", async () => {
    const { freshness, live, kinds } = create({
      tools: { listChanged: true },
      prompts: {},
      resources: { listChanged: false },
    })
    freshness.listed(live, listing({ tool: 1_000, prompt: 0, resource: 1_000 }))
    freshness.listed(live, emptyListing, ["resourceTemplate"])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(kinds()).toEqual(["resource"])
  })

  it("starts anew with every look, and stops", async () => {
    const { freshness, live, kinds } = create()
    freshness.listed(live, listing({ tool: 10_000, prompt: 10_000 }))
    await vi.advanceTimersByTimeAsync(9_000)
    freshness.listed(live, listing({ tool: 10_000 }), ["tool"])
    await vi.advanceTimersByTimeAsync(3_000)
    expect(kinds()).toEqual(["prompt"])
    freshness.stop(live)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(kinds()).toEqual(["prompt"])
  })

  it("waits twice as long after each failure, up to a bound, until it is well again", async () => {
    const { freshness, live, relist } = create()
    const waits = async (ms: number): Promise<void> => {
      relist.mockClear()
      await vi.advanceTimersByTimeAsync(ms - 1)
      expect(relist).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(ms / 10 + 2)
      expect(relist).toHaveBeenCalledTimes(1)
    }
    const known = listing({ tool: 1_000 })
    for (const times of [2, 4, 8, 16, 32, 64, 64]) {
      freshness.failed(live, known, ["tool"])
      await waits(times * 1_000)
    }
    freshness.listed(live, known)
    await waits(1_000)
  })
})
