/** Changes components of what a server lists; what else is known of them goes along. */
import type { Listing } from "../../composition/types.ts"
import type { JsonObject } from "../../protocol/json.ts"
import { type Kind, kinds } from "../../protocol/methods.ts"

/** The same object when nothing changed. */
export function changeListing(listing: Listing, change: (component: JsonObject, kind: Kind) => JsonObject): Listing {
  const tags = new Map(listing.tags)
  let isOther = false
  const changed = kinds.map((kind) => {
    const components = listing[kind].map((component) => {
      const after = change(component, kind)
      if (after === component) return component
      isOther = true
      const own = tags.get(component)
      if (own !== undefined) tags.set(after, own)
      return after
    })
    return [kind, components] as const
  })
  if (!isOther) return listing
  // Every kind is there.
  const lists = Object.fromEntries(changed) as Record<Kind, JsonObject[]>
  return { ...listing, ...lists, ...(listing.tags !== undefined && { tags }) }
}
