/** `timing`: how long requests take, in the log and in `mcp_host_timing_seconds`. */
import { parseDuration } from "../manifest/durations.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { TimingOptions } from "../manifest/middleware/timing.ts"
import type { Context, McpRequest } from "../protocol/messages.ts"
import { requestMethods } from "../protocol/methods.ts"
import { requestFacts } from "../telemetry/requestFacts.ts"
import { defineMiddleware } from "./define.ts"
import { nameOf } from "./named.ts"

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export const timing = defineMiddleware<TimingOptions>({
  name: "timing",
  create(
    { slow = middlewareDefaults.timing.slow, level = middlewareDefaults.timing.level },
    { logger, metrics, server },
  ) {
    const slowMs = parseDuration(slow)
    const durations = metrics.histogram({
      name: "mcp_host_timing_seconds",
      help: "How long requests took where the middleware timing is in the chain.",
      labels: ["server", "method"],
      buckets,
    })
    const log = ({ method, params }: McpRequest, context: Context, ms: number): void => {
      const isSlow = ms > slowMs
      if (!isSlow && logger.isEnabled?.(level) === false) return
      const name = nameOf(params)
      const facts = {
        ...requestFacts(context),
        method,
        ...(name !== undefined && { name }),
        ms: Math.round(ms * 1000) / 1000,
      }
      if (isSlow) logger.warn("slow", facts)
      else logger[level]("took", facts)
    }
    return {
      request(request, context, next) {
        const from = performance.now()
        const ended = (): void => {
          const ms = performance.now() - from
          if (metrics.enabled) {
            const method = requestMethods.has(request.method) ? request.method : "other"
            durations.observe(ms / 1000, { server: server ?? "", method })
          }
          log(request, context, ms)
        }
        // Not `finally`, which makes three promises more.
        return next(request, context).then(
          (result) => {
            ended()
            return result
          },
          (error: unknown) => {
            ended()
            throw error
          },
        )
      },
    }
  },
})
