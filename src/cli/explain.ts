/** Why clients see what they see: the lines of the manifest that hide a component, keep it, or change its name. */
import { hiddenIn, keptBy } from "../composition/filter.ts"
import { createNamespace } from "../composition/namespace.ts"
import { overrideOf, sectionOf } from "../composition/override.ts"
import type { Component, RulePath } from "../composition/types.ts"
import { ownTools } from "../host/catalogs.ts"
import type { Manifest, ServerEntry } from "../manifest/types.ts"
import { pathText } from "../manifest/words.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Kind } from "../protocol/methods.ts"
import { collisionText, isClash } from "./collisions.ts"
import { kindNames } from "./kinds.ts"
import type { LocalHost } from "./localHost.ts"

/** What the servers list and clients do not get: filtered out, not offered, or beaten by another of the same name. */
export function explainHidden({ manifest, host, catalog }: LocalHost, kinds: readonly Kind[]): JsonObject[] {
  const { withheld, collisions } = catalog()
  const shown = <T extends { readonly kind: Kind }>(each: T): boolean => kinds.includes(each.kind)
  const filtered = manifest.servers.flatMap((entry) => {
    const listing = host.offered(entry.key)
    const hidden = listing === undefined ? [] : hiddenIn(entry.rules, listing)
    return hidden.filter(shown).map(({ kind, key, path }) => row(entry, kind, key, path, reasonOf(entry, path)))
  })
  const byKey = new Map(manifest.servers.map((entry) => [entry.key, entry]))
  const others = [
    ...withheld.filter(shown).map(({ server, kind, key, path, reason }) => ({ server, kind, key, path, reason })),
    ...collisions
      .filter((each) => shown(each) && isClash(each))
      .map((each) => ({ ...each.dropped, kind: each.kind, path: [], reason: collisionText(each) })),
  ].flatMap(({ server, kind, key, path, reason }) => {
    const entry = byKey.get(server)
    return entry === undefined ? [] : [row(entry, kind, key, path, reason)]
  })
  return [...filtered, ...others]
}

function row(entry: ServerEntry, kind: Kind, key: string, path: RulePath, reason: string): JsonObject {
  return { kind: kindNames[kind].one, server: entry.key, original: key, reason, ...ruleAt(entry, path) }
}

/** A line of the manifest: what it is, and where. */
function ruleAt({ key, placeOf }: ServerEntry, path: RulePath): JsonObject {
  return { rule: pathText(["servers", key, ...path]), ...placeOf(path) }
}

function reasonOf({ rules }: ServerEntry, [section, word, index]: RulePath): string {
  if (word === "override") return "hidden by its override"
  if (word === "include") return section === "tags" ? "it has none of the tags" : "no glob matches it"
  const patterns = rules[section as "tags" | "tools" | "prompts" | "resources"].exclude
  const pattern = JSON.stringify(patterns?.[Number(index)])
  return section === "tags" ? `it has the tag ${pattern}` : `${pattern} matches it`
}

/** The steps from the server's own name or URI to the exposed one. */
export function layersOf(component: Component, { servers }: Manifest): JsonObject[] {
  const { kind, key, local, origin } = component
  const step = (layer: string, from: string, to: string, more: JsonObject = {}) => ({ layer, from, to, ...more })
  if (origin.server === ownTools)
    return [
      step("middleware", origin.key, origin.key),
      ...(key === origin.key ? [] : [step("shortened", origin.key, key)]),
    ]
  const own = step("server", origin.key, origin.key)
  const entry = servers.find((each) => each.key === origin.server)
  if (entry === undefined) return [own]
  const { rules } = entry
  const section = sectionOf(kind)
  const isFiltered = [rules[section], rules.tags].some(({ include, exclude }) => (include ?? exclude) !== undefined)
  const kept = keptBy(rules, component).map((path) => ruleAt(entry, path))
  const overriding = overrideOf(rules[section], origin.key) !== undefined
  return [
    own,
    ...(isFiltered ? [step("filters", origin.key, origin.key, { rules: kept })] : []),
    ...(overriding ? [step("override", origin.key, local, ruleAt(entry, [section, "override", origin.key]))] : []),
    ...exposing(component, entry).map(([layer, from, to]) => step(layer, from, to)),
  ].filter(({ layer }) => layer !== "prefix" || key !== local)
}

function exposing(
  { kind, key, local }: Component,
  { rules }: ServerEntry,
): [layer: string, from: string, to: string][] {
  if (!createNamespace(rules).isCompiled(kind, local)) return [["prefix", local, key]]
  if (rules.prefix === "") return [["shortened", local, key]]
  const prefixed = `${rules.prefix}${rules.separator}${local}`
  return [
    ["prefix", local, prefixed],
    ["shortened", prefixed, key],
  ]
}
