import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { isDuration, longestDurationMs, parseDuration } from "../../src/manifest/durations.ts"
import { parseSize } from "../../src/manifest/sizes.ts"

describe("durations", () => {
  test.each([
    ["0s", 0],
    ["250ms", 250],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["596h", 596 * 3_600_000],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
    expect(isDuration(text)).toBe(true)
  })

  test.each([
    "",
    "0",
    "10",
    "10 s",
    "1.5s",
    "-1s",
    "10S",
    "1h30m",
    "10sec",
    "s",
    "597h",
    "1e3s",
    " 1s",
    "1s\n",
    `${"9".repeat(400)}ms`,
  ])("%j is refused, naming it and what is allowed", (text) => {
    expect(isDuration(text)).toBe(false)
    expect(() => parseDuration(text)).toThrow(/^must be a duration such as 250ms, 10s, 5m or 1h .*, given "/)
  })

  test("every whole number of milliseconds a timer can wait is read exactly", () => {
    fc.assert(fc.property(fc.nat(longestDurationMs), (ms) => parseDuration(`${ms}ms`) === ms))
  })

  test("units are multiples of each other", () => {
    fc.assert(
      fc.property(fc.nat(500), (n) => {
        expect(parseDuration(`${n}h`)).toBe(parseDuration(`${n * 60}m`))
        expect(parseDuration(`${n}m`)).toBe(parseDuration(`${n * 60}s`))
        expect(parseDuration(`${n}s`)).toBe(parseDuration(`${n * 1000}ms`))
      }),
    )
  })
})

describe("sizes", () => {
  test.each([
    ["0B", 0],
    ["512B", 512],
    ["64KiB", 65_536],
    ["4MiB", 4_194_304],
    ["1GiB", 1_073_741_824],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test.each(["", "64", "64KB", "64kib", "1.5MiB", "-1B", "64 KiB", "99999999999GiB"])("%j is refused", (text) => {
    expect(() => parseSize(text)).toThrow(/^must be a size such as 512B, 64KiB, 4MiB or 1GiB, given "/)
  })

  test("any number of KiB is read exactly", () => {
    fc.assert(fc.property(fc.nat(2 ** 31), (n) => parseSize(`${n}KiB`) === n * 1024))
  })
})
