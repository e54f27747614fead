/**
 * Compares what a running endpoint shows with what it would show if its servers offered what is locked. A lock holds the
 * servers' own definitions, so these are put under the rules of the manifest first. What the lock cannot tell is not
 * guessed: such servers are left out, and told.
 */
import { emptyDefinitions, exposeLocked } from "../composition/expose.ts"
import { changeId, changesIn, definitionsIn, mergeDefinitions, removalsIn } from "../composition/lock.ts"
import { createNamespace } from "../composition/namespace.ts"
import type { GlobFilter, LockChange, LockedComponents } from "../composition/types.ts"
import { filterCatalog } from "../composition/view.ts"
import { observers } from "../endpoints/localClient.ts"
import type { Lock, Manifest, ProfileEntry, ServerEntry } from "../manifest/types.ts"
import { type Kind, kinds } from "../protocol/methods.ts"
import { formFor } from "../upstreams/listing.ts"
import type { ServerDiff } from "./lockDiff.ts"
import { catalogueOf, serversOf } from "./remote.ts"

export interface EndpointDiff {
  readonly diffs: readonly ServerDiff[]
  /** Servers that could not be compared, with the reason. */
  readonly unseen: ReadonlyMap<string, string>
}

/** What is shown though no server of the manifest could be told to own it. */
export const nobody = "(no server of the manifest)"

export interface EndpointFacts {
  readonly manifest: Manifest
  readonly locked: Lock
  readonly url: URL
  readonly profile: string | undefined
}

export async function diffOfEndpoint(facts: EndpointFacts, isWanted: (key: string) => boolean): Promise<EndpointDiff> {
  const { manifest, locked, url } = facts
  const profile = manifest.profiles.find(({ name }) => name === facts.profile)
  const states = new Map((await serversOf(url, false)).map((row) => [String(row["name"]), row]))
  const unseen = new Map<string, string>()
  for (const entry of manifest.servers.filter(({ key, start }) => start !== "off" && isWanted(key))) {
    const { state, reason } = states.get(entry.key) ?? {}
    if (isTagged(entry, profile))
      unseen.set(entry.key, "it is filtered by tags, and the lock does not hold those its manifest gives")
    else if (states.size > 0 && state !== "ready" && state !== "degraded" && state !== "stopped")
      unseen.set(entry.key, state === undefined ? "the endpoint does not know it" : String(reason ?? state))
  }
  const sides = await Promise.all(
    manifest.endpoint.eras.map(async (era) => {
      const looking = observers.filter((each) => each.era === era)
      const listings = await Promise.all(looking.map((observer) => catalogueOf(url, observer)))
      const shown = mergeDefinitions(listings.map(definitionsIn))
      const expected = exposeLocked(
        manifest.servers.filter(({ start }) => start !== "off").map(({ rules }) => rules),
        locked,
        {
          collisions: manifest.host.collisions,
          form: (listing) => formFor(era, listing),
          narrow: (catalog) => (profile === undefined ? catalog : filterCatalog(catalog, profile.rules)),
        },
      )
      return { expected, shown: byOwner(shown, expected, manifest.servers) }
    }),
  )
  const compared = [...manifest.servers.map(({ key }) => key), nobody].filter((key) =>
    key === nobody ? isWanted(key) : isWanted(key) && !unseen.has(key),
  )
  const diffs = compared.map((server) => diffOf(server, sides, locked))
  // Of nobody there is something to tell only when there is something.
  return { diffs: diffs.filter(({ server, changes }) => server !== nobody || changes.length > 0), unseen }
}

/** A manifest inside gives tags that are in no definition. */
function isTagged({ target, rules }: ServerEntry, profile: ProfileEntry | undefined): boolean {
  const filters = (tags: GlobFilter | undefined): boolean => (tags?.include ?? tags?.exclude) !== undefined
  return target.kind === "manifest" && (filters(rules.tags) || filters(profile?.rules.tags))
}

interface Side {
  readonly expected: ReadonlyMap<string, LockedComponents>
  readonly shown: ReadonlyMap<string, LockedComponents>
}

/** Each generation is compared by itself; what is gone is gone for all of them. */
function diffOf(server: string, sides: readonly Side[], locked: Lock): ServerDiff {
  const of = (side: ReadonlyMap<string, LockedComponents>): LockedComponents => side.get(server) ?? emptyDefinitions()
  const changes = new Map<string, LockChange>()
  for (const { expected, shown } of sides)
    for (const change of changesIn(of(shown), { components: of(expected) })) {
      const id = changeId({ ...change, after: undefined })
      if (!changes.has(id)) changes.set(id, change)
    }
  const all = mergeDefinitions(sides.map(({ expected }) => of(expected)))
  const removed = removalsIn(mergeDefinitions(sides.map(({ shown }) => of(shown))), { components: all })
  const isLocked = locked.has(server) || server === nobody
  return {
    server,
    before: isLocked ? { components: all } : undefined,
    after: { components: all },
    changes: [...changes.values(), ...removed],
  }
}

/** Whose each shown component is: of the server that would show it, or else of the one whose names begin so. */
function byOwner(
  shown: LockedComponents,
  expected: ReadonlyMap<string, LockedComponents>,
  servers: readonly ServerEntry[],
): Map<string, LockedComponents> {
  const owned = new Map<string, ReturnType<typeof emptyDefinitions>>()
  const owners = servers.map((entry) => ({ entry, namespace: createNamespace(entry.rules) }))
  const ownerOf = (kind: Kind, key: string): string => {
    const sure = [...expected].find(([, components]) => components[kind].has(key))
    if (sure !== undefined) return sure[0]
    const likely = owners
      .filter(({ entry: { rules }, namespace }) => {
        if (rules.prefix === "") return false
        const isNamed = kind === "tool" || kind === "prompt"
        return isNamed
          ? key.startsWith(rules.prefix + rules.separator)
          : !namespace.unprefixed && namespace.decodeUri(key) !== undefined
      })
      .sort((a, b) => b.entry.rules.prefix.length - a.entry.rules.prefix.length)
    const bare = owners.filter(({ entry: { rules } }) => rules.prefix === "")
    return (likely[0] ?? (bare.length === 1 ? bare[0] : undefined))?.entry.key ?? nobody
  }
  for (const kind of kinds)
    for (const [key, definitions] of shown[kind]) {
      const owner = ownerOf(kind, key)
      const components = owned.get(owner) ?? emptyDefinitions()
      components[kind].set(key, new Map(definitions))
      owned.set(owner, components)
    }
  return owned
}
