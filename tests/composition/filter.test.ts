import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { composeCatalog } from "../../src/composition/compose.ts"
import { createUriGate, unmatchedPatterns } from "../../src/composition/filter.ts"
import { matchesAny } from "../../src/composition/glob.ts"
import type { GlobFilter, SourceRules, TagRules } from "../../src/composition/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { kinds } from "../../src/protocol/methods.ts"
import { deepFreeze, holds, listingOf, rulesOf, sourceOf, uris } from "./property.ts"

const error = { collisions: "error" } as const

function toolsOf(items: readonly (string | JsonObject)[], rules: Partial<SourceRules>): string[] {
  const catalog = composeCatalog([sourceOf("s", { tool: items }, rules)], error)
  return catalog.list("tool").map((component) => component.origin.key)
}

function tagged(name: string, ...tags: string[]): JsonObject {
  return { name, _meta: { tags } }
}

describe("globs", () => {
  test.each([
    ["create_issue", "*_issue", true],
    ["create_issue", "create", false],
    ["Create", "create", false],
    ["!x", "!x", true],
    ["y", "!x", false],
    ["a*b", "a\\*b", true],
    ["axb", "a\\*b", false],
    ["a?b", "a?b", true],
    ["file:///a/b", "file:///*", true],
  ])("%s against %s: %s", (value, pattern, expected) => expect(matchesAny(value, [pattern])).toBe(expected))
})

describe("tags", () => {
  test("come from the three places in _meta and from assign", () => {
    const items = [
      tagged("a", "t1"),
      { name: "b", _meta: { fastmcp: { tags: ["t2", 7] } } },
      { name: "c", _meta: { _fastmcp: { tags: ["t3"] } } },
      "delete_d",
      { name: "e", _meta: { tags: "t1" } },
    ]
    const catalog = composeCatalog(
      [sourceOf("s", { tool: items }, { tags: { assign: { "delete_*": ["t4"] } } })],
      error,
    )
    expect(catalog.list("tool").map(({ tags }) => [...tags])).toEqual([["t1"], ["t2"], ["t3"], ["t4"], []])
  })

  test("include keeps what has any of them, untagged goes, exclude wins", () => {
    const items = [tagged("a", "public"), tagged("b", "public", "admin"), tagged("c", "other"), "d"]
    expect(toolsOf(items, { tags: { include: ["public"] } })).toEqual(["a", "b"])
    expect(toolsOf(items, { tags: { exclude: ["admin"] } })).toEqual(["a", "c", "d"])
    expect(toolsOf(items, { tags: { include: ["public"], exclude: ["admin"] } })).toEqual(["a"])
    expect(toolsOf(items, { tags: { include: [] } })).toEqual([])
  })

  test("assign goes by own names, URIs and templates", () => {
    const parts = { tool: ["t"], prompt: ["p"], resource: ["n://r"], resourceTemplate: ["n://{x}"] }
    const assign = { t: ["k"], p: ["k"], "n://r": ["k"], "n://{x}": ["k"] }
    const catalog = composeCatalog([sourceOf("s", parts, { tags: { assign, include: ["k"] } })], error)
    expect(kinds.map((kind) => catalog.list(kind).length)).toEqual([1, 1, 1, 1])
  })
})

test("name filters go by the server's own names; exclude wins", () => {
  const items = ["create_issue", "delete_issue", "search", "s_search"]
  expect(toolsOf(items, { tools: { include: ["*_issue"] } })).toEqual(["create_issue", "delete_issue"])
  expect(toolsOf(items, { tools: { include: ["*_issue"], exclude: ["delete_*"] } })).toEqual(["create_issue"])
  expect(toolsOf(items, { tools: { include: ["s_*"] } })).toEqual(["s_search"])
  expect(toolsOf(items, { prompts: { include: [] } })).toEqual(items)
})

test("exposing changes names and app URIs, and nothing else", () => {
  const tool = deepFreeze({
    name: "t",
    title: "T",
    unknown: { uri: "ui://app", deep: [1] },
    _meta: { ui: { resourceUri: "ui://app", x: 1 }, "ui/resourceUri": "ui://app", "openai/outputTemplate": "ui://app" },
  })
  const catalog = composeCatalog([sourceOf("s", { tool: [tool], resource: ["ui://app"] })], error)
  const [component] = catalog.list("tool")
  expect(component?.payload).toEqual({
    ...tool,
    name: "s_t",
    _meta: {
      ui: { resourceUri: "ui://s/app", x: 1 },
      "ui/resourceUri": "ui://s/app",
      "openai/outputTemplate": "ui://s/app",
    },
  })
  expect(component?.payload["unknown"]).toBe(tool.unknown)
  expect(component?.origin).toEqual({ server: "s", key: "t" })
  const plain = composeCatalog([sourceOf("s", { tool: [tool] }, { prefix: "" })], error)
  expect(plain.list("tool")[0]?.payload).toBe(tool)
})

describe("the gate of URIs that no list shows", () => {
  const listing = listingOf({
    resource: ["file:///listed", { uri: "file:///admin.txt", _meta: { tags: ["admin"] } }, "notes://a%2Fb"],
    resourceTemplate: ["notes://{id}", { uriTemplate: "keys://{id}", _meta: { tags: ["admin"] } }],
  })
  const gateOf = (rules: Partial<SourceRules>) => createUriGate(rulesOf("s", rules), listing)

  test("without filters everything passes", () => {
    for (const uri of ["file:///x", "notes://1", "keys://1", "anything"]) expect(gateOf({})(uri)).toBe(true)
  })

  test.each([
    "file:///admin.txt",
    "keys://1",
    "file:///./admin.txt",
    "file:///x/../admin.txt",
    "file:///%61dmin.txt",
    "file:///admin.txt?x",
    "file:///admin.txt#x",
    "FILE:///admin.txt",
    "file:////admin.txt",
    "file://localhost/admin.txt",
    "file:/admin.txt",
    "file:///x%2F..%2fadmin.txt",
    "file:///x\\..\\admin.txt",
  ])("an excluded tag hides %s", (uri) => {
    expect(gateOf({ tags: { exclude: ["admin"] } })(uri)).toBe(false)
  })

  test("an excluded tag hides nothing else", () => {
    const gate = gateOf({ tags: { exclude: ["admin"] } })
    for (const uri of ["file:///listed", "notes://1", "file:///admin", "other://1"]) expect(gate(uri), uri).toBe(true)
  })

  test("an excluded glob hides what matches, in any spelling", () => {
    const gate = gateOf({ resources: { exclude: ["file:///secret/*"] } })
    for (const uri of ["file:///secret/x", "file:///a/../secret/x", "file:///s%65cret/x", "file:///secret%2Fx"]) {
      expect(gate(uri), uri).toBe(false)
    }
    expect(gate("file:///public/x")).toBe(true)
  })

  test("an included glob or a template it includes must make the URI", () => {
    const gate = gateOf({ resources: { include: ["file:///docs/*", "notes://{id}"] } })
    expect(gate("file:///docs/x")).toBe(true)
    expect(gate("notes://5")).toBe(true)
    expect(gate("notes://x%2Fy")).toBe(true)
    expect(gate("file:///other")).toBe(false)
    expect(gate("file:///docs/../other")).toBe(false)
    expect(gate("file:///docs/%2e%2e/other")).toBe(false)
    expect(gate("keys://1")).toBe(false)
  })

  test("with an included tag only visible templates make reachable URIs", () => {
    const gate = gateOf({ tags: { include: ["admin"] } })
    expect(gate("keys://1")).toBe(true)
    expect(gate("file:///admin.txt")).toBe(true)
    expect(gate("notes://1")).toBe(false)
    expect(gate("file:///listed")).toBe(false)
    expect(gate("file:///unlisted")).toBe(false)
  })

  test("a URI that a visible template makes too is reachable", () => {
    const both = listingOf({
      resourceTemplate: ["n://{id}", { uriTemplate: "n://{+all}", _meta: { tags: ["admin"] } }],
    })
    const gate = createUriGate(rulesOf("s", { tags: { exclude: ["admin"] } }), both)
    expect(gate("n://1")).toBe(true)
    expect(gate("n://1/2")).toBe(false)
  })
})

const words = fc.constantFrom("a", "b", "ab", "abc", "x", "read_a", "read_b")
const globs = fc.constantFrom("a", "b", "a*", "*b", "*", "read_*", "n://*", "n://a*", "*/x", "!a", "n://{a}", "*{*")
const filters: fc.Arbitrary<GlobFilter> = fc.record(
  { include: fc.array(globs, { maxLength: 3 }), exclude: fc.array(globs, { maxLength: 2 }) },
  { requiredKeys: [] },
)
const tagWords = fc.constantFrom("t1", "t2", "t3")
const tagRules: fc.Arbitrary<TagRules> = fc.record(
  {
    include: fc.array(tagWords, { maxLength: 2 }),
    exclude: fc.array(tagWords, { maxLength: 1 }),
    assign: fc.dictionary(globs, fc.array(tagWords, { maxLength: 2 }), { maxKeys: 2 }),
  },
  { requiredKeys: [] },
)
const meta = fc.oneof(
  fc.array(tagWords, { maxLength: 2 }).map((tags) => ({ _meta: { fastmcp: { tags } } })),
  fc.constant({}),
)
const ruleSets = fc.record({
  prefix: fc.constantFrom("", "p", "a.b"),
  uris: fc.constantFrom("path" as const, "protocol" as const, "none" as const),
  tags: tagRules,
  tools: filters,
  prompts: filters,
  resources: filters,
})
const ownUris = fc.oneof(
  words.map((word) => `n://${word}`),
  fc.constantFrom("n://a/x", "urn:a", "http://h/a", "ui://a", "n://a/../b", "n://%61"),
  uris,
)
const templates = fc.constantFrom("n://{a}", "n://a{b}", "{+u}", "urn:{a}", "http://h/{a}", "n://{+a}")
const named = (id: string, keys: fc.Arbitrary<string>) =>
  fc.array(
    fc.tuple(keys, meta).map(([key, rest]): JsonObject => ({ [id]: key, ...rest })),
    { maxLength: 8 },
  )

describe("unlisted is unresolvable", () => {
  holds(
    "for every kind, under random filters",
    fc.property(
      ruleSets,
      named("name", words),
      named("uri", ownUris),
      named("uriTemplate", templates),
      (rules, names, resource, resourceTemplate) => {
        const source = sourceOf("s", { tool: names, prompt: names, resource, resourceTemplate }, rules)
        const catalog = composeCatalog([source], error)
        const { encode } = source.namespace
        for (const kind of ["tool", "prompt"] as const) {
          const listed = new Set(catalog.list(kind).map(({ origin }) => origin.key))
          for (const { name } of names) {
            const exposed = encode(kind, String(name))
            expect(catalog.resolve(kind, exposed) !== undefined).toBe(listed.has(String(name)))
            expect(catalog.resolveBareName(kind, String(name)).length > 0).toBe(listed.has(String(name)))
          }
        }
        const listed = new Set(catalog.list("resource").map(({ origin }) => origin.key))
        for (const own of resource.map(({ uri }) => String(uri))) {
          const expected = listed.has(own) ? { server: "s", uri: own } : undefined
          expect(catalog.resolveUri(encode("resource", own)), own).toEqual(expected)
          expect(catalog.resolve("resource", encode("resource", own)) !== undefined).toBe(listed.has(own))
          // Neither under its own name nor through the escape form.
          if (!listed.has(own)) {
            expect(catalog.resolveUri(own)?.uri).not.toBe(own)
            expect(catalog.resolveUri(`x-mcp://${rules.prefix}/${own}`)?.uri).not.toBe(own)
          }
        }
        const shown = new Set(catalog.list("resourceTemplate").map(({ origin }) => origin.key))
        for (const own of resourceTemplate.map(({ uriTemplate }) => String(uriTemplate))) {
          expect(catalog.resolve("resourceTemplate", encode("resourceTemplate", own)) !== undefined).toBe(
            shown.has(own),
          )
        }
      },
    ),
    2000,
  )
})

test("patterns that match nothing are found", () => {
  const listing = listingOf({ tool: [tagged("a", "t")], resource: ["n://r"] })
  const rules = rulesOf("s", {
    tools: { include: ["a", "b*"], exclude: ["c"] },
    resources: { exclude: ["n://*"] },
    tags: { include: ["t", "assigned"], exclude: ["u"], assign: { "n://r": ["assigned"], zzz: ["x"] } },
  })
  expect(unmatchedPatterns(rules, listing)).toEqual([
    { path: ["tools", "include", 1], pattern: "b*" },
    { path: ["tools", "exclude", 0], pattern: "c" },
    { path: ["tags", "exclude", 0], pattern: "u" },
    { path: ["tags", "assign", "zzz"], pattern: "zzz" },
  ])
})
