/**
 * What is on its way, by id: a Map for entries that come and go with every request, made anew now and then. V8 makes the
 * table of a Map anew by itself, but then the old table keeps its entries and points to the next one. As soon as a table
 * has become old, all that follow it and whatever was in them pass for reachable until the whole heap is collected: a
 * quarter of what calls allocate was kept like that.
 */
export class InFlight<Key, Value> {
  #entries = new Map<Key, Value>()
  #deleted = 0

  get size(): number {
    return this.#entries.size
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value)
  }

  delete(key: Key): void {
    if (!this.#entries.delete(key)) return
    this.#deleted += 1
    if (this.#deleted < leastDeleted || this.#deleted < this.#entries.size) return
    this.#deleted = 0
    this.#entries = new Map(this.#entries)
  }

  /** All of them, as they are now. */
  entries(): [Key, Value][] {
    return [...this.#entries]
  }

  values(): Value[] {
    return [...this.#entries.values()]
  }
}

/** So many and as many as are left are gone before the Map is made anew: on average, an entry is copied once. */
const leastDeleted = 256
