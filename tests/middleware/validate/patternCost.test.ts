import { describe, expect, it } from "vitest"
import { longestFor } from "../../../src/middleware/validate/patternCost.ts"

const steps = 1_000_000

describe("longestFor", () => {
  it.each([
    ...[
      "^[a-z]+$",
      "^[a-z0-9]+(-[a-z0-9]+)*$",
      String.raw`^\d{4}-\d{2}-\d{2}$`,
      String.raw`^(\d{2}:)?\d+$`,
      "^https?://",
    ],
    ...[
      "^(foo|bar)$",
      String.raw`^\p{L}+$`,
      "^(read|write)(,(read|write))*$",
      "^(a{2}){3}$",
      String.raw`^(?:\.[a-z]+)*$`,
      "",
    ],
  ])("%s runs in linear time", (pattern) => {
    expect(longestFor(pattern, steps)).toBeGreaterThanOrEqual(1_000)
  })

  it.each([
    ["[a-z]+", 1_000],
    [String.raw`^[^@]+@[^@]+\.[^@]+$`, 1_000],
    ["^.*a.*b.*$", 99],
    ["^a|b$", 1_000],
  ])("%s runs up to %d characters", (pattern, longest) => {
    expect(longestFor(pattern, steps)).toBe(longest)
  })

  it.each([
    ...[
      "(a+)+$",
      "^(a|a)*$",
      "(x+x+)+y",
      "^(?!a).*",
      String.raw`(a)\1`,
      String.raw`^([a-zA-Z0-9]+\.)*x$`,
      "(a?){30}a{30}",
    ],
    ...[
      "(a|ab)".repeat(12),
      "(|a)".repeat(30),
      "((a{0,5}){0,5}){0,5}",
      "[",
      "a**",
      "(",
      "x{2}{3}",
      "^[z-a]$",
      "(?<!a)b",
    ],
    ...[`^${"a?".repeat(30)}${"a".repeat(30)}$`, "a".repeat(1_001), "(".repeat(12) + ")".repeat(12)],
  ])("%s never runs", (pattern) => {
    expect(longestFor(pattern, steps)).toBeUndefined()
  })
})
