/** What a server that is not there means for clients: lists that fail, and names that are unavailable rather than unknown. */
import { type ProtocolError, upstreamError } from "../protocol/errors.ts"
import type { Client } from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import { isUp, type Member } from "./member.ts"
import type { Scope } from "./scope.ts"

/** With `onDown: fail` a list that would be incomplete is no list. */
export function assertListable({ members }: Pick<Scope, "members">, kind: Kind, client: Client): void {
  for (const member of members.values()) {
    const { entry, upstream, nested } = member
    if (isUp(member)) nested?.assertListable(kind, client)
    if (entry.onDown !== "fail" || isUp(member)) continue
    const listing = upstream.listing(client)
    if (listing === undefined || listing[kind].length > 0) throw unavailable(member)
  }
}

/** The error for a name or URI that no list shows, when it is of a server that is not there. */
export function missing(scope: Scope, kind: Kind, key: string, client: Client): ProtocolError | undefined {
  const skipped = skippedOwner(scope, kind, key, client)
  if (skipped !== undefined) return unavailable(skipped)
  if (!scope.admits(kind, key)) return undefined
  for (const member of scope.members.values()) {
    const own = ownKey(member, kind, key)
    if (own === undefined) continue
    // The server inside, where it can be told which.
    const inside = member.nested?.missing(kind, own, client)
    if (inside !== undefined) return inside
    const unlisted = !isUp(member) && member.upstream.listing(client) === undefined
    // A URI without a prefix may be of any server.
    const isSure = kind === "tool" || kind === "prompt" || member.entry.rules.prefix !== ""
    if (unlisted && isSure) return unavailable(member)
  }
  return undefined
}

/** The server that `onDown: skip` takes off the lists. */
function skippedOwner({ catalogs, members }: Scope, kind: Kind, key: string, client: Client): Member | undefined {
  const { visible, known } = catalogs.of(client)
  if (visible === known) return undefined
  const isNamed = kind === "tool" || kind === "prompt"
  const server = isNamed ? known.resolve(kind, key)?.origin.server : known.resolveUri(key)?.server
  return server === undefined ? undefined : members.get(server)
}

/** What the server would call it, if it were its own; the prefix alone decides. */
function ownKey({ entry, namespace }: Member, kind: Kind, key: string): string | undefined {
  if (kind === "resource" || kind === "resourceTemplate") return namespace.decodeUri(key)
  const { prefix, separator } = entry.rules
  if (prefix === "") return key
  return key.startsWith(prefix + separator) ? key.slice(prefix.length + separator.length) : undefined
}

export function unavailable({ entry, upstream }: Member): ProtocolError {
  const { state, reason } = upstream.state
  return upstreamError("UPSTREAM_UNAVAILABLE", {
    server: entry.key,
    reason: reason ?? `it is ${state}`,
    sent: "no",
    retryable: true,
  })
}
