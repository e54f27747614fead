import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { hashJson, hashText } from "../../src/composition/hash.ts"
import { canonicalJson, type JsonValue } from "../../src/protocol/json.ts"
import { holds } from "./property.ts"

describe("hashes", () => {
  test("are pinned: names depend on them", () => {
    expect(hashText("")).toMatch(/^[0-9a-z]{11}$/)
    expect([hashText("notes"), hashText("é😀")]).toMatchInlineSnapshot(`
      [
        "0y1086ozdp8",
        "03yjaate3wu",
      ]
    `)
  })

  test("tell neighbours apart", () => {
    const values: JsonValue[] = [
      "",
      null,
      0,
      "0",
      false,
      [],
      {},
      [[]],
      ["a", "b"],
      ["ab"],
      [["a"], "b"],
      { a: "b" },
      ["a:b"],
    ]
    expect(new Set(values.map(hashJson)).size).toBe(values.length)
  })

  holds(
    "are equal exactly for equal values",
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [one, two] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))]
      expect(hashJson(one) === hashJson(two)).toBe(canonicalJson(one) === canonicalJson(two))
      expect(hashJson(JSON.parse(canonicalJson(one)))).toBe(hashJson(one))
    }),
  )
})
