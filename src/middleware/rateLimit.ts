/**
 * `rateLimit`: so many requests in so much time, for each client, principal, server or tool. What comes beyond is refused
 * with -31006 and told when to come again. Counted in memory, or for several hosts in a store, which `Store.rate` does.
 */
import { createHash } from "node:crypto"
import { parseDuration } from "../manifest/durations.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { RateLimitOptions } from "../manifest/middleware/rateLimit.ts"
import { serverMethods } from "../manifest/middleware/shared.ts"
import { ProtocolError, upstreamError, wireErrors } from "../protocol/errors.ts"
import type { McpResult } from "../protocol/messages.ts"
import { Rates } from "../storage/memory.ts"
import type { RateRule } from "../storage/store.ts"
import { defineMiddleware } from "./define.ts"
import { createKeyOf, createServerOf } from "./keys.ts"
import type { MiddlewareDeps, RequestHook } from "./types.ts"

const defaults = middlewareDefaults.rateLimit

export const rateLimit = defineMiddleware<RateLimitOptions>({
  name: "rateLimit",
  create(options, deps) {
    const { limit = defaults.limit, per = defaults.per, by = defaults.by, methods = serverMethods } = options
    const { algorithm = defaults.algorithm, burst = limit } = options
    const count = createCount({ algorithm, limit, perMs: parseDuration(per), burst }, options, deps)
    const counted: ReadonlySet<string> = new Set(methods)
    const keyOf = createKeyOf(by, deps)
    const serverOf = createServerOf(deps)
    const requests = deps.metrics.counter({
      name: "mcp_host_rate_limit_requests_total",
      help: "Requests that the middleware rateLimit counted, and those it refused.",
      labels: ["server", "outcome"],
    })
    const server = deps.server ?? ""
    const [allowed, limited] = [
      { server, outcome: "allowed" },
      { server, outcome: "limited" },
    ]
    const decide: Decide = (retryAfterMs, request, context, next) => {
      requests.add(1, retryAfterMs === 0 ? allowed : limited)
      if (retryAfterMs === 0) return next(request, context)
      const reason = `the limit of ${limit} requests in ${per} is reached; there is room again in ${retryAfterMs} ms`
      throw upstreamError("BUSY", {
        ...serverOf(request, context),
        ...{ reason, sent: "no", retryable: true, retryAfterMs },
      })
    }
    return {
      request(request, context, next) {
        if (!counted.has(request.method)) return next(request, context)
        const retryAfterMs = count(keyOf(request, context))
        // Counted in memory, it is known at once: nothing is waited for then.
        return typeof retryAfterMs === "number"
          ? decide(retryAfterMs, request, context, next)
          : retryAfterMs.then((ms) => decide(ms, request, context, next))
      },
    }
  },
})

/** Counts a request: 0, or how long it is until there is room for it. */
type Count = (key: string) => number | Promise<number>
type Decide = (retryAfterMs: number, ...asked: Parameters<RequestHook>) => Promise<McpResult>

function createCount(
  rule: RateRule,
  { store, onStoreDown = defaults.onStoreDown }: RateLimitOptions,
  deps: MiddlewareDeps,
): Count {
  const own = new Rates()
  if (store === undefined) return (key) => own.count(key, rule)
  const shared = deps.store(store)
  const failures = deps.metrics.counter({
    name: "mcp_host_rate_limit_store_failures_total",
    help: "Requests that the middleware rateLimit could not count in its store.",
    labels: ["server"],
  })
  let isDown = false
  const told = (down: boolean, reason = ""): void => {
    if (down === isDown) return
    isDown = down
    const meanwhile = onStoreDown === "allow" ? "this host counts for itself" : "requests are refused"
    if (down) deps.logger.warn(`${reason}; ${meanwhile} until it is back`)
    else deps.logger.info(`store ${store} is back`)
  }
  return async (key) => {
    try {
      // Hashed: the key of a client may be the id of its session.
      const waitMs = await shared.rate(createHash("sha256").update(key).digest("base64url"), rule)
      told(false)
      return waitMs
    } catch (error) {
      if (!(error instanceof ProtocolError && error.code === wireErrors.STORE_UNAVAILABLE.code)) throw error
      failures.add(1, { server: deps.server ?? "" })
      told(true, error.message)
      if (onStoreDown === "refuse") throw error
      return own.count(key, rule)
    }
  }
}
