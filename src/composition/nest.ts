/** A catalogue as what one server lists: how a manifest composes another. */
import { type Kind, kinds } from "../protocol/methods.ts"
import type { Catalog, Listing } from "./types.ts"

export function listingOf(catalog: Catalog): Listing {
  const components = kinds.map((kind) => [kind, catalog.list(kind)] as const)
  const lists = components.map(([kind, list]) => [kind, list.map(({ payload }) => payload)])
  const all = components.flatMap(([, list]) => list)
  const tags = new Map(all.map((each) => [each.payload, each.tags]))
  const bare = new Map(all.map((each) => [each.payload, each.bare]))
  // Every kind is there.
  return { ...(Object.fromEntries(lists) as Record<Kind, Listing[Kind]>), tags, bare }
}
