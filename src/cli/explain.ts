/** What servers offer and clients do not see, at every level: which line of which manifest, or what else, is the reason. */
import { hiddenBy, hiddenIn } from "../composition/filter.ts"
import type { Component, GlobFilter, LockChange, RulePath } from "../composition/types.ts"
import { admitsServer } from "../composition/view.ts"
import type { Graph } from "../host/graph.ts"
import type { Member } from "../host/member.ts"
import { placedIn } from "../host/trace.ts"
import type { ProfileEntry, ServerEntry } from "../manifest/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Kind } from "../protocol/methods.ts"
import { collisionText, isClash } from "./collisions.ts"
import { kindNames } from "./kinds.ts"
import { profileRuleAt, ruleAt } from "./layers.ts"
import type { LocalHost } from "./localHost.ts"

/** What the servers list and clients do not get: filtered out, locked out, not offered, or beaten by another of the same name. */
export function explainHidden(local: LocalHost, kinds: readonly Kind[]): JsonObject[] {
  const { host, shows, profile } = local
  const shown = ({ kind }: { readonly kind: Kind }): boolean => kinds.includes(kind)
  const placed = placedIn(host.graph).filter(({ member }) => shows(member))
  const byKey = new Map(placed.map(({ member: { entry } }) => [entry.key, entry]))
  const others = [
    ...host.withheld().map((each) => each),
    ...host
      .collisions()
      .filter(isClash)
      .map((each) => ({ ...each.dropped, kind: each.kind, path: [], reason: collisionText(each) })),
  ].filter(shown)
  return [
    ...placed.flatMap(({ graph, member }) => filtered(graph, member, shown)),
    ...others.flatMap(({ server, kind, key, path, reason }) => {
      const entry = byKey.get(server)
      return entry === undefined ? [] : [row(kind, server, key, { reason, ...ruleAt(entry, path) })]
    }),
    ...(profile === undefined ? [] : kinds.flatMap((kind) => hiddenByProfile(local, profile, kind))),
  ]
}

function filtered(
  { catalogs, quarantine }: Graph,
  member: Member,
  shown: (each: { readonly kind: Kind }) => boolean,
): JsonObject[] {
  const { entry, upstream } = member
  const listing = upstream.listing(undefined)
  const offered = catalogs.offered(member)
  if (listing === undefined || offered === undefined) return []
  const changes = quarantine.changes(entry.key, listing)
  return hiddenIn(quarantine.apply(entry.rules, listing), offered)
    .filter(shown)
    .map(({ kind, key, path }) => {
      const change = path.length > 0 ? undefined : changes.find((each) => each.kind === kind && each.key === key)
      const reason = change === undefined ? reasonOf(entry, path) : lockReason(change)
      return row(kind, entry.key, key, { reason, ...ruleAt(entry, path), ...(change && { rule: "security.lock" }) })
    })
}

function hiddenByProfile(local: LocalHost, profile: ProfileEntry, kind: Kind): JsonObject[] {
  return local
    .whole()
    .list(kind)
    .flatMap((component): JsonObject[] => {
      if (local.catalog().resolve(kind, component.key) !== undefined) return []
      const [path, reason] = verdictOf(component, profile)
      const { server, original } = local.originOf(component)
      return [row(kind, server, original, { reason, ...profileRuleAt(profile, path) })]
    })
}

function verdictOf(component: Component, { rules }: ProfileEntry): [RulePath, string] {
  if (!admitsServer(rules, component.origin.server)) return [["servers"], "its server is not among them"]
  const path = hiddenBy(rules, component, component.key) ?? []
  return [path, filterReason(rules, path)]
}

function row(kind: Kind, server: string, original: string, why: JsonObject): JsonObject {
  return { kind: kindNames[kind].one, server, original, ...why }
}

function lockReason({ before }: LockChange): string {
  return before === undefined ? "it is not in the lock" : "it differs from the lock"
}

function reasonOf({ rules }: ServerEntry, path: RulePath): string {
  return path[1] === "override" ? "hidden by its override" : filterReason(rules, path)
}

type Filters = Readonly<Record<"tags" | "tools" | "prompts" | "resources", GlobFilter>>

function filterReason(rules: Filters, [section, word, index]: RulePath): string {
  if (word === "include") return section === "tags" ? "it has none of the tags" : "no glob matches it"
  const pattern = JSON.stringify(rules[section as keyof Filters].exclude?.[Number(index)])
  return section === "tags" ? `it has the tag ${pattern}` : `${pattern} matches it`
}
