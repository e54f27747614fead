import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import type { McpResult } from "../../src/protocol/messages.ts"
import { RawResult } from "../../src/protocol/rawResult.ts"
import {
  learnOutputs,
  type OutputRoot,
  withObjectContent,
  withObjectOutput,
  wrapSchema,
  wrapsOutput,
} from "../../src/wire/structured.ts"
import { deepFreeze, holds } from "../composition/property.ts"
import { cuts } from "./cuts.ts"

const resultOf = (schema: JsonValue): JsonValue =>
  (wrapSchema(schema)["properties"] as JsonObject)["result"] as JsonValue

describe("wrapSchema", () => {
  it("puts the schema into an object with one required member", () => {
    expect(wrapSchema({ type: "array", items: { type: "string" } })).toEqual({
      type: "object",
      properties: { result: { type: "array", items: { type: "string" } } },
      required: ["result"],
    })
    expect(wrapSchema(true)).toEqual({ type: "object", properties: { result: true }, required: ["result"] })
  })

  it("declares the dialect at the root, where it counts", () => {
    const $schema = "http://json-schema.org/draft-07/schema#"
    expect(wrapSchema({ $schema, type: "number" })).toMatchObject({ $schema, type: "object" })
  })

  it("moves references to the schema's own places", () => {
    const schema = {
      anyOf: [{ $ref: "#/$defs/node" }, { $ref: "#" }, { $dynamicRef: "#/$defs/node" }, { $dynamicRef: "#name" }],
      $defs: {
        node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, $ref: { $ref: "#/$defs/node" } } },
        other: { $ref: "https://example.com/schema#/$defs/x" },
        anchored: { $anchor: "name", $ref: "#name" },
      },
    }
    const to = "#/properties/result"
    expect(resultOf(deepFreeze(schema))).toEqual({
      anyOf: [
        { $ref: `${to}/$defs/node` },
        { $ref: to },
        { $dynamicRef: `${to}/$defs/node` },
        { $dynamicRef: "#name" },
      ],
      $defs: {
        node: {
          type: "object",
          properties: { next: { $ref: `${to}/$defs/node` }, $ref: { $ref: `${to}/$defs/node` } },
        },
        other: { $ref: "https://example.com/schema#/$defs/x" },
        anchored: { $anchor: "name", $ref: "#name" },
      },
    })
  })

  it.each(["const", "enum", "default", "examples"])(
    "leaves the data of %s alone, but not a property of that name",
    (key) => {
      const schema = { [key]: [{ $ref: "#/a" }], properties: { [key]: { $ref: "#/a" } } }
      expect(resultOf(schema)).toEqual({
        [key]: [{ $ref: "#/a" }],
        properties: { [key]: { $ref: "#/properties/result/a" } },
      })
    },
  )

  it("leaves alone what has an id of its own", () => {
    const inner = { $id: "https://example.com/inner", items: { $ref: "#/$defs/x" }, $defs: { x: {} } }
    expect(resultOf({ type: "array", items: inner })).toEqual({ type: "array", items: inner })
    expect(resultOf(inner)).toEqual(inner)
    // A fragment is another way to write an anchor, and a property may be called so.
    expect(resultOf({ items: { $id: "#here", $ref: "#/x" } })).toEqual({
      items: { $id: "#here", $ref: "#/properties/result/x" },
    })
    expect(resultOf({ properties: { $id: { $ref: "#/x" } } })).toEqual({
      properties: { $id: { $ref: "#/properties/result/x" } },
    })
  })

  it("keeps the recursion of 2019-09", () => {
    const $schema = "https://json-schema.org/draft/2019-09/schema"
    const to = { $ref: "#/properties/result" }
    expect(resultOf({ $schema, items: { $recursiveRef: "#" } })).toEqual({ $schema, items: to })
    expect(resultOf({ $schema, items: { $recursiveRef: "#", $ref: "#/a", allOf: [true] } })).toEqual({
      $schema,
      items: { $ref: "#/properties/result/a", allOf: [true, to] },
    })
    const dynamic = { $schema, $recursiveAnchor: true, items: { $recursiveRef: "#" } }
    expect(resultOf(dynamic)).toEqual(dynamic)
    expect(resultOf({ items: { $recursiveRef: "#" } })).toEqual({ items: { $recursiveRef: "#" } })
  })

  const keyword = fc.constantFrom(
    "$ref",
    "$defs",
    "properties",
    "items",
    "anyOf",
    "const",
    "default",
    "$id",
    "x",
    "__proto__",
  )
  const reference = fc.constantFrom(
    "#",
    "#/$defs/a",
    "#/properties/x/items",
    "#name",
    "other.json#/a",
    "https://a/b",
    "",
  )
  const { schema } = fc.letrec<{ schema: JsonValue }>((tie) => ({
    schema: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      reference,
      fc.boolean(),
      fc.integer(),
      fc.array(tie("schema"), { maxLength: 3 }),
      fc.dictionary(keyword, tie("schema"), { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonValue>,
    ),
  }))

  /** Where a reference leads: the value a JSON pointer names, or the reference itself when it is no pointer. */
  const target = (root: JsonValue, pointer: string): unknown =>
    pointer
      .slice(2)
      .split("/")
      .filter((step) => step !== "")
      .reduce<unknown>(
        (value, step) =>
          typeof value === "object" && value !== null && Object.hasOwn(value, step)
            ? (value as Record<string, unknown>)[step]
            : undefined,
        root,
      )

  /** The schema with every reference that was moved put back. */
  const back = (value: JsonValue): JsonValue => {
    if (typeof value === "string") return value.replace(/^#\/properties\/result(?=\/|$)/, "#")
    if (Array.isArray(value)) return value.map(back)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, back(each)]))
  }

  holds(
    "changes nothing but references, and each leads to what it led to",
    fc.property(schema, (given) => {
      const root = deepFreeze(structuredClone(given))
      const wrapped = wrapSchema(root)
      const inner = (wrapped["properties"] as JsonObject)["result"] as JsonValue
      expect(JSON.stringify(back(inner))).toBe(JSON.stringify(given))
      for (const pointer of ["#", "#/$defs/a", "#/properties/x/items"]) {
        const moved = pointer === "#" ? "#/properties/result" : `#/properties/result${pointer.slice(1)}`
        const [before, after] = [target(root, pointer), target(wrapped as JsonValue, moved)]
        expect(after === undefined ? undefined : JSON.stringify(back(after as JsonValue))).toBe(
          before === undefined ? undefined : JSON.stringify(before),
        )
      }
    }),
  )
})

describe("tools", () => {
  it.each<[string, JsonObject, boolean]>([
    ["no schema", {}, false],
    ["an object", { outputSchema: { type: "object", anyOf: [] } }, false],
    ["a list", { outputSchema: { type: "array" } }, true],
    ["an object or null", { outputSchema: { type: ["object", "null"] } }, true],
    ["no type", { outputSchema: { anyOf: [{ type: "object" }] } }, true],
    ["anything", { outputSchema: true }, true],
  ])("with %s are wrapped only where they must be", (_what, more, isWrapped) => {
    const tool = deepFreeze({ name: "t", "x-kept": [1], ...more })
    const shown = withObjectOutput(tool)
    expect(shown === tool).toBe(!isWrapped)
    const { outputSchema: _, ...rest } = shown
    expect(rest).toEqual({ name: "t", "x-kept": [1] })
    if (isWrapped) expect(shown["outputSchema"]).toMatchObject({ type: "object", required: ["result"] })
  })

  it("are wrapped for legacy clients of modern sessions only", () => {
    expect(wrapsOutput("modern", "legacy")).toBe(true)
    for (const [session, client] of [
      ["modern", "modern"],
      ["legacy", "legacy"],
      ["legacy", "modern"],
    ] as const)
      expect(wrapsOutput(session, client)).toBe(false)
  })

  it("are remembered by what they answer, as last listed", () => {
    const outputs = new Map<string, OutputRoot>([["gone", "any"]])
    const tools = [
      { name: "list", outputSchema: { type: "array" } },
      { name: "object", outputSchema: { type: "object" } },
      { name: "gone" },
      { name: 7, outputSchema: {} },
    ]
    learnOutputs({ tools }, outputs)
    expect([...outputs]).toEqual([
      ["list", "any"],
      ["object", "object"],
    ])
  })
})

describe("results", () => {
  const raw = (text: string) => new RawResult([Buffer.from(text)], { holdsUris: false, hasMeta: false })
  const values: JsonValue[] = [[], [1], "text", 7, 0, null, true, false, { a: 1 }, {}]

  it.each(values.map((value) => [value]))("%j is wrapped when the schema is, and when it is no object", (value) => {
    const result = deepFreeze({ value: { content: [], structuredContent: value, "x-kept": 1 } })
    const wrapped = { content: [], structuredContent: { result: value }, "x-kept": 1 }
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value)
    expect(withObjectContent(result, "any").value).toEqual(wrapped)
    for (const root of [undefined, "object"] as const) {
      const given = withObjectContent(result, root)
      if (isObject) expect(given).toBe(result)
      else expect(given.value).toEqual(wrapped)
    }
  })

  it("without structured content stay as they are", () => {
    const result: McpResult = { value: { content: [], isError: true } }
    for (const root of [undefined, "object", "any"] as const) expect(withObjectContent(result, root)).toBe(result)
  })

  it.each<[string, OutputRoot | undefined, boolean]>([
    ['{"content":[],"structuredContent":{"a":[1]}}', undefined, true],
    ['{"content":[],"structuredContent" :\t {"a":[1]}}', undefined, true],
    ['{"content":[{"text":"\\"structuredContent\\":[1]"}]}', undefined, true],
    ['{"content":[{"text":"structuredContent"}]}', undefined, true],
    ['{"content":[],"structuredContent":[1]}', undefined, false],
    ['{"content":[],"structuredContent" : [1]}', undefined, false],
    ['{"structuredContent":null}', undefined, false],
    ['{"content":[],"structuredContent":[1]}', "object", true],
    ['{"content":[],"structuredContent":{"a":1}}', "any", false],
    ['{"content":[]}', "any", true],
  ])("%s of a tool that answers %s pass as bytes: %s", (text, root, passes) => {
    const result = raw(text)
    const given = withObjectContent(result, root)
    expect(given === result).toBe(passes)
    // A member that lies across two pieces may be anything: the result is parsed, and is the same.
    for (const pieces of cuts(Buffer.from(text))) {
      const cut = new RawResult(pieces, { holdsUris: false, hasMeta: false })
      expect(withObjectContent(cut, root).value).toEqual(given.value)
    }
    if (passes) return
    const before = JSON.parse(text)
    expect(given.value).toEqual({ ...before, structuredContent: { result: before.structuredContent } })
    expect(given.holdsUris).toBe(false)
  })

  holds(
    "are objects for a legacy client, as bytes or not, and unwrap to what they were",
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      fc.constantFrom<OutputRoot | undefined>(undefined, "any"),
      (content, other, root) => {
        const value = {
          content: [{ type: "text", text: JSON.stringify(other) }],
          structuredContent: content,
          x: other,
        } as JsonObject
        const text = JSON.stringify(value)
        const bytes = withObjectContent(raw(text), root).value
        expect(bytes).toEqual(withObjectContent({ value: JSON.parse(text) }, root).value)
        const structured = bytes["structuredContent"] as JsonObject
        expect(typeof structured === "object" && structured !== null && !Array.isArray(structured)).toBe(true)
        const isObject = typeof content === "object" && content !== null && !Array.isArray(content)
        expect(root === "any" || !isObject ? structured["result"] : structured).toEqual(
          JSON.parse(text).structuredContent,
        )
      },
    ),
  )
})
