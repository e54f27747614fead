/** Every single change of what a server offers is caught, and nothing that is none. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { composeCatalog, createSource } from "../../src/composition/compose.ts"
import { changesIn, definitionsIn, lockedPart, mergeDefinitions, removalsIn } from "../../src/composition/lock.ts"
import type { Listing, LockedServer } from "../../src/composition/types.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import { kinds, kindWords } from "../../src/protocol/methods.ts"
import { holds, listingOf, rulesOf } from "./property.ts"

const lockOf = (...listings: Listing[]): LockedServer => ({ components: mergeDefinitions(listings.map(definitionsIn)) })

const json = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }) as fc.Arbitrary<JsonValue>
const payload = (id: string) =>
  fc
    .record(
      {
        [id]: fc.string({ minLength: 1 }),
        title: fc.string(),
        description: fc.string({ unit: "binary" }),
        inputSchema: fc.record({ type: fc.constant("object"), properties: fc.dictionary(fc.string(), json) }),
        outputSchema: json,
        annotations: fc.record({ readOnlyHint: fc.boolean(), destructiveHint: fc.boolean() }),
        _meta: json,
      },
      { requiredKeys: [id] },
    )
    .map((each) => JSON.parse(JSON.stringify(each)) as JsonObject)
const payloads = (id: string) => fc.uniqueArray(payload(id), { maxLength: 3, selector: (each) => each[id] })
const listings: fc.Arbitrary<Listing> = fc.record({
  tool: payloads("name"),
  prompt: payloads("name"),
  resource: payloads("uri"),
  resourceTemplate: payloads("uriTemplate"),
})

/** The same value written in another way: members in another order. */
function reordered<T extends JsonValue>(value: T): T {
  if (Array.isArray(value)) return value.map(reordered) as T
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([key, member]) => [key, reordered(member)])) as T
}

/** Paths of all leaves. */
function leaves(value: JsonValue, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path]
  const entries: [string | number, JsonValue][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.length === 0 ? [path] : entries.flatMap(([key, member]) => leaves(member, [...path, key]))
}

/** The value with one bit of one leaf another. */
function flipped(value: JsonValue, [key, ...rest]: readonly (string | number)[], at: number): JsonValue {
  if (key !== undefined) {
    const copy = (Array.isArray(value) ? [...value] : { ...(value as JsonObject) }) as JsonObject
    Object.defineProperty(copy, key, { value: flipped(copy[key] as JsonValue, rest, at), enumerable: true })
    return copy
  }
  if (typeof value === "boolean") return !value
  if (typeof value === "number") return value + 1 === value ? -value : value + 1
  if (typeof value === "string") {
    const index = value.length === 0 ? 0 : at % value.length
    return `${value.slice(0, index)}${String.fromCharCode((value.charCodeAt(index) || 64) ^ 1)}${value.slice(index + 1)}`
  }
  return value === null ? false : { changed: true }
}

holds(
  "reordering components and members is no change",
  fc.property(listings, (listing) => {
    const other = Object.fromEntries(kinds.map((kind) => [kind, listing[kind].map(reordered).reverse()]))
    const current = definitionsIn(other as unknown as Listing)
    return changesIn(current, lockOf(listing)).length === 0 && removalsIn(current, lockOf(listing)).length === 0
  }),
)

holds(
  "one bit of any member makes the component invisible and unknown",
  fc.property(listings, fc.nat(), fc.nat(), fc.nat(), (listing, which, where, at) => {
    const all = kinds.flatMap((kind) => listing[kind].map((each, index) => ({ kind, each, index })))
    fc.pre(all.length > 0)
    const { kind, each, index } = all[which % all.length] as (typeof all)[number]
    const paths = leaves(each)
    const changed = flipped(each, paths[where % paths.length] ?? [], at) as JsonObject
    fc.pre(!listing[kind].some((other) => other[kindWords[kind].id] === changed[kindWords[kind].id] && other !== each))
    const current = { ...listing, [kind]: listing[kind].map((old, place) => (place === index ? changed : old)) }
    const key = String(changed[kindWords[kind].id])
    const changes = changesIn(definitionsIn(current), lockOf(listing))
    expect(changes.map((change) => [change.kind, change.key])).toEqual([[kind, key]])
    const rules = {
      ...rulesOf("s", { prefix: "" }),
      isQuarantined: (of: string, own: string) => of === kind && own === key,
    }
    const catalog = composeCatalog([createSource(rules, current)], { collisions: "first" })
    expect(catalog.resolve(kind, key)).toBeUndefined()
    expect(catalog.list(kind)).toHaveLength(listing[kind].length - 1)
  }),
)

describe("what is locked", () => {
  it("is everything but what tells of the content of a resource", () => {
    const resource = { uri: "a:b", size: 1, annotations: { lastModified: "now", audience: ["user"] }, x: 1 }
    expect(lockedPart("resource", resource)).toEqual({ uri: "a:b", annotations: { audience: ["user"] }, x: 1 })
    expect(lockedPart("resource", { uri: "a:b", annotations: { lastModified: "now" } })).toEqual({ uri: "a:b" })
    expect(lockedPart("tool", { name: "a", size: 1 })).toEqual({ name: "a", size: 1 })
  })

  it("accepts each of the definitions that clients were shown", () => {
    const [one, two] = ["one", "two"].map((description) => listingOf({ tool: [{ name: "t", description }] }))
    const locked = lockOf(one as Listing, two as Listing)
    expect(changesIn(definitionsIn(one as Listing), locked)).toEqual([])
    expect(changesIn(definitionsIn(two as Listing), locked)).toEqual([])
  })

  it("notices a second definition under a name that is locked", () => {
    const tool = { name: "t", description: "one" }
    const current = definitionsIn(listingOf({ tool: [tool, { ...tool, description: "two" }] }))
    expect(changesIn(current, lockOf(listingOf({ tool: [tool] })))).toMatchObject([
      { key: "t", before: tool, after: { description: "two" } },
    ])
  })

  it("tells new from changed from removed", () => {
    const locked = lockOf(listingOf({ tool: ["gone", "stays"] }))
    const current = definitionsIn(listingOf({ tool: ["stays", "new"] }))
    expect(changesIn(current, locked)).toEqual([
      { kind: "tool", key: "new", before: undefined, after: { name: "new" } },
    ])
    expect(removalsIn(current, locked)).toEqual([
      { kind: "tool", key: "gone", before: { name: "gone" }, after: undefined },
    ])
    expect(changesIn(current, undefined)).toHaveLength(2)
  })
})

it("a hidden resource is out of reach in every form of its URI", () => {
  const rules = { ...rulesOf("s"), isQuarantined: (_kind: string, key: string) => key === "a://x/secret" }
  const catalog = createSource(rules, listingOf({ resource: ["a://x/secret", "a://x/open"] }))
  for (const uri of ["a://x/secret", "a://x/./secret", "a://x/%73ecret"]) expect(catalog.allowsUri(uri)).toBe(false)
  expect(catalog.allowsUri("a://x/open")).toBe(true)
})
