/**
 * Compares what a server lists with what was locked of it. Pure and exact: it compares definitions, not hashes. The
 * order of components and of members never counts. What differs is a change to report, and with `enforce` one more
 * reason for a component not to be visible.
 */
import { canonicalJson, isJsonObject, type JsonObject } from "../protocol/json.ts"
import { type Kind, kinds } from "../protocol/methods.ts"
import { toComponent } from "./filter.ts"
import type { Listing, LockChange, LockedComponents, LockedServer } from "./types.ts"

/**
 * What is locked of a component: all that its server says of it, but for how large a resource is and when it was last
 * written, which tell of its content.
 */
export function lockedPart(kind: Kind, payload: JsonObject): JsonObject {
  if (kind !== "resource" && kind !== "resourceTemplate") return payload
  const { size: _size, annotations, ...rest } = payload
  if (!isJsonObject(annotations)) return annotations === undefined ? rest : { ...rest, annotations }
  const { lastModified: _lastModified, ...kept } = annotations
  return Object.keys(kept).length === 0 ? rest : { ...rest, annotations: kept }
}

/** The definitions of a listing by kind and the server's own key. A key that is listed twice has two. */
export function definitionsIn(listing: Listing): LockedComponents {
  const entries = kinds.map((kind) => {
    const byKey = new Map<string, Map<string, JsonObject>>()
    for (const payload of listing[kind]) {
      const component = isJsonObject(payload) ? toComponent("", kind, payload) : undefined
      if (component === undefined) continue
      const definition = lockedPart(kind, payload)
      const known = byKey.get(component.key) ?? new Map<string, JsonObject>()
      byKey.set(component.key, known.set(canonicalJson(definition), definition))
    }
    return [kind, byKey] as const
  })
  return Object.fromEntries(entries) as unknown as LockedComponents
}

/** The definitions of several listings of one server, as different clients see it, together. */
export function mergeDefinitions(all: readonly LockedComponents[]): LockedComponents {
  const entries = kinds.map((kind) => {
    const byKey = new Map<string, ReadonlyMap<string, JsonObject>>()
    for (const each of all)
      for (const [key, definitions] of each[kind]) byKey.set(key, new Map([...(byKey.get(key) ?? []), ...definitions]))
    return [kind, byKey] as const
  })
  return Object.fromEntries(entries) as unknown as LockedComponents
}

/** New and changed components: those with a definition that was not locked. */
export function changesIn(current: LockedComponents, locked: LockedServer | undefined): LockChange[] {
  return kinds.flatMap((kind) =>
    [...current[kind]].flatMap(([key, definitions]): LockChange[] => {
      const known = locked?.components[kind].get(key)
      const after = [...definitions].find(([text]) => known?.has(text) !== true)?.[1]
      if (after === undefined) return []
      const [before] = known?.values() ?? []
      return [{ kind, key, before, after }]
    }),
  )
}

/** Components that were locked and are not there any more. Another client may still see them, so they count only for a whole server. */
export function removalsIn(current: LockedComponents, locked: LockedServer): LockChange[] {
  return kinds.flatMap((kind) =>
    [...locked.components[kind]]
      .filter(([key]) => !current[kind].has(key))
      .map(([key, definitions]): LockChange => ({ kind, key, before: [...definitions.values()][0], after: undefined })),
  )
}

/** Text that tells changes apart: the same change of the same component gives the same. */
export function changeId({ kind, key, after }: LockChange): string {
  return `${kind} ${key} ${after === undefined ? "" : canonicalJson(after)}`
}
