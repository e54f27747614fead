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

export class Audience {
  readonly #catalogOf: (client: Client) => Catalog
  readonly #starting: () => boolean
  /** Revisions of the lists, by client. */
  readonly #seen = new Map<Client, ReadonlyMap<Kind, string>>()
  /** Of them, those that have not listed yet and may have to wait for servers that start. */
  readonly #waiting = new Set<Client>()
  #timer: NodeJS.Timeout | undefined
  /** When somebody was last told, on the clock of `performance.now()`. */
  #toldAt = -restMs

  constructor(catalogOf: (client: Client) => Catalog, starting: () => boolean) {
    this.#catalogOf = catalogOf
    this.#starting = starting
  }

  /** `patient`: its first list waits for servers that start, and that of the subscription's client with it. */
  join(client: Client, patient: boolean): Unsubscribe {
    // A subscription over HTTP does not show who listed before it.
    if (this.#starting() && (patient || client.unsolicited)) this.#waiting.add(client)
    this.#seen.set(client, this.#revisions(client))
    return () => {
      this.#seen.delete(client)
      this.#waiting.delete(client)
    }
  }

  /** The client is about to be answered its first list. */
  saw(client: Client): void {
    if (this.#seen.has(client)) this.#seen.set(client, this.#revisions(client))
    // The subscriptions of a connection have seen what its requests have.
    for (const each of this.#waiting) if (each.key === client.key) this.#sawNow(each)
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
    this.#waiting.clear()
  }

  /** The moment the last server has started, what there is counts as seen by those who waited. */
  #settle(): void {
    if (this.#starting()) return
    for (const client of this.#waiting) this.#sawNow(client)
  }

  #sawNow(client: Client): void {
    this.#waiting.delete(client)
    this.#seen.set(client, this.#revisions(client))
  }

  #tell(client: Client): void {
    const before = this.#seen.get(client)
    const revisions = this.#revisions(client)
    if (before === undefined || this.#waiting.has(client)) return
    this.#seen.set(client, revisions)
    const changed = kinds.filter((kind) => before.get(kind) !== revisions.get(kind))
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
