/** A result kept as the bytes that came, and parsed only if somebody looks inside. */
import type { CacheHint } from "./cacheHint.ts"
import { freeMemory } from "./freeMemory.ts"
import type { JsonObject } from "./json.ts"
import type { McpResult } from "./messages.ts"
import { joined, type Pieces } from "./pieces.ts"

export interface RawResultFacts {
  /** Whether a URI or the id of a task may stand in it where clients must see it in another form. */
  readonly holdsUris: boolean
  /** Whether it may have a `_meta` or `resultType` of its own. */
  readonly hasMeta: boolean
  /** Whether the bytes are for one answer only, after which their memory can be freed. */
  readonly passing?: boolean | undefined
  /** How long it may be taken for current. */
  readonly cache?: CacheHint | undefined
}

export class RawResult implements McpResult {
  readonly bytes: Pieces
  readonly holdsUris: boolean
  readonly hasMeta: boolean
  readonly passing: boolean
  readonly cache: CacheHint | undefined
  #value: JsonObject | undefined

  /** `bytes` is one JSON object without line breaks. */
  constructor(bytes: Pieces, { holdsUris, hasMeta, passing = false, cache }: RawResultFacts) {
    this.bytes = bytes
    this.holdsUris = holdsUris
    this.hasMeta = hasMeta
    this.passing = passing
    this.cache = cache
  }

  /** Its answer is out: bytes that were for one only are gone from now on. */
  sent(): void {
    if (this.passing) freeMemory(this.bytes)
  }

  get value(): JsonObject {
    this.#value ??= JSON.parse(joined(this.bytes).toString("utf8")) as JsonObject
    return this.#value
  }
}
