/** Answers that are kept, within limits of number, bytes and time, and can be dropped by what they are about. */
import { LRUCache } from "lru-cache"
import type { McpResult } from "../../protocol/messages.ts"

/** An answer with what has to be known of it. */
export interface Kept {
  readonly result: McpResult
  /** What it is about: when one of these changes, it is dropped. */
  readonly topics: readonly string[]
  readonly bytes: number
  /** When it came, by the clock of the cache. */
  readonly at: number
}

export interface AnswersOptions {
  readonly maxEntries: number
  readonly maxBytes: number
  /** The clock, in milliseconds. */
  readonly now: () => number
}

export class Answers {
  readonly #kept: LRUCache<string, Kept>
  readonly #byTopic = new Map<string, Set<string>>()

  constructor({ maxEntries, maxBytes, now }: AnswersOptions) {
    this.#kept = new LRUCache<string, Kept>({
      max: maxEntries,
      maxSize: maxBytes,
      perf: { now },
      // Otherwise it sets a timer for every reading of the clock.
      ttlResolution: 0,
      dispose: ({ topics }, key) => this.#unlink(topics, key),
    })
  }

  get(key: string): Kept | undefined {
    return this.#kept.get(key)
  }

  set(key: string, kept: Kept, ttlMs: number): void {
    // Keys are kept too, as text of up to two bytes a character.
    this.#kept.set(key, kept, { ttl: ttlMs, size: kept.bytes + 2 * key.length })
    // One that is too large is not kept.
    if (this.#kept.peek(key) === kept) for (const topic of kept.topics) this.#link(topic, key)
  }

  /** Forgets all that is about a topic. */
  drop(topic: string): void {
    for (const key of [...(this.#byTopic.get(topic) ?? [])]) this.#kept.delete(key)
  }

  clear(): void {
    this.#kept.clear()
  }

  get entries(): number {
    return this.#kept.size
  }

  get bytes(): number {
    return this.#kept.calculatedSize
  }

  /** Topics of which something is kept. */
  get topics(): number {
    return this.#byTopic.size
  }

  #link(topic: string, key: string): void {
    const keys = this.#byTopic.get(topic)
    if (keys === undefined) this.#byTopic.set(topic, new Set([key]))
    else keys.add(key)
  }

  #unlink(topics: readonly string[], key: string): void {
    for (const topic of topics) {
      const keys = this.#byTopic.get(topic)
      keys?.delete(key)
      if (keys?.size === 0) this.#byTopic.delete(topic)
    }
  }
}
