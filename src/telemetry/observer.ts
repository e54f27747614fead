/**
 * Looks at requests on their way: counts and times them, makes spans of them, writes one line about each to the log at
 * level `debug`. Changes nothing but the trace context that servers are sent. Made by `openTelemetry`; the host puts it
 * around its endpoint, its middleware and its servers.
 */
import type { Logger } from "pino"
import { messageOf } from "../errors.ts"
import { objectAt, stringAt } from "../protocol/json.ts"
import type { Context, Handler, McpRequest, McpResult, Observation } from "../protocol/messages.ts"
import { ObservedContext } from "./observedContext.ts"
import { methodLabel, outcomeOf, outcomeOfError, serverOfError } from "./outcome.ts"
import { requestFacts } from "./requestFacts.ts"
import type { RequestMetrics } from "./requestMetrics.ts"
import type { Attributes, Observer, OpenSpan, Surround, Tracer } from "./types.ts"

export interface ObserverOptions {
  readonly metrics: RequestMetrics | undefined
  readonly tracer: Tracer | undefined
  readonly log: Logger
  readonly mask: (text: string) => string
}

export function createObserver({ metrics, tracer, log, mask }: ObserverOptions): Observer {
  const spans = tracer === undefined ? undefined : createSpans(tracer, mask)
  const logs = log.isLevelEnabled("debug")
  return {
    traces: tracer !== undefined,
    async request(request, context, next) {
      const began = performance.now()
      const observation: Observation = { server: undefined }
      const ended = metrics?.begin()
      const span = spans?.request(request)
      const inside = new ObservedContext(context, { observation, span })
      const [result, error] = await settled(request, inside, next)
      const outcome = result === undefined ? outcomeOfError(error, context) : outcomeOf(result)
      const method = methodLabel(request.method)
      const server = observation.server ?? serverOfError(error) ?? ""
      const ms = performance.now() - began
      ended?.({ server, method, outcome, seconds: ms / 1000 })
      if (span !== undefined) spans?.answered(span, { request, server, outcome, error })
      if (logs) log.debug({ ...requestFacts(inside), ...(server !== "" && { server }), method, outcome, ms }, "request")
      if (result === undefined) throw error
      return result
    },
    upstream: (server) => {
      return async (request, context, next) => {
        if (context.observation !== undefined) context.observation.server = server
        const began = performance.now()
        const span = spans?.asking(server, request, context)
        const [result, error] =
          span === undefined
            ? await settled(request, context, next)
            : await settled(carrying(request, span), new ObservedContext(context, { span }), next)
        const outcome = result === undefined ? outcomeOfError(error, context) : outcomeOf(result)
        const seconds = (performance.now() - began) / 1000
        metrics?.asked({ server, method: methodLabel(request.method), outcome, seconds })
        if (span !== undefined) spans?.ended(span, outcome, error)
        if (result === undefined) throw error
        return result
      }
    },
    middleware: (name, server) => spans?.middleware(name, server),
    state: (server, state) => metrics?.state(server, state),
  }
}

type Settled = readonly [result: McpResult, error: undefined] | readonly [result: undefined, error: unknown]

async function settled(request: McpRequest, context: Context, next: Handler): Promise<Settled> {
  try {
    return [await next(request, context), undefined]
  } catch (error) {
    return [undefined, error]
  }
}

/** The request with the trace context of the span that sends it; what else its `_meta` says stays. */
function carrying({ method, params }: McpRequest, { carrier }: OpenSpan): McpRequest {
  const { traceparent: _parent, tracestate: _state, ...meta } = objectAt(params, "_meta") ?? {}
  return { method, params: { ...params, _meta: { ...meta, ...carrier } } }
}

interface Answered {
  readonly request: McpRequest
  readonly server: string
  readonly outcome: string
  readonly error: unknown
}

interface Spans {
  request(request: McpRequest): OpenSpan
  answered(span: OpenSpan, answered: Answered): void
  asking(server: string, request: McpRequest, context: Context): OpenSpan
  middleware(name: string, server: string | undefined): Surround
  ended(span: OpenSpan, outcome: string, error: unknown): void
}

/** Names and attributes as OpenTelemetry's conventions for MCP have them. */
function createSpans(tracer: Tracer, mask: (text: string) => string): Spans {
  const ended = (span: OpenSpan, outcome: string, error: unknown): void => {
    const failed = error !== undefined || outcome === "tool_error"
    if (failed && span.recording) span.set({ "error.type": outcome })
    span.end(failed ? mask(error === undefined ? outcome : messageOf(error)) : undefined)
  }
  return {
    ended,
    request({ method, params }) {
      // Whatever the client sends: its name comes with the answer, when it is known to be one.
      return tracer.start(methodLabel(method), "server", { meta: objectAt(params, "_meta") ?? {} })
    },
    answered(span, { request, server, outcome, error }) {
      if (span.recording) {
        const target = server === "" ? {} : targetOf(request, mask)
        span.set({ "mcp.method.name": methodLabel(request.method), "mcp.host.server": server, ...target })
        span.set({ "mcp.host.outcome": outcome })
        span.rename(nameOf(request, target))
      }
      ended(span, outcome, error)
    },
    asking(server, request, { span: parent }) {
      const target = targetOf(request, mask)
      const meta = objectAt(request.params, "_meta") ?? {}
      const span = tracer.start(nameOf(request, target), "client", parent === undefined ? { meta } : { parent })
      if (span.recording)
        span.set({ "mcp.method.name": methodLabel(request.method), "mcp.host.server": server, ...target })
      return span
    },
    middleware: (name, server) => async (request, context, next) => {
      const span = tracer.start(`middleware ${name}`, "internal", { parent: context.span })
      if (span.recording) span.set({ "mcp.host.middleware": name, "mcp.host.server": server ?? "" })
      const [result, error] = await settled(request, new ObservedContext(context, { span }), next)
      ended(span, result === undefined ? outcomeOfError(error, context) : outcomeOf(result), error)
      if (result === undefined) throw error
      return result
    },
  }
}

/** Methods about one thing, with the member that names it and the attribute that shows it. */
const targets: Readonly<Record<string, readonly [member: string, attribute: string]>> = {
  "tools/call": ["name", "gen_ai.tool.name"],
  "prompts/get": ["name", "gen_ai.prompt.name"],
  "resources/read": ["uri", "mcp.resource.uri"],
  "resources/subscribe": ["uri", "mcp.resource.uri"],
  "resources/unsubscribe": ["uri", "mcp.resource.uri"],
}

function targetOf({ method, params }: McpRequest, mask: (text: string) => string): Attributes {
  const [member, attribute] = targets[method] ?? []
  const name = member === undefined ? undefined : stringAt(params, member)
  return name === undefined || attribute === undefined ? {} : { [attribute]: mask(name) }
}

/** URIs are too many to be names. */
function nameOf({ method }: McpRequest, target: Attributes): string {
  const name = target["gen_ai.tool.name"] ?? target["gen_ai.prompt.name"]
  return name === undefined ? methodLabel(method) : `${method} ${name}`
}
