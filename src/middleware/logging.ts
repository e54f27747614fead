/**
 * `logging`: one line for every request, with what became of it. Nothing is worked out while the log does not want its
 * level. The log masks secrets of the manifest by itself; bodies are shown without what is secret by its name.
 */
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { LoggingOptions } from "../manifest/middleware/logging.ts"
import { parseSize } from "../manifest/sizes.ts"
import { isCancelled } from "../protocol/cancellation.ts"
import { ProtocolError } from "../protocol/errors.ts"
import { type JsonObject, stringAt } from "../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { sizeOf } from "../protocol/pieces.ts"
import { requestFacts } from "../telemetry/requestFacts.ts"
import { defineMiddleware } from "./define.ts"
import { hasFailed } from "./failed.ts"
import { createToBody, type ToBody } from "./logging/body.ts"
import { longestName, nameOf } from "./named.ts"
import type { MiddlewareDeps } from "./types.ts"

export const logging = defineMiddleware<LoggingOptions>({
  name: "logging",
  create(options, deps) {
    const { level = defaults.level, payloads = defaults.payloads, maxBody = defaults.maxBody, redact = [] } = options
    const { only, except = [] } = options
    const { logger, mask } = deps
    const wanted = (method: string): boolean =>
      (only === undefined || only.includes(method)) && !except.includes(method)
    const toBody = createToBody({ redact, maxBytes: parseSize(maxBody), mask })
    const payload = payloads === "none" ? nothing : createPayloads(payloads, toBody)
    return {
      async request(request, context, next) {
        if (logger.isEnabled?.(level) === false || !wanted(request.method)) return next(request, context)
        const from = performance.now()
        const log = (outcome: string, facts: object): void => {
          const ms = Math.round((performance.now() - from) * 1000) / 1000
          const about = aboutOf(request, context, deps)
          const what = about.name === undefined ? request.method : `${request.method} ${about.name}`
          const given = payload.params(request.params)
          logger[level](`${what}: ${outcome} in ${ms} ms`, { ...about, outcome, ms, ...given, ...facts })
        }
        let result: McpResult
        try {
          result = await next(request, context)
        } catch (error) {
          log(isCancelled(context) ? "cancelled" : "error", error instanceof ProtocolError ? { code: error.code } : {})
          throw error
        }
        log(request.method === "tools/call" && hasFailed(result) ? "failed" : "ok", payload.result(result))
        return result
      },
    }
  },
})

const { logging: defaults } = middlewareDefaults

interface About {
  readonly request: string
  readonly trace?: string
  readonly method: string
  readonly name: string | undefined
  readonly upstream: string | undefined
  readonly client: string | undefined
}

function aboutOf(request: McpRequest, context: Context, { server, subject }: MiddlewareDeps): About {
  const { method, params } = request
  const { client } = context
  // Without the server that was asked first: `upstream` says whose it is.
  const { request: id, trace } = requestFacts(context)
  return {
    ...{ request: id, ...(trace !== undefined && { trace }), method, name: nameOf(params) },
    upstream: server ?? subject(request, client)?.server,
    client: client.info && stringAt(client.info, "name")?.slice(0, longestName),
  }
}

interface Payloads {
  params(params: JsonObject): object
  result(result: McpResult): object
}

const nothing: Payloads = { params: () => ({}), result: () => ({}) }

function createPayloads(kind: "sizes" | "bodies", toBody: ToBody): Payloads {
  const isShown = kind === "bodies"
  return {
    params: (params) => ({ in: bytesOf(params), ...(isShown && { params: toBody(params) }) }),
    result(result) {
      const out = result.bytes === undefined ? bytesOf(result.value) : sizeOf(result.bytes)
      return { out, ...(isShown && { result: toBody(result.value) }) }
    },
  }
}

function bytesOf(value: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(value))
}
