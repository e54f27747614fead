/** When a process that ends again and again is left alone. */
import { describe, expect, it } from "vitest"
import { CrashLoop } from "../../src/upstreams/breaker.ts"

/** How many processes start in the first minute, when each attempt starts `each` and is made as soon as it may be. */
function startsInAMinute(each: number): number {
  const loop = new CrashLoop()
  let starts = 0
  for (let now = 0; now < 60_000; now += 100) {
    if (loop.isLooping(now)) continue
    starts += each
    loop.ended(each, now)
  }
  return starts
}

describe("a process that ends again and again", () => {
  it.each([1, 2])("is started five times a minute at most, with %i an attempt", (each) => {
    expect(startsInAMinute(each)).toBeGreaterThanOrEqual(4)
    expect(startsInAMinute(each)).toBeLessThanOrEqual(5)
  })

  it("may be started as often as is left of five", () => {
    const loop = new CrashLoop()
    const left = [0, 1, 2, 3, 4].map((now) => {
      const most = loop.left(now)
      loop.ended(1, now)
      return most
    })
    expect(left).toEqual([5, 4, 3, 2, 1])
    expect(loop.left(60_000)).toBe(1)
    expect(loop.left(60_002)).toBe(3)
  })

  it("counts those that the last one outlived from when they ended", () => {
    const loop = new CrashLoop()
    loop.ended(2, 100_000, 1_000)
    expect(loop.left(100_000)).toBe(4)
    loop.ended(2, 100_002, 100_001)
    expect(loop.left(100_002)).toBe(2)
  })

  it.each([1, 2])("is tried again when the minute is over, with %i an attempt", (each) => {
    const loop = new CrashLoop()
    while (!loop.isLooping(1_000)) loop.ended(each, 1_000)
    expect(loop.restMs(11_000)).toBe(50_000)
    expect(loop.isLooping(60_999)).toBe(true)
    expect(loop.isLooping(61_000)).toBe(false)
    expect(loop.restMs(61_000)).toBe(0)
  })
})
