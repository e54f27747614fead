/** What a profile shows of a catalogue: never more than the catalogue, and the same things under the same names. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { composeCatalog } from "../../src/composition/compose.ts"
import type { Catalog, ViewRules } from "../../src/composition/types.ts"
import { filterCatalog } from "../../src/composition/view.ts"
import { kinds } from "../../src/protocol/methods.ts"
import { holds, sourceOf } from "./property.ts"

const all: ViewRules = { tags: {}, tools: {}, prompts: {}, resources: {} }
const whole = composeCatalog(
  [
    sourceOf("notes", {
      tool: [
        { name: "read", _meta: { tags: ["public"] } },
        { name: "delete", _meta: { tags: ["write"] } },
      ],
      resource: ["note://a", "note://secret/x", "plain"],
      resourceTemplate: ["note://{id}", "note://secret/{id}"],
      prompt: ["sum"],
    }),
    sourceOf("docs", { tool: ["read"], resource: ["https://docs/x"], resourceTemplate: ["https://docs/{page}"] }),
    sourceOf("bare", { tool: ["odd"], resource: ["bare://a"] }, { prefix: "" }),
  ],
  { collisions: "error" },
)
const keys = (catalog: Catalog) => kinds.map((kind) => catalog.list(kind).map(({ key }) => key))

describe("a profile", () => {
  test("without rules shows everything", () => {
    const view = filterCatalog(whole, all)
    expect(keys(view)).toEqual(keys(whole))
    expect(view.revision).toBe(whole.revision)
  })

  test("shows servers by key, components by tag, by exposed name and by exposed URI", () => {
    const rules = {
      servers: ["notes", "bare"],
      tags: { exclude: ["write"] },
      tools: { include: ["notes_*"] },
      prompts: { exclude: ["*"] },
      resources: { exclude: ["note://notes/secret*"] },
    }
    expect(keys(filterCatalog(whole, rules))).toEqual([
      ["notes_read"],
      [],
      ["note://notes/a", "x-mcp://notes/plain", "bare://a"],
      ["note://notes/{id}"],
    ])
  })

  test("knows nothing of what it hides, however it is named", () => {
    const view = filterCatalog(whole, {
      ...all,
      servers: ["notes"],
      tags: { exclude: ["write"] },
      resources: { exclude: ["note://notes/secret*"] },
    })
    expect(view.resolve("tool", "notes_delete")).toBeUndefined()
    expect(view.resolveBareName("tool", "delete")).toEqual([])
    expect(view.resolve("tool", "docs_read")).toBeUndefined()
    for (const uri of [
      "note://notes/secret/x",
      "note://notes/secret/y",
      "note://secret/x",
      "note://notes/a/../secret/x",
      "note://notes/%73ecret/x",
      "bare://a",
      "bare://other",
    ]) {
      expect([uri, view.resolveUri(uri), view.resolveReference(uri)]).toEqual([uri, undefined, undefined])
    }
    expect(view.resolveReference("note://notes/secret/{id}")).toBeUndefined()
    expect(view.resolveUri("note://notes/made")).toEqual({ server: "notes", uri: "note://made" })
    // With the other server gone, a bare name is no longer ambiguous.
    expect(view.resolveBareName("tool", "read")).toHaveLength(1)
    expect(whole.resolveBareName("tool", "read")).toHaveLength(2)
  })
})

const globs = fc.constantFrom("*", "a*", "*b", "s_*", "t_a", "x://s/*", "x://*/a", "zzz")
const filters = fc.record(
  { include: fc.array(globs, { maxLength: 2 }), exclude: fc.array(globs, { maxLength: 2 }) },
  {
    requiredKeys: [],
  },
)
const tags = fc.record(
  {
    include: fc.subarray(["p", "q"], { minLength: 1 }),
    exclude: fc.subarray(["p", "q"]),
  },
  { requiredKeys: [] },
)
const rulesOf = fc.record(
  {
    servers: fc.subarray(["s", "t", "u"]),
    tags,
    tools: filters,
    prompts: filters,
    resources: filters,
  },
  { requiredKeys: ["tags", "tools", "prompts", "resources"] },
)
const names = fc.uniqueArray(fc.constantFrom("a", "b", "ab", "ba", "x"), { maxLength: 4 })
const uris = fc.uniqueArray(fc.constantFrom("x://a", "x://b", "y://a", "https://h/a", "plain"), { maxLength: 4 })
const tagged = names.chain((list) =>
  fc.tuple(...list.map((name) => fc.subarray(["p", "q"]).map((own) => ({ name, _meta: { tags: own } })))),
)
const sources = fc.tuple(
  ...["s", "t", "u"].map((name) =>
    fc
      .record({ tool: tagged, prompt: tagged, resource: uris })
      .map((parts) => sourceOf(name, parts, name === "u" ? { prefix: "" } : {})),
  ),
)

holds(
  "a profile only takes away: what it lists or reaches, the whole catalogue lists and reaches alike",
  fc.property(sources, rulesOf, (list, rules) => {
    const catalog = composeCatalog(list, { collisions: "first" })
    const view = filterCatalog(catalog, rules)
    for (const kind of kinds) {
      const shown = new Set(view.list(kind))
      for (const component of catalog.list(kind)) {
        expect(view.resolve(kind, component.key)).toBe(shown.has(component) ? component : undefined)
        if (shown.has(component)) continue
        if (kind !== "resource") continue
        // Another server may be the heir of what is left, as if the hidden one had never been there.
        const found = view.resolveUri(component.key)
        expect(found?.server).not.toBe(component.origin.server)
      }
      for (const component of shown) expect(catalog.resolve(kind, component.key)).toBe(component)
    }
    for (const uri of ["x://s/new", "x://t/a", "x://a", "https://h/a", "other://x"]) {
      const found = view.resolveUri(uri)
      if (found !== undefined) expect(rules.servers ?? ["s", "t", "u"]).toContain(found.server)
    }
    // Filtering twice is filtering once.
    expect(filterCatalog(view, rules).revision).toBe(view.revision)
  }),
)
