/** A catalogue as what one server lists: how a manifest composes another. */
import { type Kind, kinds } from "../protocol/methods.ts"
import type { Catalog, Listing } from "./types.ts"

export function listingOf(catalog: Catalog): Listing {
  const components = kinds.map((kind) => [kind, catalog.list(kind)] as const)
  const lists = components.map(([kind, list]) => [kind, list.map(({ payload }) => payload)])
  const tags = new Map(components.flatMap(([, list]) => list.map((each) => [each.payload, each.tags] as const)))
  // Every kind is there.
  return { ...(Object.fromEntries(lists) as Record<Kind, Listing[Kind]>), tags }
}
