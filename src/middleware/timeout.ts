/**
 * `timeout`: ends requests with -31002 after a time of its own, and cancels them where they are worked on. The clock
 * stands still while the client is asked something.
 */
import { matchesAny } from "../composition/glob.ts"
import { longestDurationMs, parseDuration } from "../manifest/durations.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { TimeoutOptions } from "../manifest/middleware/timeout.ts"
import { Cancellation, isCancelled, onCancelled } from "../protocol/cancellation.ts"
import { Deadline } from "../protocol/deadline.ts"
import { deriveContext } from "../protocol/deriveContext.ts"
import { ProtocolError, rpcCodes, type UpstreamErrorFacts, upstreamError } from "../protocol/errors.ts"
import { objectAt } from "../protocol/json.ts"
import type { Context, Handler, McpRequest, McpResult } from "../protocol/messages.ts"
import { kindWords } from "../protocol/methods.ts"
import { defineMiddleware } from "./define.ts"
import { createServerOf } from "./keys.ts"

const defaults = middlewareDefaults.timeout

export const timeout = defineMiddleware<TimeoutOptions>({
  name: "timeout",
  create(options, deps) {
    const limitOf = createLimitOf(options)
    const serverOf = createServerOf(deps)
    const renews = (options.progress ?? defaults.progress) === "extend"
    const expired = deps.metrics.counter({
      name: "mcp_host_timeout_expired_total",
      help: "Requests that the middleware timeout ended.",
      labels: ["server", "method"],
    })
    return {
      request(request, context, next) {
        const limitMs = limitOf(request)
        if (limitMs === undefined) return next(request, context)
        const toError = (facts: UpstreamErrorFacts): ProtocolError => {
          expired.add(1, { server: deps.server ?? "", method: request.method })
          return upstreamError("UPSTREAM_TIMEOUT", { ...facts, ...serverOf(request, context) })
        }
        return withDeadline(request, context, { next, limitMs, renews, toError })
      },
    }
  },
})

/** Undefined for requests that have no deadline here: those that stay open, and what the host answers at once. */
function createLimitOf(options: TimeoutOptions): (request: McpRequest) => number | undefined {
  const { request = defaults.request, call, read, prompt, complete, list, tools = {} } = options
  const times: readonly (readonly [string, string | undefined])[] = [
    ...([
      ["tools/call", call],
      ["resources/read", read],
      ["prompts/get", prompt],
    ] as const),
    ...([["completion/complete", complete]] as const),
    ...Object.values(kindWords).map((words) => [words.list, list] as const),
  ]
  const limits = new Map(times.map(([method, time = request]) => [method, parseDuration(time)]))
  const ofTools = Object.entries(tools).map(([glob, time]) => [[glob], parseDuration(time)] as const)
  return ({ method, params }) => {
    if (method !== "tools/call" || ofTools.length === 0) return limits.get(method)
    const name = String(params["name"])
    return ofTools.find(([globs]) => matchesAny(name, globs))?.[1] ?? limits.get(method)
  }
}

interface DeadlineOptions {
  readonly next: Handler
  readonly limitMs: number
  /** Whether progress starts the deadline anew. */
  readonly renews: boolean
  readonly toError: (facts: UpstreamErrorFacts) => ProtocolError
}

async function withDeadline(
  request: McpRequest,
  context: Context,
  { next, limitMs, renews, toError }: DeadlineOptions,
): Promise<McpResult> {
  const cancellation = new Cancellation()
  const stopListening = onCancelled(context, () => cancellation.cancel())
  if (isCancelled(context)) cancellation.cancel()
  let isOver = false
  let expire = (_error: ProtocolError): void => undefined
  const late = new Promise<never>((_resolve, reject) => {
    expire = reject
  })
  // Nothing but the idle clock of a deadline is wanted: the other one never ends.
  const deadline = new Deadline({ idleMs: limitMs, totalMs: longestDurationMs }, (facts) => {
    isOver = true
    // First, for what is cancelled fails too.
    expire(toError(facts))
    cancellation.cancel()
  })
  const { passed, isOurs } = renews ? withProgress(request, context) : { passed: request, isOurs: false }
  const derived = deriveContext(context, {
    cancellation,
    notify(notification) {
      const isProgress = notification.method === "notifications/progress"
      if (isOver) return
      if (isProgress && renews) deadline.extend()
      if (!isProgress || !isOurs) context.notify(notification)
    },
    async ask(question, signal, server) {
      if (isOver) throw new ProtocolError(rpcCodes.internalError, "Request cancelled")
      deadline.pause()
      try {
        return await context.ask(question, signal, server)
      } finally {
        deadline.resume()
      }
    },
  })
  try {
    return await Promise.race([next(passed, derived), late])
  } finally {
    isOver = true
    deadline.stop()
    stopListening()
  }
}

/** The server tells progress only to those who ask for it; what the client did not ask for is kept from it. */
function withProgress(request: McpRequest, { id }: Context): { readonly passed: McpRequest; readonly isOurs: boolean } {
  const meta = objectAt(request.params, "_meta")
  if (meta?.["progressToken"] !== undefined) return { passed: request, isOurs: false }
  const params = { ...request.params, _meta: { ...meta, progressToken: id } }
  return { passed: { ...request, params }, isOurs: true }
}
