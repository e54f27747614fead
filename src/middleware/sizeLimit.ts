/**
 * `sizeLimit`: refuses results and arguments that are too large with -31004, or cuts the text in results of tools. A
 * result that is still bytes is measured without parsing it.
 */
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { SizeLimitOptions } from "../manifest/middleware/sizeLimit.ts"
import { parseSize } from "../manifest/sizes.ts"
import { upstreamError } from "../protocol/errors.ts"
import type { McpResult } from "../protocol/messages.ts"
import { sizeOf } from "../protocol/pieces.ts"
import { defineMiddleware } from "./define.ts"
import { createServerOf } from "./keys.ts"
import { jsonSize, truncated } from "./truncate.ts"

const defaults = middlewareDefaults.sizeLimit

export const sizeLimit = defineMiddleware<SizeLimitOptions>({
  name: "sizeLimit",
  create(options, deps) {
    const { result: ofResult = defaults.result, arguments: ofArguments = defaults.arguments } = options
    const { mode = defaults.mode } = options
    const mostBytes = parseSize(ofResult)
    const mostArguments = parseSize(ofArguments)
    const serverOf = createServerOf(deps)
    const exceeded = deps.metrics.counter({
      name: "mcp_host_size_limit_exceeded_total",
      help: "Results and arguments that were too large for the middleware sizeLimit.",
      labels: ["server", "what", "outcome"],
    })
    const note = (what: "result" | "arguments", outcome: "rejected" | "truncated"): void =>
      exceeded.add(1, { server: deps.server ?? "", what, outcome })
    return {
      async request(request, context, next) {
        const given = request.params["arguments"]
        const bytes = given === undefined ? 0 : jsonSize(given)
        if (bytes > mostArguments) {
          note("arguments", "rejected")
          const reason = `the arguments have ${bytes} bytes; the limit is ${ofArguments}`
          throw upstreamError("LIMIT_EXCEEDED", { ...serverOf(request, context), reason, sent: "no", retryable: false })
        }
        const result = await next(request, context)
        const size = sizeOfResult(result)
        if (size <= mostBytes) return result
        const less =
          mode === "truncate" && request.method === "tools/call" ? truncated(result.value, mostBytes) : undefined
        note("result", less === undefined ? "rejected" : "truncated")
        if (less !== undefined) return { value: less }
        const reason = `the result has ${size} bytes; the limit is ${ofResult}`
        throw upstreamError("LIMIT_EXCEEDED", {
          ...serverOf(request, context),
          reason,
          sent: "maybe",
          retryable: false,
        })
      },
    }
  },
})

function sizeOfResult(result: McpResult): number {
  return result.bytes === undefined ? jsonSize(result.value) : sizeOf(result.bytes)
}
