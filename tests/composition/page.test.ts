import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { pageOf } from "../../src/composition/page.ts"
import { ProtocolError } from "../../src/protocol/errors.ts"
import { holds } from "./property.ts"

const items = Array.from({ length: 10 }, (_, n) => n)
const list = { revision: "r1", items }

function codeOf(run: () => unknown): number | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof ProtocolError ? error.code : Number.NaN
  }
}

holds(
  "pages are complete, in order and stable",
  fc.property(fc.array(fc.integer(), { maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (numbers, size) => {
    const all: number[] = []
    let cursor: string | undefined
    do {
      const page = pageOf({ revision: "r", items: numbers }, cursor, size)
      expect(page).toEqual(pageOf({ revision: "r", items: [...numbers] }, cursor, size))
      expect(page.items.length).toBeLessThanOrEqual(size)
      expect(page.nextCursor ?? "a").toMatch(/^[A-Za-z0-9_-]+$/)
      all.push(...page.items)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(all).toEqual(numbers)
  }),
)

describe("cursors", () => {
  const { nextCursor = "" } = pageOf(list, undefined, 3)

  test("continue where the page ended, also with another page size", () => {
    expect(pageOf(list, nextCursor, 100)).toEqual({ items: items.slice(3) })
  })

  test.each([
    "",
    "x",
    "AAAA",
    "!!",
    `${nextCursor}=`,
    `${nextCursor} `,
    btoa("r1.0"),
    btoa("r1.-1"),
    btoa("r1.10"),
    btoa("r1.1e1"),
    "é",
  ])("%j is refused", (cursor) => expect(codeOf(() => pageOf(list, cursor, 3))).toBe(-32602))

  test("of another revision are refused with the way out", () => {
    expect(() => pageOf({ revision: "r2", items }, nextCursor, 3)).toThrow(/list again from the start/)
    expect(codeOf(() => pageOf({ revision: "r2", items }, nextCursor, 3))).toBe(-32602)
  })

  holds(
    "made up are refused or continue, and never break",
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), (cursor) => {
      expect([-32602, undefined]).toContain(codeOf(() => pageOf(list, cursor, 3)))
    }),
  )
})
