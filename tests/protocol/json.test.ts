import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  canonicalJson,
  type JsonValue,
  objectAt,
  objectsAt,
  repeatsMember,
  sameJson,
  stringAt,
} from "../../src/protocol/json.ts"
import { passesLogLevel } from "../../src/protocol/methods.ts"

const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)

function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}

describe("canonicalJson", () => {
  it("is JSON of the same value", () => {
    fc.assert(fc.property(json, (value) => void expect(JSON.parse(canonicalJson(value))).toEqual(value)))
  })

  it("does not depend on the order of keys", () => {
    fc.assert(fc.property(json, (value) => void expect(canonicalJson(reversed(value))).toBe(canonicalJson(value))))
  })

  it("tells values apart", () => {
    fc.assert(
      fc.property(json, json, (one, two) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(two))
        if (canonicalJson(one) === canonicalJson(two)) expect(one).toEqual(two)
      }),
    )
    expect(canonicalJson(["1"])).not.toBe(canonicalJson([1]))
    expect(canonicalJson([[1], 2])).not.toBe(canonicalJson([1, [2]]))
  })
})

describe("sameJson", () => {
  it("says what canonicalJson says", () => {
    // Small values, so that equal ones and those that differ in one place come up.
    const small = fc
      .letrec<{ value: JsonValue }>((tie) => ({
        value: fc.oneof(
          { maxDepth: 2 },
          fc.constantFrom<JsonValue>(null, 0, 1, "", "a", true),
          fc.array(tie("value"), { maxLength: 2 }),
          fc.dictionary(fc.constantFrom("a", "b", "__proto__"), tie("value"), { maxKeys: 2 }),
        ),
      }))
      .value.map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
    fc.assert(
      fc.property(small, small, (one, two) => {
        expect(sameJson(one, two)).toBe(canonicalJson(one) === canonicalJson(two))
        expect(sameJson(one, reversed(one))).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe("members", () => {
  it("are what they are, or undefined", () => {
    const value = { o: { a: 1 }, s: "", n: null, l: [1, { b: 2 }, null, [{}]] }
    expect([objectAt(value, "o"), objectAt(value, "l"), objectAt(value, "n"), objectAt(value, "x")]).toEqual([
      { a: 1 },
      undefined,
      undefined,
      undefined,
    ])
    expect([stringAt(value, "s"), stringAt(value, "n"), stringAt(value, "x")]).toEqual(["", undefined, undefined])
    expect([objectsAt(value, "l"), objectsAt(value, "o"), objectsAt(value, "x")]).toEqual([[{ b: 2 }], [], []])
  })
})

describe("log levels", () => {
  it.each([
    ["debug", "info", false],
    ["info", "info", true],
    ["emergency", "info", true],
    ["warning", "error", false],
    ["info", undefined, true],
    ["unknown", "emergency", true],
    [7, "error", true],
  ])("%s passes a threshold of %s: %s", (level, threshold, passes) => {
    expect(passesLogLevel(level, threshold)).toBe(passes)
  })
})

describe("repeatsMember", () => {
  const repeats = (text: string): boolean => repeatsMember(text, JSON.parse(text) as JsonValue)

  it("is false for what JSON.stringify writes, however it is spaced", () => {
    const spaces = fc.constantFrom<string | number>(0, 1, 4, "\t", "\r\n")
    fc.assert(
      fc.property(fc.jsonValue(), spaces, (value, space) => {
        expect(repeats(JSON.stringify(value, null, space))).toBe(false)
      }),
    )
  })

  it("is true when any object has a member of the same name, written in whichever way", () => {
    const escaped = (name: string): string =>
      `"${Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`
    const written = (name: string): fc.Arbitrary<string> => fc.constantFrom(JSON.stringify(name), escaped(name))
    const repeated = fc
      .string()
      .chain((name) => fc.tuple(written(name), written(name), fc.jsonValue(), fc.jsonValue(), fc.jsonValue()))
    fc.assert(
      fc.property(repeated, ([one, other, first, between, last]) => {
        const [a, b, c] = [first, between, last].map((each) => JSON.stringify(each))
        const object = `{${one}:${a},"between ${"~".repeat(300)}":${b}, ${other} : ${c}}`
        expect(repeats(object)).toBe(true)
        expect(repeats(`[1,{"inside":[${object}]}]`)).toBe(true)
      }),
    )
  })

  it.each(['{"__proto__":1,"__proto__":2}', '{"a":{"x":1},"a":2}', '[{"1":1,"1":1}]', '{"":0,"":0}'])(
    "is true for %s",
    (text) => {
      expect(repeats(text)).toBe(true)
    },
  )

  it.each([
    '{"__proto__":1,"constructor":2}',
    '{"a":"\\":","b":"\\\\"}',
    '["a","a",":","\\":"]',
    '{"2":1,"1":{"2":1}}',
  ])("is false for %s", (text) => {
    expect(repeats(text)).toBe(false)
  })
})
