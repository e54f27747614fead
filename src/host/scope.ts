/** What a router serves: the servers of a graph, or what a profile shows of them. */

import type { Chain } from "../middleware/chain.ts"
import type { Client, Unsubscribe } from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import type { Upstream } from "../upstreams/upstream.ts"
import type { Catalogs } from "./catalogs.ts"
import type { Member } from "./member.ts"

export interface Scope {
  /** By manifest key, in the order of the manifest. */
  readonly members: ReadonlyMap<string, Member>
  readonly catalogs: Pick<Catalogs, "of" | "allows" | "hint">
  /** The middleware around all of it. */
  readonly chain: Chain
  /** True while one of the servers makes its first attempt. */
  readonly starting: boolean
  /** Whether a component of this name might be visible, if there were one. */
  admits(kind: Kind, key: string): boolean
  /** The servers of which a client sees something, or that have nothing to show. */
  offering(client: Client): readonly Member[]
  /** Resolves when a client's first list need not wait any longer for servers that start. */
  prepare(client: Client): Promise<void>
  /** Calls back after every change of a server's state or catalogue. */
  onChange(listener: () => void): Unsubscribe
}

export function areStarting(members: Iterable<{ readonly upstream: Pick<Upstream, "state"> }>): boolean {
  return [...members].some(({ upstream }) => upstream.state.state === "starting")
}

/** Holds each client's first list for servers that start and for catalogues of its capabilities, each up to its `timeouts.list`. */
export function createPrepare(members: readonly Member[]): (client: Client) => Promise<void> {
  /** Clients whose first list has waited; a client does so once. */
  const waited = new WeakSet<Client>()
  return async (client) => {
    if (waited.has(client)) return
    await Promise.all(members.map((member) => prepared(member, client)))
    waited.add(client)
  }
}

function prepared({ entry, upstream }: Member, client: Client): Promise<void> {
  return entry.required ? upstream.prepare(client) : within(upstream.prepare(client), entry.timeouts.listMs)
}

export async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
