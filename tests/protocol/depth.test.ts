import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isTooDeep, maxDepth, nestsTooDeep } from "../../src/protocol/depth.ts"
import { leastCpuMs } from "../fixtures/noise.ts"

const nested = (depth: number, open = "[", close = "]"): string => `${open.repeat(depth)}${close.repeat(depth)}`

/** The nesting of a parsed value. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe("nestsTooDeep", () => {
  it("takes the limit and nothing beyond it", () => {
    expect(nestsTooDeep(nested(maxDepth))).toBe(false)
    expect(nestsTooDeep(nested(maxDepth + 1))).toBe(true)
    expect(nestsTooDeep(nested(64, '{"a":[', "]}"))).toBe(false)
    expect(nestsTooDeep(nested(65, '{"a":[', "]}"))).toBe(true)
  })

  it("counts what is open at once, and no brackets in strings", () => {
    expect(nestsTooDeep(`[${"[],".repeat(10_000)}0]`)).toBe(false)
    expect(nestsTooDeep(JSON.stringify({ text: nested(500) }))).toBe(false)
    expect(nestsTooDeep(JSON.stringify({ text: `\\"${nested(500)}\\` }))).toBe(false)
    expect(nestsTooDeep(`{"a":"\\\\",${nested(200)}}`)).toBe(true)
  })

  it("says of any JSON what its nesting says", () => {
    const deep = fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.integer({ min: 118, max: 138 })).map(([value, levels]) => {
      let whole: unknown = value
      for (let level = 0; level < levels; level += 1) whole = level % 3 === 0 ? { "[{\\": whole } : [whole, "]}"]
      return whole
    })
    fc.assert(
      fc.property(deep, (value) => {
        expect(nestsTooDeep(JSON.stringify(value))).toBe(depthOf(value) > maxDepth)
      }),
      { numRuns: 500 },
    )
  })

  it("says the same of values, whatever they hold beside", () => {
    const deep = (levels: number): unknown =>
      levels === 0 ? 1 : levels % 2 === 0 ? { a: 1, b: deep(levels - 1) } : [deep(levels - 1)]
    for (const levels of [0, 1, maxDepth, maxDepth + 1, 5_000]) expect(isTooDeep(deep(levels))).toBe(levels > maxDepth)
    const round: { self?: unknown; other?: unknown } = {}
    round.self = round.other = round
    expect(isTooDeep(round)).toBe(true)
    expect(isTooDeep({ bytes: new Uint8Array(10_000_000), none: null, text: "[".repeat(500) })).toBe(false)
  })

  it.each([
    ["brackets", nested(5_000_000)],
    ["quotes", '"'.repeat(10_000_000)],
    ["backslashes", `{"a":"${"\\".repeat(10_000_000)}`],
    ["pairs", "[]".repeat(5_000_000)],
  ])("looks at 10 MB of %s once", async (_what, text) => {
    expect(await leastCpuMs(2_000, () => nestsTooDeep(text))).toBeLessThan(2_000)
  })
})
