/**
 * Whose tasks there are: the ids of one owner never mean anything to another. Kept in memory and bounded: a task goes
 * some time after it was last asked for, and the least recently used go when there are too many.
 */
import type { Client, Context } from "../protocol/messages.ts"

/** Tasks remembered altogether, and for one owner. */
const most = 10_000
const mostOfOne = 1_000
/** How long an unused task is remembered at least and at most, in milliseconds; between them, as long as its server keeps it. */
const leastMs = 3_600_000
const longestMs = 7 * 86_400_000

export interface KnownTask {
  /** Manifest key of the server. */
  readonly server: string
  /** The id as its receiver gave it. */
  readonly id: string
  /** The client it was created for, over whose session it is reached. */
  readonly client: Client
}

interface Kept {
  readonly task: KnownTask
  readonly forMs: number
  until: number
}

/** Who owns what is created for a request: its principal; of it, the session or connection, in its generation. */
export function ownerOf({ principal, client }: Pick<Context, "principal" | "client">): string {
  return JSON.stringify([principal.id, client.key, client.era])
}

export class TaskTable {
  /** By owner and exposed id; the least recently used first, on both levels. */
  readonly #owners = new Map<string, Map<string, Kept>>()
  readonly #now: () => number
  #size = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get size(): number {
    return this.#size
  }

  remember(owner: string, exposed: string, task: KnownTask, ttlMs: number | undefined): void {
    const forMs = Math.min(longestMs, Math.max(leastMs, ttlMs ?? longestMs))
    this.#put(owner, exposed, { task, forMs, until: this.#now() + forMs })
    const own = this.#owners.get(owner)
    if (own !== undefined && own.size > mostOfOne) this.#dropOldest(owner, own)
    const [first] = this.#owners
    if (this.#size > most && first !== undefined) this.#dropOldest(...first)
  }

  find(owner: string, exposed: string): KnownTask | undefined {
    const kept = this.#owners.get(owner)?.get(exposed)
    if (kept === undefined) return undefined
    if (kept.until <= this.#now()) {
      this.#drop(owner, exposed)
      return undefined
    }
    this.#put(owner, exposed, { ...kept, until: this.#now() + kept.forMs })
    return kept.task
  }

  /** The tasks of an owner, the least recently used first. */
  of(owner: string): readonly KnownTask[] {
    const now = this.#now()
    const kept = [...(this.#owners.get(owner)?.values() ?? [])]
    return kept.flatMap(({ task, until }) => (until > now ? [task] : []))
  }

  /** A client has left: nobody can ask for what was created for it any more. */
  forget(client: Client): void {
    for (const [owner, own] of this.#owners)
      for (const [exposed, { task }] of own) if (task.client === client) this.#drop(owner, exposed)
  }

  #put(owner: string, exposed: string, kept: Kept): void {
    this.#drop(owner, exposed)
    const own = this.#owners.get(owner) ?? new Map<string, Kept>()
    this.#owners.delete(owner)
    this.#owners.set(owner, own.set(exposed, kept))
    this.#size += 1
  }

  #dropOldest(owner: string, own: ReadonlyMap<string, Kept>): void {
    const [oldest] = own.keys()
    if (oldest !== undefined) this.#drop(owner, oldest)
  }

  #drop(owner: string, exposed: string): void {
    const own = this.#owners.get(owner)
    if (own?.delete(exposed) !== true) return
    this.#size -= 1
    if (own.size === 0) this.#owners.delete(owner)
  }
}
