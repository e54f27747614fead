/**
 * A key-value store. Keys are strings, values JSON. Implementations: `memory.ts`, `file.ts`, `redis.ts`, `keyv.ts`;
 * around them `encrypted.ts` and `prefixed.ts`; `storage.ts` opens the ones a manifest names. One contract suite runs
 * over all of them.
 */
import type { JsonValue } from "../protocol/json.ts"

/** The version of a key that has no entry. */
export const noVersion = ""

export interface SetOptions {
  /** Forget the entry after this many milliseconds. */
  readonly ttlMs?: number | undefined
  /** Write only while the entry has this version, from `getVersioned`; `noVersion`: only while there is none. */
  readonly ifVersion?: string | undefined
}

export interface Versioned {
  /** Undefined when there is no entry. */
  readonly value: JsonValue | undefined
  /** Another one after every write; `noVersion` when there is no entry. */
  readonly version: string
}

/** So many calls in so much time. */
export interface RateRule {
  /**
   * `token-bucket`: a bucket of `burst` tokens, filled up with `limit` of them in `perMs`; a call takes one.
   * `sliding-window`: no more than `limit` calls in any `perMs`.
   */
  readonly algorithm: "token-bucket" | "sliding-window"
  readonly limit: number
  readonly perMs: number
  /** What the bucket holds; nothing to a window. */
  readonly burst: number
}

export interface Store {
  /**
   * Whether `take`, `increment`, `rate` and `ifVersion` are single steps for all processes that use the store. Where they
   * cannot be, they throw a `HostError` with the code `STORE_NOT_ATOMIC`.
   */
  readonly atomic: boolean
  /** The value, or undefined when there is none or it has expired. */
  get(key: string): Promise<JsonValue | undefined>
  /** The value with what a later `set` names in `ifVersion`. */
  getVersioned(key: string): Promise<Versioned>
  /** True when it was written; false when `ifVersion` names a version the entry does not have. */
  set(key: string, value: JsonValue, options?: SetOptions): Promise<boolean>
  /** Gets and deletes in one step: of several callers exactly one receives the value. */
  take(key: string): Promise<JsonValue | undefined>
  /**
   * Adds a whole number, default 1, to an entry that holds one, and gives the sum. A missing entry counts as 0 and is
   * made, with `ttlMs`; that of an entry there is stays as it is.
   */
  increment(key: string, by?: number, ttlMs?: number): Promise<number>
  /**
   * Counts a call against a rate in one step, if there is room for it: 0; otherwise the milliseconds until there is some.
   * The time is that of the backend, so that hosts whose clocks differ share a rate. Rates are apart from entries: the
   * other operations know nothing of them, and they are forgotten by themselves.
   */
  rate(key: string, rule: RateRule): Promise<number>
  /** True when there was something to delete. */
  delete(key: string): Promise<boolean>
  /** The keys that start with `prefix`, sorted. */
  keys(prefix?: string): Promise<string[]>
}

/** A store with what it holds: connections, timers. */
export interface OpenStore extends Store {
  /** Idempotent. */
  close(): Promise<void>
}
