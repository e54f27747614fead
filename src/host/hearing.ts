/** Whether a client may be told that a resource has changed: what it cannot see does not exist for it. Decided anew for every update. */
import type { Client } from "../protocol/messages.ts"
import type { Member } from "./member.ts"
import type { Scope } from "./scope.ts"

/** `uri` is the server's own. */
export type MayHear = (member: Member, uri: string, client: Client) => boolean

export function mayHear(
  { members, catalogs }: Pick<Scope, "members" | "catalogs">,
  ...[member, uri, client]: Parameters<MayHear>
): boolean {
  const { entry, namespace } = member
  if (!members.has(entry.key) || !catalogs.allows(member, client, uri)) return false
  // A client knows the URI as its owner's, which after a reload may be another server.
  const owner = catalogs.of(client).visible.resolveUri(namespace.encode("resource", uri))
  return owner === undefined || owner.server === entry.key
}
