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
  /** Resolves when a client's first list need not wait any longer; with `hold`, not for servers that start either. */
  prepare(client: Client, hold: boolean): Promise<void>
  /** Calls back after every change of a server's state or catalogue. */
  onChange(listener: () => void): Unsubscribe
}

export function areStarting(members: Iterable<{ readonly upstream: Pick<Upstream, "state"> }>): boolean {
  return [...members].some(({ upstream }) => upstream.state.state === "starting")
}

/**
 * Holds each client's first list for `required` servers and for catalogues of its capabilities; with `hold`, for all servers
 * that start. All but the required ones up to their `timeouts.list`.
 */
export function createPrepare(members: readonly Member[]): Scope["prepare"] {
  /** Clients that have waited so: a client does so once. */
  const waited = { all: new WeakSet<Client>(), required: new WeakSet<Client>() }
  return async (client, hold) => {
    const before = hold ? waited.all : waited.required
    if (before.has(client)) return
    await Promise.all(members.map((member) => prepared(member, client, hold)))
    before.add(client)
  }
}

function prepared({ entry, upstream }: Member, client: Client, hold: boolean): Promise<void> {
  if (entry.required) return upstream.prepare(client, true)
  return within(upstream.prepare(client, hold), entry.timeouts.listMs)
}

export async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
