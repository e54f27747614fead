/** How long a result may be taken for current, and for whom it may be kept (specification 2026-07-28, server/utilities/caching). */
export interface CacheHint {
  /** Milliseconds; 0 is stale at once. */
  readonly ttlMs: number
  readonly cacheScope: "public" | "private"
}

/** What is said of a result nobody said anything about. */
export const uncacheable: CacheHint = { ttlMs: 0, cacheScope: "private" }

/** The hint of something made of several parts: the shortest time and the strictest scope. */
export function strictest(hints: readonly CacheHint[]): CacheHint {
  if (hints.length === 0) return uncacheable
  return {
    ttlMs: Math.min(...hints.map(({ ttlMs }) => ttlMs)),
    cacheScope: hints.every(({ cacheScope }) => cacheScope === "public") ? "public" : "private",
  }
}
