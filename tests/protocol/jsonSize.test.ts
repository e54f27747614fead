import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { JsonValue } from "../../src/protocol/json.ts"
import { jsonSize } from "../../src/protocol/jsonSize.ts"

const sizeOfText = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

describe("the size of a value as JSON", () => {
  it("is that of its text, whatever characters it has", () => {
    const text = fc.string({ unit: "binary", maxLength: 100 })
    const odd = fc.constantFrom(
      "\ud83d",
      "\ude00",
      "😀",
      '"',
      "\\",
      "\u007f",
      "\u0000",
      "\b",
      "é",
      "漢",
      "a".repeat(40),
    )
    const mixed = fc.array(fc.oneof(text, odd)).map((parts) => parts.join(""))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        mixed,
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(mixed, tie("value"), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(value, (given) => {
        expect(jsonSize(given as JsonValue)).toBe(sizeOfText(given))
      }),
      { numRuns: 500 },
    )
  })

  it("is right for what packages in this process may give", () => {
    class Point {
      readonly x = 1
      readonly hidden = undefined
    }
    const given = [
      { at: new Date(0), gone: undefined, what: () => 1, none: [undefined, () => 1, Symbol("s")] },
      new Point(),
      { toJSON: () => ({ other: true }) },
      Object.assign(Object.create({ inherited: 1 }), { own: 2 }),
      Object.assign(Object.create(null), { own: -0 }),
      [new Date(0), [], {}],
      JSON.parse('{"__proto__":{"a":1},"b":1e400,"c":1e21}'),
    ]
    for (const each of given) expect(jsonSize(each as JsonValue)).toBe(sizeOfText(each))
  })
})
