/** A manifest inside a manifest: composed through it or in its place, the catalogue is the same. */
import fc from "fast-check"
import { expect } from "vitest"
import { composeCatalog, createSource } from "../../src/composition/compose.ts"
import { createNamespace } from "../../src/composition/namespace.ts"
import { listingOf as nested } from "../../src/composition/nest.ts"
import type { Catalog } from "../../src/composition/types.ts"
import { kinds } from "../../src/protocol/methods.ts"
import { holds, listingOf, prefixes, rulesOf, uris } from "./property.ts"

const policy = { collisions: "first" } as const
const tagged = (id: string, key: fc.Arbitrary<string>) =>
  fc.uniqueArray(
    fc.tuple(key, fc.subarray(["p", "q"])).map(([name, tags]) => ({ [id]: name, _meta: { tags } })),
    { maxLength: 4, selector: (each) => String(each[id]) },
  )
const names = fc.constantFrom("a", "b", "ab", "with space", "x".repeat(70))
const listings = fc
  .record({ tool: tagged("name", names), prompt: tagged("name", names), resource: tagged("uri", uris) })
  .map(listingOf)
const filters = fc.record({ exclude: fc.subarray(["a*", "*b", "file:*"]) })
const servers = fc.tuple(
  ...["s", "t"].map((server) =>
    fc
      .tuple(listings, prefixes, filters, filters, fc.constantFrom("path", "protocol", "none"), fc.subarray(["p", "q"]))
      .map(([listing, prefix, tools, resources, format, exclude]) => ({
        listing,
        rules: rulesOf(server, {
          ...{ prefix, tools, resources, uris: format as "path" },
          tags: { exclude, assign: { "*b": ["p"] } },
        }),
      })),
  ),
)
/** Everything a client sees, and the tags that filters further out go by. */
const shown = (catalog: Catalog) =>
  kinds.map((kind) => catalog.list(kind).map(({ key, payload, tags }) => [key, payload, [...tags].sort()]))

holds(
  "without a prefix of its own, a manifest inside another shows what its servers show in its place",
  fc.property(servers, fc.nat({ max: 3 }), (list, levels) => {
    const flat = composeCatalog(
      list.map(({ rules, listing }) => createSource(rules, listing)),
      policy,
    )
    let catalog = flat
    for (let level = 0; level < levels; level += 1) {
      const rules = rulesOf(`level ${level}`, { prefix: "", nameBudget: 60 })
      catalog = composeCatalog([createSource(rules, nested(catalog))], policy)
    }
    expect(shown(catalog)).toEqual(shown(flat))
    expect(catalog.revision).toBe(flat.revision)
    // Pages of MCP Apps know nothing of manifests.
    for (const kind of kinds) {
      for (const key of new Set(flat.list(kind).map(({ origin }) => origin.key)))
        expect(catalog.resolveBareName(kind, key).map((each) => each.key)).toEqual(
          flat.resolveBareName(kind, key).map((each) => each.key),
        )
    }
  }),
  300,
)

holds(
  "prefixes stack, and every name and URI leads back",
  fc.property(servers, prefixes, (list, prefix) => {
    const inner = composeCatalog(
      list.map(({ rules, listing }) => createSource(rules, listing)),
      policy,
    )
    const rules = rulesOf("team", { prefix })
    const outer = composeCatalog([createSource(rules, nested(inner))], policy)
    const { encode } = createNamespace(rules)
    for (const kind of kinds) {
      const expected = inner.list(kind).map(({ key }) => encode(kind, key))
      expect(outer.list(kind).map(({ key }) => key)).toEqual([...new Set(expected)])
      for (const { key, origin } of outer.list(kind)) {
        expect(origin.server).toBe("team")
        expect(encode(kind, origin.key)).toBe(key)
        expect(inner.resolve(kind, origin.key)).toBeDefined()
      }
    }
  }),
  300,
)

holds(
  "what a filter inside hides, nothing outside shows",
  fc.property(servers, fc.subarray(["p", "q"]), (list, include) => {
    const inner = composeCatalog(
      list.map(({ rules, listing }) => createSource(rules, listing)),
      policy,
    )
    const outer = composeCatalog(
      [createSource(rulesOf("team", { prefix: "", tags: { include } }), nested(inner))],
      policy,
    )
    for (const kind of kinds)
      for (const { key, tags } of outer.list(kind)) {
        expect(inner.resolve(kind, key)).toBeDefined()
        expect([...tags].some((tag) => include.includes(tag))).toBe(true)
      }
  }),
  300,
)
