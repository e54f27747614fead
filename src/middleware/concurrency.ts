/**
 * `concurrency`: so many requests at once, for each client, principal, server or tool; so many more wait, and what comes
 * beyond is refused with -31006.
 */
import { parseDuration } from "../manifest/durations.ts"
import type { ConcurrencyOptions } from "../manifest/middleware/concurrency.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import { serverMethods } from "../manifest/middleware/shared.ts"
import { ProtocolError, withServer } from "../protocol/errors.ts"
import { Limiter, type Load } from "../protocol/limiter.ts"
import type { Metrics } from "../telemetry/types.ts"
import { defineMiddleware } from "./define.ts"
import { createKeyOf, createServerOf } from "./keys.ts"

const defaults = middlewareDefaults.concurrency
const buckets = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60]

export const concurrency = defineMiddleware<ConcurrencyOptions>({
  name: "concurrency",
  create(options, deps) {
    const { limit = defaults.limit, queue = defaults.queue, wait = defaults.wait } = options
    const { by = defaults.by, methods = serverMethods } = options
    const limiters = new Map<string, Limiter>()
    const counted: ReadonlySet<string> = new Set(methods)
    const keyOf = createKeyOf(by, deps)
    const serverOf = createServerOf(deps)
    const figures = createFigures(limiters, deps)
    const waitMs = parseDuration(wait)
    return {
      async request(request, context, next) {
        if (!counted.has(request.method)) return next(request, context)
        const key = keyOf(request, context)
        const limiter = limiters.get(key) ?? new Limiter({ running: limit, waiting: queue }, waitMs)
        limiters.set(key, limiter)
        const from = performance.now()
        let isRunning = false
        try {
          return await limiter.run(context, () => {
            isRunning = true
            figures.waited(performance.now() - from)
            return next(request, context)
          })
        } catch (error) {
          if (isRunning || !(error instanceof ProtocolError)) throw error
          figures.refused()
          throw withServer(error, serverOf(request, context).server ?? "")
        } finally {
          if (limiter.load.running === 0 && limiters.get(key) === limiter) limiters.delete(key)
        }
      },
      close: () => figures.close(),
    }
  },
})

interface Place {
  readonly metrics: Metrics
  readonly server: string | undefined
}

function createFigures(limiters: ReadonlyMap<string, Limiter>, { metrics, server = "" }: Place) {
  const waits = metrics.histogram({
    name: "mcp_host_concurrency_wait_seconds",
    help: "How long requests waited for their turn in the middleware concurrency.",
    labels: ["server"],
    buckets,
  })
  const refusals = metrics.counter({
    name: "mcp_host_concurrency_refused_total",
    help: "Requests that found no place in the queue of the middleware concurrency, waited too long or were cancelled there.",
    labels: ["server"],
  })
  const sum = (what: keyof Load): number => [...limiters.values()].reduce((total, { load }) => total + load[what], 0)
  const takeAway = metrics.gauge(
    {
      name: "mcp_host_concurrency_requests",
      help: "Requests that the middleware concurrency lets run now, and those that wait.",
      labels: ["server", "state"],
    },
    () => [
      { value: sum("running"), labels: { server, state: "running" } },
      { value: sum("waiting"), labels: { server, state: "waiting" } },
    ],
  )
  return {
    waited: (ms: number) => waits.observe(ms / 1000, { server }),
    refused: () => refusals.add(1, { server }),
    close: takeAway,
  }
}
