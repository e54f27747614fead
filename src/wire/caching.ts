/** Reads the caching hints of a page as its generation gives them. */
import { type CacheHint, uncacheable } from "../protocol/cacheHint.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { UpstreamSession } from "./session.ts"

/** What a server says of a page of a list; undefined in the generation that has no hints. */
export function cacheHintOf({ era }: Pick<UpstreamSession, "era">, page: JsonObject): CacheHint | undefined {
  if (era !== "modern") return undefined
  const { ttlMs, cacheScope } = page
  return {
    ttlMs: typeof ttlMs === "number" && ttlMs > 0 ? ttlMs : uncacheable.ttlMs,
    cacheScope: cacheScope === "public" ? cacheScope : uncacheable.cacheScope,
  }
}
