/**
 * `retry`: sends a request again that has failed, when it provably did not reach its server, or when it may safely do so
 * twice: reads, lists, prompts, completions, and tools that are annotated or named so.
 */
import { setTimeout as delay } from "node:timers/promises"
import { matchesAny } from "../composition/glob.ts"
import { parseDuration } from "../manifest/durations.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { RetryOptions } from "../manifest/middleware/retry.ts"
import { isCancelled } from "../protocol/cancellation.ts"
import { deriveContext } from "../protocol/deriveContext.ts"
import { isHostError, ProtocolError, rpcCodes, wireErrors } from "../protocol/errors.ts"
import { isJsonObject, objectAt } from "../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { kindWords } from "../protocol/methods.ts"
import { defineMiddleware } from "./define.ts"
import type { MiddlewareDeps } from "./types.ts"

const defaults = middlewareDefaults.retry

/** Requests that change nothing. */
const reading: ReadonlySet<string> = new Set([
  ...["resources/read", "prompts/get", "completion/complete"],
  ...Object.values(kindWords).map(({ list }) => list),
])
const repeatable: ReadonlySet<string> = new Set([...reading, "tools/call"])

export const retry = defineMiddleware<RetryOptions>({
  name: "retry",
  create(options, deps) {
    const policy = toPolicy(options)
    const labels = ["server", "method"]
    const attempts = deps.metrics.counter({
      name: "mcp_host_retry_attempts_total",
      help: "Requests that the middleware retry sent again.",
      labels,
    })
    const recovered = deps.metrics.counter({
      name: "mcp_host_retry_recovered_total",
      help: "Requests that succeeded only because the middleware retry sent them again.",
      labels,
    })
    return {
      async request(request, context, next) {
        if (!repeatable.has(request.method) || isAnswer(request)) return next(request, context)
        const from = performance.now()
        const asking = noteAsking(context)
        const mayRepeat = (error: unknown): boolean =>
          isUnsent(error) || (isPassing(error) && !asking.hasAsked() && isSafe(request, context, { ...options, deps }))
        try {
          return await next(request, asking.context)
        } catch (error) {
          if (!mayRepeat(error) || isCancelled(context)) throw error
          const again = (): Promise<McpResult> => {
            attempts.add(1, { server: deps.server ?? "", method: request.method })
            deps.logger.debug("sent again", { request: context.id, method: request.method })
            return next(request, asking.context)
          }
          const result = await repeat(error, again, { ...policy, mayRepeat, context, from })
          recovered.add(1, { server: deps.server ?? "", method: request.method })
          return result
        }
      },
    }
  },
})

interface Policy {
  readonly attempts: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly withinMs: number
}

function toPolicy(options: RetryOptions): Policy {
  const { attempts = defaults.attempts, backoff = defaults.backoff } = options
  const { maxBackoff = defaults.maxBackoff, within = defaults.within } = options
  const [backoffMs, maxBackoffMs, withinMs] = [backoff, maxBackoff, within].map(parseDuration) as [
    number,
    number,
    number,
  ]
  return { attempts, backoffMs, maxBackoffMs, withinMs }
}

interface Repetition extends Policy {
  readonly context: Context
  /** When the first attempt began. */
  readonly from: number
  readonly mayRepeat: (error: unknown) => boolean
}

/** `first` is how the first attempt failed. */
async function repeat(
  first: unknown,
  again: () => Promise<McpResult>,
  { attempts, backoffMs, maxBackoffMs, withinMs, context, from, mayRepeat }: Repetition,
): Promise<McpResult> {
  const { default: pRetry } = await import("p-retry")
  const { signal } = context
  const leftMs = (): number => Math.max(0, from + withinMs - performance.now())
  try {
    return await pRetry((attempt) => (attempt === 1 ? Promise.reject(first) : again()), {
      retries: attempts - 1,
      ...{ minTimeout: backoffMs, maxTimeout: maxBackoffMs, factor: 2, randomize: true },
      maxRetryTime: leftMs(),
      signal,
      async shouldRetry({ error }) {
        if (!mayRepeat(error)) return false
        const waitMs = retryAfterOf(error)
        if (waitMs >= leftMs()) return false
        if (waitMs > 0) await delay(waitMs, undefined, { signal })
        return true
      },
    })
  } catch (error) {
    // What a signal is aborted with is no error for clients.
    throw isCancelled(context) ? new ProtocolError(rpcCodes.internalError, "Request cancelled") : error
  }
}

/** The client answers what was asked: its state is for one use. */
function isAnswer({ params }: McpRequest): boolean {
  return params["requestState"] !== undefined || params["inputResponses"] !== undefined
}

/** True when the failure may pass. A host that shuts down is no better the next time. */
function isPassing(error: unknown): error is ProtocolError {
  if (!(error instanceof ProtocolError) || !isHostError(error) || !isJsonObject(error.data)) return false
  return error.data["retryable"] === true && error.code !== wireErrors.DRAINING.code
}

function isUnsent(error: unknown): boolean {
  return isPassing(error) && isJsonObject(error.data) && error.data["sent"] === "no"
}

function retryAfterOf(error: Error): number {
  const data = error instanceof ProtocolError && isJsonObject(error.data) ? error.data : {}
  const { retryAfterMs } = data
  return typeof retryAfterMs === "number" && retryAfterMs > 0 ? retryAfterMs : 0
}

interface SafetyOptions extends Pick<RetryOptions, "annotations" | "tools"> {
  readonly deps: MiddlewareDeps
}

function isSafe(
  request: McpRequest,
  { client }: Context,
  { annotations = defaults.annotations, tools = [], deps }: SafetyOptions,
): boolean {
  const { method, params } = request
  if (method !== "tools/call") return reading.has(method)
  // Another attempt would make another task.
  if (params["task"] !== undefined) return false
  const definition = deps.subject(request, client)?.definition
  if (definition === undefined) return false
  if (matchesAny(String(params["name"]), tools)) return true
  const hints = objectAt(definition, "annotations") ?? {}
  return annotations && (hints["readOnlyHint"] === true || hints["idempotentHint"] === true)
}

/** Whoever has answered a question should not be asked it again. */
function noteAsking(context: Context): { readonly context: Context; readonly hasAsked: () => boolean } {
  let asked = false
  return {
    context: deriveContext(context, {
      ask(question, signal, server) {
        asked = true
        return context.ask(question, signal, server)
      },
    }),
    hasAsked: () => asked,
  }
}
