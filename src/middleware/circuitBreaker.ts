/** `circuitBreaker`: refuses requests with -31001 at once while a server, or a tool of it, fails. */
import { parseDuration } from "../manifest/durations.ts"
import type { CircuitBreakerOptions } from "../manifest/middleware/circuitBreaker.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import { serverMethods } from "../manifest/middleware/shared.ts"
import { isCancelled } from "../protocol/cancellation.ts"
import { isHostError, ProtocolError, upstreamError, wireErrors } from "../protocol/errors.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { Circuit, type CircuitRule, type Outcome, type Ticket } from "./circuit.ts"
import { defineMiddleware } from "./define.ts"
import type { MiddlewareDeps } from "./types.ts"

const defaults = middlewareDefaults.circuitBreaker
const guarded: ReadonlySet<string> = new Set(serverMethods)

export const circuitBreaker = defineMiddleware<CircuitBreakerOptions>({
  name: "circuitBreaker",
  create(options, deps) {
    const { by = defaults.by, toolErrors = defaults.toolErrors } = options
    const places = new Places(toRule(options), deps)
    return {
      async request(request, context, next) {
        const place = guarded.has(request.method) ? places.of(request, context, by) : undefined
        if (place === undefined) return next(request, context)
        const ticket = places.enter(place)
        try {
          const result = await next(request, context)
          places.leave(place, ticket, toolErrors && isFailedTool(request, result) ? failedTool : "success")
          return result
        } catch (error) {
          places.leave(place, ticket, isCancelled(context) ? "unknown" : outcomeOf(error))
          throw error
        }
      },
      close: () => places.close(),
    }
  },
})

function toRule(options: CircuitBreakerOptions): CircuitRule {
  const { failureRate, window = defaults.window, minimum = defaults.minimum, openFor = defaults.openFor } = options
  const { failures = failureRate === undefined ? defaults.failures : undefined } = options
  const rate =
    failureRate === undefined ? undefined : { percent: failureRate, windowMs: parseDuration(window), minimum }
  return { failures, rate, openMs: parseDuration(openFor) }
}

/** A failure with what went wrong. */
type Ended = Exclude<Outcome, "failure"> | { readonly failure: string }

const failedTool: Ended = { failure: "a tool failed" }

const failing: ReadonlySet<number> = new Set([
  wireErrors.UPSTREAM_UNAVAILABLE.code,
  wireErrors.UPSTREAM_TIMEOUT.code,
  wireErrors.UPSTREAM_PROTOCOL.code,
])

/** An error of the server's own is an answer; the host's other errors say nothing about the server. */
function outcomeOf(error: unknown): Ended {
  if (!(error instanceof ProtocolError)) return "unknown"
  if (failing.has(error.code)) return { failure: error.message }
  return isHostError(error) ? "unknown" : "success"
}

function isFailedTool({ method }: McpRequest, result: McpResult): boolean {
  return method === "tools/call" && result.value["isError"] === true
}

/** A circuit, and what it is of. */
interface Place {
  readonly server: string
  readonly name: string
  readonly circuit: Circuit
  /** What went wrong last. */
  reason: string
}

class Places {
  readonly #rule: CircuitRule
  readonly #deps: MiddlewareDeps
  /** By server and tool. As many as there are servers and tools: what clients make up has none. */
  readonly #places = new Map<string, Place>()
  readonly #opened
  readonly #refused
  readonly close: () => void

  constructor(rule: CircuitRule, deps: MiddlewareDeps) {
    this.#rule = rule
    this.#deps = deps
    const { metrics } = deps
    const labels = ["server"]
    this.#opened = metrics.counter({
      name: "mcp_host_circuit_breaker_opened_total",
      help: "How often a circuit of the middleware circuitBreaker opened.",
      labels,
    })
    this.#refused = metrics.counter({
      name: "mcp_host_circuit_breaker_refused_total",
      help: "Requests that the middleware circuitBreaker refused.",
      labels,
    })
    const gauge = {
      name: "mcp_host_circuit_breaker_open",
      help: "Circuits of the middleware circuitBreaker that are open.",
      labels,
    }
    this.close = metrics.gauge(gauge, () => this.#openNow())
  }

  /** Undefined for what belongs to no server. */
  of(request: McpRequest, context: Context, by: "server" | "tool"): Place | undefined {
    const subject =
      by === "server" && this.#deps.server !== undefined ? undefined : this.#deps.subject(request, context.client)
    const server = this.#deps.server ?? subject?.server
    if (server === undefined) return undefined
    const isTool = request.method === "tools/call" && subject?.definition !== undefined
    const part = by === "server" ? "" : isTool ? String(request.params["name"]) : request.method
    const key = JSON.stringify([server, part])
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const name = isTool && by === "tool" ? `the tool ${part}` : "the server"
    const place = { server, name, circuit: new Circuit(this.#rule), reason: "" }
    this.#places.set(key, place)
    return place
  }

  enter({ circuit, server, name, reason }: Place): Ticket {
    const ticket = circuit.enter()
    if (typeof ticket !== "number") return ticket
    this.#refused.add(1, { server })
    const until = new Date(Date.now() + ticket).toISOString()
    const words = `${name} is left alone until ${until}, because it failed: ${reason}`
    throw upstreamError("UPSTREAM_UNAVAILABLE", {
      ...{ server, reason: words, sent: "no", retryable: true, retryAfterMs: ticket },
    })
  }

  leave(place: Place, ticket: Ticket, ended: Ended): void {
    const { circuit, server, name } = place
    if (typeof ended === "object") place.reason = ended.failure
    const became = circuit.leave(ticket, typeof ended === "object" ? "failure" : ended)
    if (became === "opened") {
      this.#opened.add(1, { server })
      this.#deps.logger.warn(`${name} is left alone for a while: ${place.reason}`, { server })
    } else if (became === "closed") this.#deps.logger.info(`${name} works again`, { server })
  }

  #openNow() {
    const open = new Map<string, number>()
    for (const { server, circuit } of this.#places.values())
      open.set(server, (open.get(server) ?? 0) + (circuit.isOpen ? 1 : 0))
    return [...open].map(([server, value]) => ({ value, labels: { server } }))
  }
}
