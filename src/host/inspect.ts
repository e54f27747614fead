/** What a graph looks like to people: the state of every server, clashes and compiled names, those of manifests inside included. */
import type { Collision, CollisionPolicy, LockChange, Renaming, Withheld } from "../composition/types.ts"
import type { ServerStatus } from "../endpoints/served.ts"
import type { ServerEntry } from "../manifest/types.ts"
import type { UpstreamState } from "../upstreams/upstream.ts"
import { countsIn } from "./describe.ts"
import type { Graph } from "./graph.ts"

export interface ServerReport extends UpstreamState {
  readonly entry: ServerEntry
  readonly counts: ServerStatus["counts"]
  /** Components that are not as they were locked. */
  readonly changes: readonly LockChange[]
}

/** A collision with what the manifest it happened in says about collisions. */
export interface LevelCollision extends Collision {
  readonly policy: CollisionPolicy
}

export function serversIn({ catalogs, members, quarantine }: Graph): ServerReport[] {
  const countsOf = countsIn(catalogs.of(undefined).visible)
  return [...members.values()].flatMap(({ entry, upstream, nested }) => [
    {
      ...upstream.state,
      entry,
      counts: countsOf(entry.key),
      changes: quarantine.changes(entry.key, upstream.listing(undefined)),
    },
    ...(nested === undefined ? [] : serversIn(nested.graph).map((inner) => withRequired(inner, entry))),
  ])
}

/** What a manifest needs is needed only where the manifest is. */
function withRequired(report: ServerReport, { required }: ServerEntry): ServerReport {
  return required || !report.entry.required ? report : { ...report, entry: { ...report.entry, required: false } }
}

export function withheldIn({ catalogs, members }: Graph): Withheld[] {
  const inside = [...members.values()].flatMap(({ nested }) => (nested === undefined ? [] : withheldIn(nested.graph)))
  return [...catalogs.of(undefined).visible.withheld, ...inside]
}

export function renamedIn({ catalogs, members }: Graph): Renaming[] {
  const inside = [...members.values()].flatMap(({ nested }) => (nested === undefined ? [] : renamedIn(nested.graph)))
  return [...catalogs.of(undefined).visible.renamed, ...inside]
}

export function collisionsIn({ catalogs, manifest, members }: Graph): LevelCollision[] {
  const own = catalogs.of(undefined).visible.collisions
  const policy = manifest.host.collisions
  return [
    ...own.map((collision) => ({ ...collision, policy })),
    ...[...members.values()].flatMap(({ nested }) => (nested === undefined ? [] : collisionsIn(nested.graph))),
  ]
}
