/**
 * Makes one catalogue of what several servers offer. Pure: it asks no server, and equal input gives an equal catalogue.
 * The host calls it at start and whenever a server's listing changes; sources whose listing did not change are not
 * looked through again.
 */
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { type Kind, kinds } from "../protocol/methods.ts"
import { createTransforms, createUriGate, toComponent } from "./filter.ts"
import { hashText } from "./hash.ts"
import { createNamespace } from "./namespace.ts"
import { withheldBy } from "./override.ts"
import { createUriRouter } from "./resolve.ts"
import { createTable, type Exposed, type Table } from "./table.ts"
import type { Catalog, CollisionPolicy, Component, Listing, Renaming, Source, SourceRules } from "./types.ts"

/** One server under its rules, ready to be composed. */
export function createSource(rules: SourceRules, listing: Listing): Source {
  const namespace = createNamespace(rules)
  return {
    name: rules.server,
    namespace,
    transforms: createTransforms(rules, namespace),
    listing,
    allowsUri: createUriGate(rules, listing),
    withheld: withheldBy(rules, listing),
  }
}

/** Tools that the host adds under the name of what adds them, as one more source: they have no prefix. */
export function createAddedSource(name: string, tools: readonly JsonObject[], nameBudget: number): Source {
  const listing: Listing = { tool: tools, prompt: [], resource: [], resourceTemplate: [] }
  const names = { server: name, prefix: "", separator: "_", nameBudget, uris: "none" } as const
  return { ...createSource({ ...names, tags: {}, tools: {}, prompts: {}, resources: {} }, listing), added: true }
}

/** Composes the sources in their order; each exposed name, URI and template has exactly one owner. */
export function composeCatalog(sources: readonly Source[], options: { readonly collisions: CollisionPolicy }): Catalog {
  const tables = kinds.map((kind) => [kind, tableOf(kind, sources, options.collisions)] as const)
  return toCatalog(sources, Object.fromEntries(tables) as Record<Kind, Table>)
}

/** The catalogue of these tables, whose components are of these sources. */
export function toCatalog(sources: readonly Source[], byKind: Readonly<Record<Kind, Table>>): Catalog {
  // For people who look; nothing that is served needs it.
  let renamed: readonly Renaming[] | undefined
  const uris = createUriRouter(sources, byKind.resource, byKind.resourceTemplate)
  return Object.freeze({
    revision: hashText(kinds.map((kind) => byKind[kind].revision).join(" ")),
    sources,
    collisions: kinds.flatMap((kind) => byKind[kind].collisions),
    get renamed() {
      renamed ??= (["tool", "prompt"] as const).flatMap((kind) => renamedOf(sources, byKind[kind].list))
      return renamed
    },
    withheld: sources.flatMap((source) => source.withheld),
    revisionOf: (kind: Kind) => byKind[kind].revision,
    list: (kind: Kind) => byKind[kind].list,
    resolve: (kind: Kind, key: string) => byKind[kind].byKey.get(key),
    resolveBareName(kind: Kind, name: string) {
      const exposed = byKind[kind].byKey.get(name)
      return exposed === undefined ? byKind[kind].byOwnKey(name) : [exposed]
    },
    resolveUri: uris.resolveUri,
    resolveReference: uris.resolveReference,
  })
}

function tableOf(kind: Kind, sources: readonly Source[], policy: CollisionPolicy): Table {
  const exposed = sources.map((source) => exposeSource(source)[kind])
  return createTable(
    kind,
    { components: exposed.flatMap((each) => each.components), doubled: exposed.flatMap((each) => each.doubled) },
    policy,
  )
}

/** A source never changes, so what it exposes is worked out once. */
const exposedSources = new WeakMap<Source, Readonly<Record<Kind, Exposed>>>()

function exposeSource(source: Source): Readonly<Record<Kind, Exposed>> {
  const known = exposedSources.get(source)
  if (known !== undefined) return known
  const entries = kinds.map((kind) => [kind, exposeList(source, kind, source.listing[kind])] as const)
  const exposed = Object.fromEntries(entries) as Record<Kind, Exposed>
  exposedSources.set(source, exposed)
  return exposed
}

function exposeList(source: Source, kind: Kind, payloads: readonly JsonObject[]): Exposed {
  const seen = new Map<string, Component | undefined>()
  const doubled = new Set<Component>()
  for (const payload of payloads) {
    // What has no name or URI cannot be called or read, so it is no component.
    const own = isJsonObject(payload) ? toComponent(source.name, kind, payload, source.listing) : undefined
    if (own === undefined) continue
    if (seen.has(own.key)) {
      const first = seen.get(own.key)
      if (first !== undefined) doubled.add(first)
      continue
    }
    seen.set(own.key, transform(source, own))
  }
  return { components: [...seen.values()].filter((each) => each !== undefined), doubled: [...doubled] }
}

function transform(source: Source, component: Component): Component | undefined {
  let current: Component | undefined = component
  for (const each of source.transforms) {
    current = each(current)
    if (current === undefined) return undefined
  }
  return Object.freeze(current)
}

function renamedOf(sources: readonly Source[], components: readonly Component[]): Renaming[] {
  const namespaces = new Map(sources.map((source) => [source.name, source.namespace]))
  return components.flatMap(({ kind, key, local, origin }) => {
    const compiled = namespaces.get(origin.server)?.isCompiled(kind, local) === true
    return compiled ? [{ server: origin.server, kind, from: local, to: key }] : []
  })
}
