/**
 * The connected clients and what each has last seen of the lists. After a change each is told of the kinds whose list
 * is another for it now, once, and the others hear nothing. While servers start, a client that has not listed yet has
 * seen nothing that could change.
 */
import type { Catalog } from "../composition/types.ts"
import type { Client, Unsubscribe } from "../protocol/messages.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"

/** Changes within this time are told as one, in milliseconds. */
const settleMs = 100
/** Least time between telling clients and telling them again, in milliseconds. */
const restMs = 1_000

interface Seen {
  readonly revisions: ReadonlyMap<Kind, string>
  /** False while the client waits for servers that start. */
  readonly settled: boolean
}

export class Audience {
  readonly #catalogOf: (client: Client) => Catalog
  readonly #starting: () => boolean
  readonly #seen = new Map<Client, Seen>()
  #timer: NodeJS.Timeout | undefined
  /** When somebody was last told, on the clock of `performance.now()`. */
  #toldAt = -restMs

  constructor(catalogOf: (client: Client) => Catalog, starting: () => boolean) {
    this.#catalogOf = catalogOf
    this.#starting = starting
  }

  join(client: Client): Unsubscribe {
    this.#seen.set(client, { revisions: this.#revisions(client), settled: !this.#starting() })
    return () => void this.#seen.delete(client)
  }

  /** The client is about to be answered its first list. */
  saw(client: Client): void {
    if (this.#seen.has(client)) this.#seen.set(client, { revisions: this.#revisions(client), settled: true })
  }

  /** Something may have changed for somebody. */
  changed(): void {
    this.#settle()
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        for (const client of this.#seen.keys()) this.#tell(client)
      },
      Math.max(settleMs, this.#toldAt + restMs - performance.now()),
    )
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#seen.clear()
  }

  /** The moment the last server has started, what there is counts as seen by those who waited. */
  #settle(): void {
    if (this.#starting()) return
    for (const [client, { settled }] of this.#seen) {
      if (!settled) this.#seen.set(client, { revisions: this.#revisions(client), settled: true })
    }
  }

  #tell(client: Client): void {
    const before = this.#seen.get(client)
    const revisions = this.#revisions(client)
    if (before?.settled !== true) return
    this.#seen.set(client, { revisions, settled: true })
    const changed = kinds.filter((kind) => before.revisions.get(kind) !== revisions.get(kind))
    const methods = changed.map((kind) => kindWords[kind].changed)
    if (methods.length > 0) this.#toldAt = performance.now()
    for (const method of new Set(methods)) client.notify({ method, params: {} })
  }

  #revisions(client: Client): ReadonlyMap<Kind, string> {
    return revisionsOf(this.#catalogOf(client))
  }
}

/** Of catalogues, which never change: thousands of clients see the same one. */
const known = new WeakMap<Catalog, ReadonlyMap<Kind, string>>()

function revisionsOf(catalog: Catalog): ReadonlyMap<Kind, string> {
  const revisions = known.get(catalog) ?? new Map(kinds.map((kind) => [kind, catalog.revisionOf(kind)]))
  known.set(catalog, revisions)
  return revisions
}
