/**
 * The clients behind one key, told apart by what they declare with each request. Those that were not heard of for longest
 * are forgotten when there are many of them, or when what they declare takes much memory: anybody may declare anything.
 */
import type { JsonObject } from "../protocol/json.ts"
import type { Client, Unsubscribe } from "../protocol/messages.ts"

const maxClients = 1_000
/** Of declarations together, in characters of their JSON; the latest is kept whatever its size. */
const maxChars = 4 * 1024 * 1024

export interface Known {
  readonly client: Client
  /** Called when the client is forgotten. */
  readonly leave: Unsubscribe | undefined
}

export class DeclaredClients {
  readonly #make: (capabilities: JsonObject, info: JsonObject | undefined) => Known
  /** By declaration, the one heard of last at the end. */
  readonly #known = new Map<string, Known>()
  #chars = 0

  /** `make` makes a client that is heard of for the first time, or again after it was forgotten. */
  constructor(make: (capabilities: JsonObject, info: JsonObject | undefined) => Known) {
    this.#make = make
  }

  of(capabilities: JsonObject, info: JsonObject | undefined): Client {
    const declared = JSON.stringify([capabilities, info ?? null])
    const known = this.#known.get(declared) ?? this.#make(capabilities, info)
    if (this.#known.delete(declared)) this.#chars -= declared.length
    this.#known.set(declared, known)
    this.#chars += declared.length
    this.#forgetOldest()
    return known.client
  }

  clear(): void {
    for (const { leave } of this.#known.values()) leave?.()
    this.#known.clear()
    this.#chars = 0
  }

  #forgetOldest(): void {
    for (const [declared, { leave }] of this.#known) {
      if (this.#known.size === 1 || (this.#known.size <= maxClients && this.#chars <= maxChars)) return
      this.#known.delete(declared)
      this.#chars -= declared.length
      leave?.()
    }
  }
}
