/** Rows of the fault model as the rig runs them: each a server with that fault, and what a client must see of it. */

import type { RigClient } from "../rig/client.ts"
import type { Run } from "../rig/finding.ts"
import type { HostProcess } from "../rig/host.ts"
import type { Log } from "../rig/log.ts"
import type { Oracle } from "../rig/oracle.ts"
import type { Transport, Web } from "../rig/upstreams.ts"

/** A row over one transport, on its way. */
export interface Cell {
  /** Key of its server. */
  readonly key: string
  readonly transport: Transport
  readonly run: Run
  readonly host: HostProcess
  readonly log: Log
  readonly oracle: Oracle
  /** A legacy client of its own. */
  readonly client: RigClient
  connect(era: "legacy" | "modern"): Promise<RigClient>
  /** State and reason of its server, as `/readyz` says. */
  state(): Promise<{ readonly state: string; readonly reason?: string; readonly counts?: Record<string, number> }>
  /** The process that serves its URL, when it has one of its own. */
  readonly web: Web | undefined
}

export interface Row {
  readonly id: string
  readonly fault: string
  readonly required: string
  /** Why it is not looked at here; then nothing else is given. */
  readonly later?: string
  readonly on?: readonly Transport[]
  /** More of the manifest entry. */
  readonly entry?: Record<string, unknown>
  readonly era?: "legacy" | "modern"
  /** Its own mount, for what is no fault server. */
  readonly mount?: (cell: { readonly transport: Transport; readonly run: Run }) => unknown | Promise<unknown>
  /** Of the process that is its server over stdio. */
  readonly nodeArgs?: readonly string[]
  /** Headers of its mount; a `${RIG_SECRET}` in them is a value that the host must not show. */
  readonly headers?: Readonly<Record<string, string>>
  /** Measures times: runs when the others are through. */
  readonly alone?: boolean
  /** True when its server never becomes ready. */
  readonly broken?: boolean
  /** Its server over HTTP is a process of its own. */
  readonly ownWeb?: boolean
  /** Observes; throws when what is required was not. Returns what was observed. */
  readonly check?: (cell: Cell) => Promise<string>
}

const patienceMs = 60_000

/** Repeats a call until it succeeds; how long that took, in milliseconds. */
export async function recovered({ client, key }: Pick<Cell, "client" | "key">, args: object = {}): Promise<number> {
  const began = performance.now()
  for (;;) {
    const outcome = await client.call(`${key}_work`, { args })
    if (outcome.result !== undefined) return performance.now() - began
    if (performance.now() - began > patienceMs)
      throw new Error(`not back after ${patienceMs} ms: ${JSON.stringify(outcome.error ?? outcome.lost)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
