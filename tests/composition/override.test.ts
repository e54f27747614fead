import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { createArgumentMap } from "../../src/composition/arguments.ts"
import { composeCatalog } from "../../src/composition/compose.ts"
import { createUriGate, hiddenIn, keptBy, unmatchedPatterns } from "../../src/composition/filter.ts"
import type { ArgumentOverride, ComponentOverride, SourceRules } from "../../src/composition/types.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import { deepFreeze, holds, listingOf, rulesOf, sourceOf } from "./property.ts"

const inputSchema = deepFreeze({
  type: "object",
  properties: { repo: { type: "string" }, limit: { type: "integer", minimum: 1 }, title: { type: "string" } },
  required: ["repo", "title"],
  additionalProperties: false,
})
const create = deepFreeze({
  name: "create",
  title: "Create",
  description: "Creates",
  inputSchema,
  outputSchema: { type: "object", properties: { repo: { type: "string" } } },
  annotations: { readOnlyHint: false, title: "C" },
  "x-unknown": 1,
})

function catalogOf(override: ComponentOverride, tool: JsonObject = create, more: Partial<SourceRules> = {}) {
  const rules = { tools: { override: { [String(tool["name"])]: override } }, ...more }
  return composeCatalog([sourceOf("s", { tool: [tool, "other"] }, rules)], { collisions: "error" })
}
const exposed = (override: ComponentOverride, tool?: JsonObject) => catalogOf(override, tool).list("tool")[0]
const schemaOf = (schema: JsonObject, args: Record<string, ArgumentOverride>) =>
  exposed({ args }, { name: "create", inputSchema: deepFreeze(schema) })?.payload["inputSchema"]

describe("a component", () => {
  test("gets another name before the prefix; its own is gone", () => {
    const catalog = catalogOf({ name: "new" })
    expect(catalog.list("tool").map(({ key, payload, origin }) => [key, payload["name"], origin.key])).toEqual([
      ["s_new", "s_new", "create"],
      ["s_other", "s_other", "other"],
    ])
    expect(catalog.resolve("tool", "s_create")).toBeUndefined()
    expect(catalog.resolveBareName("tool", "create")).toEqual([])
    expect(catalog.resolveBareName("tool", "new")).toEqual([])
    expect(catalog.resolveBareName("tool", "other")).toHaveLength(1)
  })

  test("keeps what is not overridden, as it is", () => {
    const payload = exposed({ title: "T", description: "D", annotations: { readOnlyHint: true } })?.payload
    expect(payload).toEqual({
      ...create,
      name: "s_create",
      title: "T",
      description: "D",
      annotations: { readOnlyHint: true, title: "C" },
    })
    expect(payload?.["inputSchema"]).toBe(inputSchema)
    expect(payload?.["outputSchema"]).toBe(create.outputSchema)
  })

  test("gets tags before tags are filtered", () => {
    const tags = { exclude: ["write"] }
    expect(
      catalogOf({ tags: ["write"] }, create, { tags })
        .list("tool")
        .map(({ key }) => key),
    ).toEqual(["s_other"])
  })

  test("is hidden wholly", () => {
    const catalog = catalogOf({ hide: true })
    expect(catalog.list("tool").map(({ key }) => key)).toEqual(["s_other"])
    expect(catalog.resolveBareName("tool", "create")).toEqual([])
  })

  test("with a long new name is shortened from the new one", () => {
    const catalog = catalogOf({ name: "n".repeat(70) })
    expect(catalog.renamed).toMatchObject([{ from: "n".repeat(70), to: catalog.list("tool")[0]?.key }])
  })

  test("takes the name of another: a collision within its server", () => {
    const catalog = catalogOf({ name: "other" })
    expect(catalog.collisions).toMatchObject([{ key: "s_other", kept: { key: "create" }, dropped: { key: "other" } }])
  })

  test("names that objects have by nature are nobody's override", () => {
    const catalog = composeCatalog([sourceOf("s", { tool: ["toString", "valueOf"] }, { tools: { override: {} } })], {
      collisions: "error",
    })
    expect(catalog.list("tool").map(({ key }) => key)).toEqual(["s_toString", "s_valueOf"])
  })
})

describe("resources and templates", () => {
  const rules = {
    resources: {
      override: {
        "n://a": { name: "A", title: "T", description: "D", annotations: { priority: 1 } },
        "n://secret": { hide: true },
        "n://{x}/private": { hide: true },
        "n://t/{x}": { title: "T" },
      },
    },
  }
  const resource = [{ uri: "n://a", name: "a", annotations: { audience: ["user"] } }, "n://secret"]
  const parts = { resource, resourceTemplate: ["n://{x}/private", "n://t/{x}"] }

  test("keep their URIs", () => {
    const catalog = composeCatalog([sourceOf("s", parts, rules)], { collisions: "error" })
    expect(catalog.list("resource").map(({ payload }) => payload)).toEqual([
      { uri: "n://s/a", name: "A", title: "T", description: "D", annotations: { audience: ["user"], priority: 1 } },
    ])
    expect(catalog.list("resourceTemplate").map(({ payload }) => payload)).toEqual([
      { uriTemplate: "n://s/t/{x}", title: "T" },
    ])
  })

  test("hidden ones cannot be read, in no form", () => {
    const allows = createUriGate(rulesOf("s", rules), listingOf({ ...parts, resource: ["n://a"] }))
    expect(["n://secret", "n://secret/.", "n://%73ecret", "n://1/private"].map(allows)).toEqual([
      false,
      false,
      false,
      false,
    ])
    expect(["n://a", "n://t/1", "n://other"].map(allows)).toEqual([true, true, true])
  })
})

describe("arguments", () => {
  test("are renamed, described, given defaults and hidden in the schema", () => {
    const args = {
      repo: { hide: true, value: "hub" },
      limit: { name: "max", description: "At most", default: 10 },
      title: { required: false },
    }
    expect(schemaOf(inputSchema, args)).toEqual({
      type: "object",
      properties: {
        max: { type: "integer", minimum: 1, description: "At most", default: 10 },
        title: { type: "string" },
      },
      required: [],
      additionalProperties: false,
    })
    expect(schemaOf(inputSchema, { limit: { required: true } })).toMatchObject({ required: ["repo", "title", "limit"] })
  })

  test("keep the header they are mirrored in", () => {
    const schema = {
      type: "object",
      properties: {
        region: { type: "string", "x-mcp-header": "Region" },
        zone: { type: "string", "x-mcp-header": "Zone" },
        other: { $ref: "#/properties/zone" },
      },
    }
    expect(schemaOf(schema, { region: { name: "place" }, zone: { hide: true, value: "z" } })).toEqual({
      type: "object",
      properties: { place: { type: "string", "x-mcp-header": "Region" }, other: { $ref: "#/$defs/zone" } },
      $defs: { zone: { type: "string" } },
    })
  })

  test("are followed by references, and definitions nobody needs go", () => {
    const schema = {
      type: "object",
      properties: {
        "a/b": { type: "array", items: { $ref: "#/$defs/Item" } },
        first: { $ref: "#/properties/a~1b/items" },
        hidden: { $ref: "#/$defs/Secret" },
        nested: { type: "object", properties: { "a/b": { const: { $ref: "#/properties/a~1b" } } } },
      },
      $defs: { Item: { type: "string" }, Secret: { $ref: "#/$defs/Deep" }, Deep: { type: "number" } },
    }
    expect(schemaOf(schema, { "a/b": { name: "list" }, hidden: { hide: true } })).toEqual({
      type: "object",
      properties: {
        list: { type: "array", items: { $ref: "#/$defs/Item" } },
        first: { $ref: "#/properties/list/items" },
        nested: { type: "object", properties: { "a/b": { const: { $ref: "#/properties/a~1b" } } } },
      },
      $defs: { Item: { type: "string" } },
    })
  })

  test("are found in every schema of the same object, and only there", () => {
    const point = { type: "object", properties: { x: { type: "number" } }, required: ["x"] }
    const schema = {
      $ref: "#/definitions/Point",
      anyOf: [{ required: ["x"] }, { properties: { y: { type: "string" } } }],
      dependentRequired: { x: ["y"], z: ["x"] },
      definitions: { Point: point, Other: { properties: { other: { $ref: "#/definitions/Point" } } } },
      allOf: [{ $ref: "#/definitions/Other" }],
    }
    expect(schemaOf(schema, { x: { name: "left" } })).toEqual({
      $ref: "#/definitions/Point_1",
      anyOf: [{ required: ["left"] }, { properties: { y: { type: "string" } } }],
      dependentRequired: { left: ["y"], z: ["left"] },
      allOf: [{ $ref: "#/definitions/Other_2" }],
      definitions: {
        Point: point,
        Point_1: { type: "object", properties: { left: { type: "number" } }, required: ["left"] },
        Other_2: { properties: { other: { $ref: "#/definitions/Point" } } },
      },
    })
  })

  test("a schema that refers to itself, or in a chain without end, is rewritten in bounded work", () => {
    const self = {
      type: "object",
      $ref: "#/$defs/A",
      $defs: { A: { properties: { a: {} }, allOf: [{ $ref: "#/$defs/A" }] } },
    }
    expect(schemaOf(self, { a: { name: "b" } })).toEqual({
      type: "object",
      $ref: "#/$defs/A_1",
      $defs: { A_1: { properties: { b: {} }, allOf: [{ $ref: "#/$defs/A_1" }] } },
    })
    const link = (n: number) => ({ allOf: [{ $ref: `#/$defs/D${n}` }, { $ref: `#/$defs/D${n}` }] })
    const $defs = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`D${n}`, link(n + 1)]))
    const endless = schemaOf({ type: "object", ...link(0), $defs }, { a: { name: "b" } })
    expect(JSON.stringify(endless).length).toBeLessThan(3 * JSON.stringify($defs).length)
  })

  const impossible: readonly [string, JsonObject, Record<string, ArgumentOverride>, RegExp][] = [
    ["a required one hidden without a value", inputSchema, { repo: { hide: true } }, /repo is required, but hidden/],
    ["two of one name", inputSchema, { repo: { name: "title" } }, /repo and title would both be called title/],
    [
      "a value that is not allowed",
      { properties: { mode: { enum: ["a", "b"] } } },
      { mode: { hide: true, value: "c" } },
      /does not take the value of its hidden argument mode/,
    ],
  ]
  test.each(impossible)("%s: the tool is not offered", (_, schema, args, reason) => {
    const catalog = catalogOf({ args }, { name: "create", inputSchema: schema })
    expect(catalog.list("tool").map(({ key }) => key)).toEqual(["s_other"])
    expect(catalog.withheld).toEqual([
      {
        server: "s",
        kind: "tool",
        key: "create",
        path: ["tools", "override", "create"],
        reason: expect.stringMatching(reason),
      },
    ])
  })

  test("of prompts", () => {
    const greet = {
      name: "greet",
      arguments: [
        { name: "who", description: "Whom", required: true },
        { name: "lang", required: true, "x-kept": 1 },
        { name: "style" },
      ],
    }
    const args = {
      who: { name: "person", description: "The person" },
      lang: { default: "en" },
      style: { hide: true, value: "dry" },
    }
    const source = sourceOf("s", { prompt: [greet] }, { prompts: { override: { greet: { name: "hello", args } } } })
    const [prompt] = composeCatalog([source], { collisions: "error" }).list("prompt")
    expect(prompt?.payload).toEqual({
      name: "s_hello",
      arguments: [
        { name: "person", description: "The person", required: true },
        { name: "lang", required: false, "x-kept": 1 },
      ],
    })
    expect(prompt?.args?.toOwn({ person: "Ada" })).toEqual({ who: "Ada", lang: "en", style: "dry" })
  })
})

describe("the way back", () => {
  const map = createArgumentMap(
    deepFreeze({
      a: { name: "b" },
      b: { name: "a" },
      c: { name: "d" },
      key: { hide: true, value: { k: [1] } },
      no: { hide: true },
      n: { default: 5 },
    }),
  )

  test("maps names, fills in and drops", () => {
    expect(map.toOwn({ a: 1, b: 2, c: 3, key: "mine", no: 4, other: 5 })).toEqual({
      b: 1,
      a: 2,
      key: { k: [1] },
      n: 5,
      other: 5,
    })
    expect(map.toOwn({ d: 1, n: null })).toEqual({ c: 1, n: null, key: { k: [1] } })
    expect(map.toOwn(undefined)).toEqual({ key: { k: [1] }, n: 5 })
    expect(["a", "b", "c", "d", "key", "no", "n", "other"].map(map.ownName)).toEqual([
      "b",
      "a",
      undefined,
      "c",
      undefined,
      undefined,
      "n",
      "other",
    ])
  })

  test("gives a value of its own to every call", () => {
    const first = map.toOwn({}) as { key: { k: number[] } }
    first.key.k.push(2)
    expect(map.toOwn({})).toEqual({ key: { k: [1] }, n: 5 })
  })

  test("leaves alone what is no object, and keys that mean something to JavaScript", () => {
    expect(map.toOwn([1])).toEqual([1])
    expect(map.toOwn("x")).toBe("x")
    const odd = JSON.parse('{"__proto__": 1, "constructor": 2, "d": 3}') as JsonObject
    expect(JSON.stringify(map.toOwn(odd))).toBe('{"__proto__":1,"constructor":2,"c":3,"n":5,"key":{"k":[1]}}')
    expect(createArgumentMap({ x: { name: "y" } }).toOwn(undefined)).toBeUndefined()
  })
})

test("overrides of what is not there are found", () => {
  const rules = rulesOf("s", {
    tools: { override: { create: { args: { repo: {}, nope: { name: "x" } } }, creat: {} } },
    prompts: { override: { p: {} } },
    resources: { override: { "n://a": {}, "n://{x}": {}, "n://b": { hide: true } } },
  })
  const listing = listingOf({ tool: [create], resource: ["n://a"], resourceTemplate: ["n://{x}"] })
  expect(unmatchedPatterns(rules, listing).map(({ path }) => path.join(" "))).toEqual([
    "tools override creat",
    "prompts override p",
    "resources override n://b",
    "tools override create args nope",
  ])
})

test("every hidden component has the rule that hides it, every kept one those that keep it", () => {
  const rules = rulesOf("s", {
    tools: { include: ["a*", "b*"], exclude: ["x", "*2"], override: { a3: { hide: true }, a5: { tags: ["t"] } } },
    tags: { exclude: ["u"], include: ["t"], assign: { a4: ["u"], "b*": ["t"] } },
  })
  const parts = { tool: ["c", "a2", "a3", "a4", "a1", "b1", "a5"] }
  expect(hiddenIn(rules, listingOf(parts)).map(({ key, path }) => `${key}: ${path.join(" ")}`)).toEqual([
    "c: tools include",
    "a2: tools exclude 1",
    "a3: tools override a3 hide",
    "a4: tags exclude 0",
    "a1: tags include",
  ])
  const catalog = composeCatalog([sourceOf("s", parts, rules)], { collisions: "error" })
  expect(
    catalog.list("tool").map((each) => keptBy(rules, each, each.origin.key).map((path) => path.join(" "))),
  ).toEqual([
    ["tools include 1", "tags include 0"],
    ["tools include 0", "tags include 0"],
  ])
})

const names = ["a", "b", "c", "d", "__proto__", "e f"]
const values = fc.constantFrom<JsonValue>(null, 0, 1, "x", "y", [], [1], { k: { l: 2 } })
const override = fc.oneof(
  fc.record({ hide: fc.constant(true), value: values }, { requiredKeys: ["hide"] }),
  fc.record({ name: fc.constantFrom("a", "b", "x", "y"), default: values }, { requiredKeys: [] }),
)
const overridesOf = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), override), { selector: ([name]) => name })
  .map((entries) => Object.fromEntries(entries) as Record<string, ArgumentOverride>)

holds(
  "arguments mapped to the names clients see come back as they were",
  fc.property(overridesOf, fc.dictionary(fc.constantFrom(...names), values), (overrides, own: JsonObject) => {
    const map = createArgumentMap(overrides)
    const given = new Map(Object.entries(overrides))
    const shownName = (key: string) => given.get(key)?.name ?? key
    const shown = names.filter((key) => given.get(key)?.hide !== true)
    // What two arguments of one name mean is refused before.
    fc.pre(new Set(shown.map(shownName)).size === shown.length)
    const sent = shown.filter((key) => Object.hasOwn(own, key)).map((key) => [shownName(key), own[key] as JsonValue])
    const expected = new Map(shown.filter((key) => Object.hasOwn(own, key)).map((key) => [key, own[key]]))
    for (const [key, { hide, value, default: fallback }] of given) {
      if (hide === true && value !== undefined) expected.set(key, value)
      if (hide !== true && fallback !== undefined && !expected.has(key)) expected.set(key, fallback)
    }
    expect(new Map(Object.entries(map.toOwn(Object.fromEntries(sent)) as JsonObject))).toEqual(expected)
    for (const key of shown) expect(map.ownName(shownName(key))).toBe(key)
    // Whatever a client sends, a hidden argument is what the manifest says.
    const forced = map.toOwn(own) as JsonObject
    for (const [key, { hide, value }] of given) {
      if (hide !== true) continue
      if (value !== undefined) expect(forced[key]).toEqual(value)
      else if (key !== "__proto__") expect(Object.hasOwn(forced, key)).toBe(false)
    }
  }),
  10_000,
)
