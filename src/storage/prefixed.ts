/** A part of a store, as a store of its own. */
import type { Store } from "./store.ts"

/** Its keys are those of `store` that begin with `prefix`, without it. */
export function withPrefix(store: Store, prefix: string): Store {
  return {
    atomic: store.atomic,
    get: (key) => store.get(prefix + key),
    getVersioned: (key) => store.getVersioned(prefix + key),
    set: (key, value, options) => store.set(prefix + key, value, options),
    take: (key) => store.take(prefix + key),
    increment: (key, by, ttlMs) => store.increment(prefix + key, by, ttlMs),
    rate: (key, rule) => store.rate(prefix + key, rule),
    delete: (key) => store.delete(prefix + key),
    keys: async (start = "") => (await store.keys(prefix + start)).map((key) => key.slice(prefix.length)),
  }
}
