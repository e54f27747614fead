/** What is seen at once to fit is what the validator finds nothing wrong with. */
import { type SchemaDraft, Validator } from "@cfworker/json-schema"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createPlainCheck } from "../../../src/middleware/validate/plain.ts"
import type { JsonObject } from "../../../src/protocol/json.ts"

const names = fc.constantFrom("a", "b", "c", "__proto__", "toString", "d/e~")
const scalar = fc.oneof(
  fc.constantFrom<unknown>("", "a", "😀", "ab", 0, -0, 1, 2, 1.5, 1e300, true, false, null, [], {}, Number.NaN),
  fc.string({ unit: "binary", maxLength: 4 }),
)
const args = fc.array(fc.tuple(names, scalar), { maxLength: 4 }).map((members) => toObject(members))
const type = fc.constantFrom<unknown>("string", "integer", "number", "boolean")
const bound = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 3 }) }, fc.constantFrom<unknown>(-1, 0.5, "1", null, true))
const property = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type }) },
  { weight: 3, arbitrary: fc.record({ type, enum: fc.array(scalar, { maxLength: 6 }) }) },
  {
    weight: 6,
    arbitrary: fc.record(
      { type, minimum: bound, maximum: bound, minLength: bound, maxLength: bound, description: fc.constant("a") },
      { requiredKeys: ["type"] },
    ),
  },
  fc.record({ type, exclusiveMinimum: fc.constantFrom<unknown>(true, 1), minimum: bound }),
  fc.constantFrom<unknown>(true, false, {}, { const: 1 }, { pattern: "a" }, { type: "null" }, { type: ["null"] }),
)
const schema = fc
  .record({
    type: fc.oneof({ weight: 9, arbitrary: fc.constant("object") }, fc.constant("array")),
    properties: fc.array(fc.tuple(names, property), { maxLength: 6 }).map((members) => toObject(members)),
    required: fc.array(names, { maxLength: 1 }),
    additionalProperties: fc.constantFrom<unknown>(true, true, false, {}),
    minProperties: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.constant(1)),
  })
  .map(({ minProperties, ...given }) => ({ ...given, ...(minProperties !== null && { minProperties }) }))

/** `__proto__` as a member, as `JSON.parse` makes it. */
function toObject(members: readonly (readonly [string, unknown])[]): JsonObject {
  return Object.fromEntries(members) as JsonObject
}

describe("arguments that are seen to fit", () => {
  it("have nothing wrong for the validator", () => {
    let fitting = 0
    const drafts: readonly SchemaDraft[] = ["4", "7", "2019-09", "2020-12"]
    fc.assert(
      fc.property(schema, fc.array(args, { minLength: 5, maxLength: 5 }), (given, values) => {
        const fits = createPlainCheck(given as JsonObject)
        for (const value of values.filter((each) => fits?.(each) === true)) {
          fitting += 1
          for (const draft of drafts)
            expect(new Validator(given as JsonObject, draft, false).validate(value).errors).toEqual([])
        }
      }),
      { numRuns: 1_000 },
    )
    expect(fitting).toBeGreaterThan(300)
  })

  it("are those of most tools", () => {
    const fits = createPlainCheck({
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      properties: {
        query: { type: "string", minLength: 1, maxLength: 100, description: "What to look for" },
        page: { type: "integer", minimum: 1, default: 1 },
        order: { type: "string", enum: ["up", "down"] },
        deep: { type: "object" },
      },
      required: ["query"],
      additionalProperties: false,
    })
    expect(fits?.({ query: "cats", page: 2, order: "up" })).toBe(true)
    const others = [{}, { query: "" }, { query: "a", page: 1.5 }, { query: "a", order: "x" }, { query: "a", more: 1 }]
    for (const other of [...others, { query: "a", deep: {} }]) expect(fits?.(other as JsonObject)).toBe(false)
    expect(createPlainCheck({ type: "object", properties: {}, not: {} })).toBeUndefined()
    const halfLong = createPlainCheck({ properties: { text: { type: "string", minLength: 0.5 } } })
    expect([halfLong?.({ text: "" }), halfLong?.({ text: "a" })]).toEqual([false, true])
  })
})
