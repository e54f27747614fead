/** The exact table of one kind: what is listed, in order, and who owns each exposed name. */
import type { Kind } from "../protocol/methods.ts"
import { hashAll, hashJson } from "./hash.ts"
import type { Collision, CollisionPolicy, Component } from "./types.ts"

export interface Exposed {
  readonly components: readonly Component[]
  /** Those that their server lists more than once; only the first counts. */
  readonly doubled: readonly Component[]
}

export interface Table {
  /** Changes exactly when the list does. */
  readonly revision: string
  readonly list: readonly Component[]
  /** By exposed name, URI or template. */
  readonly byKey: ReadonlyMap<string, Component>
  readonly collisions: readonly Collision[]
  /** The listed components that their servers call so; a name the manifest took from one is not its own any more. */
  byOwnKey(key: string): readonly Component[]
}

/** One table of what all servers expose, in their order; `policy` decides between two of one exposed key. */
export function createTable(kind: Kind, { components, doubled }: Exposed, policy: CollisionPolicy): Table {
  const byKey = new Map<string, Component>()
  for (const component of policy === "last" ? [...components].reverse() : components) {
    if (!byKey.has(component.key)) byKey.set(component.key, component)
  }
  const list = Object.freeze(components.filter((component) => byKey.get(component.key) === component))
  const dropped: Collision[] = []
  if (list.length < components.length)
    for (const component of components) {
      const kept = byKey.get(component.key)
      if (kept !== undefined && kept !== component) dropped.push(collision(kept, component))
    }
  const repeated = doubled.filter((each) => byKey.get(each.key) === each).map((each) => collision(each, each))
  let owners: ReadonlyMap<string, readonly Component[]> | undefined
  return {
    revision: hashAll(kind, list.map(contentHash)),
    list,
    byKey,
    collisions: [...repeated, ...dropped],
    byOwnKey(key) {
      owners ??= indexByOwnKey(list)
      return owners.get(key) ?? []
    },
  }
}

function collision(kept: Component, dropped: Component): Collision {
  return { kind: kept.kind, key: kept.key, kept: kept.origin, dropped: dropped.origin }
}

function indexByOwnKey(list: readonly Component[]): Map<string, Component[]> {
  const owners = new Map<string, Component[]>()
  for (const component of list) {
    if (component.bare === undefined) continue
    const known = owners.get(component.bare)
    if (known === undefined) owners.set(component.bare, [component])
    else known.push(component)
  }
  return owners
}

const contentHashes = new WeakMap<Component, number>()

function contentHash(component: Component): number {
  const known = contentHashes.get(component)
  if (known !== undefined) return known
  const hash = hashJson(component.payload)
  contentHashes.set(component, hash)
  return hash
}
