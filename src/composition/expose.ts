/**
 * What clients of a composition are shown when its servers offer what is locked: the locked definitions under the rules of
 * the manifest, in the names that clients see. Pure; for comparing a running endpoint with a lock.
 */
import { canonicalJson, type JsonObject } from "../protocol/json.ts"
import { kinds } from "../protocol/methods.ts"
import { composeCatalog, createSource } from "./compose.ts"
import { lockedPart } from "./lock.ts"
import type { Catalog, CollisionPolicy, Listing, LockedComponents, LockedServer, SourceRules } from "./types.ts"

export interface ExposeOptions {
  readonly collisions: CollisionPolicy
  /** The form of a server's listing that clients of a generation are shown. */
  readonly form: (listing: Listing) => Listing
  /** What a profile shows of a catalogue. */
  readonly narrow: (catalog: Catalog) => Catalog
}

/** By server, its definitions as clients see them. Of a component with several locked definitions each is one of them. */
export function exposeLocked(
  rules: readonly SourceRules[],
  locked: ReadonlyMap<string, LockedServer>,
  { collisions, form, narrow }: ExposeOptions,
): Map<string, LockedComponents> {
  const known = rules.flatMap((each) => {
    const components = locked.get(each.server)?.components
    return components === undefined ? [] : [{ rules: each, components }]
  })
  const exposed = new Map(known.map((each) => [each.rules.server, emptyDefinitions()]))
  const most = Math.max(0, ...known.map(({ components }) => mostDefinitions(components)))
  for (let at = 0; at < most; at += 1) {
    const sources = known.map((each) => createSource(each.rules, form(listingAt(each.components, at))))
    const catalog = narrow(composeCatalog(sources, { collisions }))
    for (const { kind, key, origin, payload } of kinds.flatMap((each) => catalog.list(each))) {
      const definition = lockedPart(kind, payload)
      const byKey = exposed.get(origin.server)?.[kind]
      byKey?.set(key, (byKey.get(key) ?? new Map<string, JsonObject>()).set(canonicalJson(definition), definition))
    }
  }
  return exposed
}

type Definitions = Record<(typeof kinds)[number], Map<string, Map<string, JsonObject>>>

export function emptyDefinitions(): Definitions {
  return { tool: new Map(), prompt: new Map(), resource: new Map(), resourceTemplate: new Map() }
}

function mostDefinitions(components: LockedComponents): number {
  return Math.max(0, ...kinds.flatMap((kind) => [...components[kind].values()].map(({ size }) => size)))
}

/** A listing of the definitions at a place; of a component with fewer of them the last. */
function listingAt(components: LockedComponents, at: number): Listing {
  const lists = kinds.map((kind) => {
    const payloads = [...components[kind].values()].flatMap(
      (definitions) => [...definitions.values()].slice(0, at + 1).at(-1) ?? [],
    )
    return [kind, payloads] as const
  })
  return Object.fromEntries(lists) as unknown as Listing
}
