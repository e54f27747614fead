/** A server of the manifest together with its upstream and its namespace. */
import { createNamespace } from "../composition/namespace.ts"
import type { Namespace } from "../composition/types.ts"
import type { ServerEntry } from "../manifest/types.ts"
import type { Chain } from "../middleware/chain.ts"
import type { ProtocolError } from "../protocol/errors.ts"
import type { Client } from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import type { StateName } from "../upstreams/life.ts"
import type { Upstream } from "../upstreams/upstream.ts"
import type { Graph } from "./graph.ts"
import type { Leaf } from "./leaf.ts"

export interface Member {
  readonly entry: ServerEntry
  readonly upstream: Upstream
  readonly namespace: Namespace
  /** The middleware around it, in its own names. */
  readonly chain: Chain
  /** The middleware around all of its manifest, in the names of that. */
  readonly around: Chain
  /** What it runs on, and may hand on to the next graph; undefined for a manifest. */
  readonly leaf?: Leaf
  /** The servers inside, when it is a manifest itself. */
  readonly nested?: Nested
}

/** What the host must know of a manifest that it composes as a server, beyond what any server tells. */
export interface Nested {
  readonly graph: Graph
  /** As whom a client of the manifest around it is known inside. */
  inside(client: Client): Client
  /** From now on the servers inside are told of in the names of this member. */
  serve(member: Member): void
  /** A resource inside, by the URI it has there, was updated for a client outside. */
  updated(uri: string, client: Client): void
  /** Throws when a list would be incomplete and a server inside says that it then fails. */
  assertListable(kind: Kind, client: Client): void
  /** The error when a name or URI that no list shows is of a server inside that is not there; in its own words. */
  missing(kind: Kind, key: string, client: Client): ProtocolError | undefined
}

export function createMember(
  entry: ServerEntry,
  upstream: Upstream,
  more: Pick<Member, "leaf" | "nested" | "chain" | "around">,
): Member {
  return { entry, upstream, namespace: createNamespace(entry.rules), ...more }
}

/** What people call the server: its own title or name, else its manifest key. */
export function titleOf({ entry, upstream }: Member): string {
  const { title, name } = upstream.info(undefined)?.serverInfo ?? {}
  return [title, name].find((text): text is string => typeof text === "string" && text !== "") ?? entry.key
}

/** Ready, or started by the first request that needs it. */
export function isServing(state: StateName): boolean {
  return state === "ready" || state === "stopped"
}

/** Its catalogue is what its clients can use: it runs, or will when it is needed, or starts while the cache says what it shows. */
export function isUp({ upstream }: Member): boolean {
  const { state } = upstream.state
  if (state === "ready" || state === "degraded") return true
  return (state === "starting" || state === "stopped") && upstream.listing(undefined) !== undefined
}
