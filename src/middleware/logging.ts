/**
 * `logging`: one line for every request, with what became of it. Nothing is worked out while the log does not want its
 * level. The log masks secrets of the manifest by itself; bodies are shown without what is secret by its name.
 */
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { LoggingOptions } from "../manifest/middleware/logging.ts"
import { parseSize } from "../manifest/sizes.ts"
import { isCancelled } from "../protocol/cancellation.ts"
import { ProtocolError } from "../protocol/errors.ts"
import { stringAt } from "../protocol/json.ts"
import { jsonSize } from "../protocol/jsonSize.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { sizeOf } from "../protocol/pieces.ts"
import { defineMiddleware } from "./define.ts"
import { hasFailed } from "./failed.ts"
import { createToBody } from "./logging/body.ts"
import { createWriter, type Entry } from "./logging/entry.ts"
import { longestName, nameOf } from "./named.ts"

export const logging = defineMiddleware<LoggingOptions>({
  name: "logging",
  create(options, deps) {
    const { level = defaults.level, payloads = defaults.payloads, maxBody = defaults.maxBody, redact = [] } = options
    const { only, except = [] } = options
    const { logger, mask } = deps
    const wanted = (method: string): boolean =>
      (only === undefined || only.includes(method)) && !except.includes(method)
    const toBody = payloads === "bodies" ? createToBody({ redact, maxBytes: parseSize(maxBody), mask }) : undefined
    const write = createWriter(logger, level)
    const log = (request: McpRequest, context: Context, { ms, outcome, code, result }: Answered): void => {
      const { method, params } = request
      const { client, span } = context
      const sized = payloads !== "none"
      write({
        request: context.id,
        trace: span?.traceId,
        method,
        name: nameOf(params),
        // Not the server that was asked last: this says whose it is.
        upstream: deps.server ?? deps.subject(request, client)?.server,
        client: client.info && stringAt(client.info, "name")?.slice(0, longestName),
        outcome,
        ms,
        in: sized ? jsonSize(params) : undefined,
        params: toBody?.(params),
        code,
        out: sized && result !== undefined ? sizeOfResult(result) : undefined,
        result: result && toBody?.(result.value),
      })
    }
    return {
      request(request, context, next) {
        if (logger.isEnabled?.(level) === false || !wanted(request.method)) return next(request, context)
        const from = performance.now()
        return next(request, context).then(
          (result) => {
            const outcome = request.method === "tools/call" && hasFailed(result) ? "failed" : "ok"
            log(request, context, { ms: since(from), outcome, result })
            return result
          },
          (error: unknown) => {
            const outcome = isCancelled(context) ? "cancelled" : "error"
            log(request, context, {
              ms: since(from),
              outcome,
              ...(error instanceof ProtocolError && { code: error.code }),
            })
            throw error
          },
        )
      },
    }
  },
})

const { logging: defaults } = middlewareDefaults

interface Answered extends Pick<Entry, "ms" | "outcome"> {
  readonly code?: number
  readonly result?: McpResult
}

/** In milliseconds, with three digits after the point. */
function since(from: number): number {
  return Math.round((performance.now() - from) * 1000) / 1000
}

/** Its value is not looked at where there are bytes: they would be parsed. */
function sizeOfResult(result: McpResult): number {
  return result.bytes === undefined ? jsonSize(result.value) : sizeOf(result.bytes)
}
