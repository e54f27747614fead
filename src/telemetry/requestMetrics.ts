/** The metrics of requests: what clients ask of the host, and what the host asks of servers. Called by the observer. */
import type { Metrics } from "./types.ts"

/** In seconds: from what the host itself answers to calls that take all their time. */
const durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export interface RequestFacts {
  readonly server: string
  readonly method: string
  readonly outcome: string
  readonly seconds: number
}

export interface RequestMetrics {
  /** A request of a client has come in; the returned function is told of its end. */
  begin(): (facts: RequestFacts) => void
  /** A server has answered, or failed to. */
  asked(facts: RequestFacts): void
  state(server: string, state: string): void
}

export function createRequestMetrics(metrics: Metrics): RequestMetrics {
  const answered = metrics.counter({
    name: "mcp_host_requests_total",
    help: "Requests of clients, by the server that answered, method and outcome.",
    labels: ["server", "method", "outcome"],
  })
  const took = metrics.histogram({
    name: "mcp_host_request_duration_seconds",
    help: "Time from a client's request to its answer.",
    labels: ["server", "method"],
    buckets: durations,
  })
  const asked = metrics.counter({
    name: "mcp_host_upstream_requests_total",
    help: "Requests to servers, by server, method and outcome.",
    labels: ["server", "method", "outcome"],
  })
  const upstreamTook = metrics.histogram({
    name: "mcp_host_upstream_request_duration_seconds",
    help: "Time from a request to a server to its answer, waiting for a place included.",
    labels: ["server", "method"],
    buckets: durations,
  })
  const restarts = metrics.counter({
    name: "mcp_host_upstream_restarts_total",
    help: "Times a server has become ready again after it was not there.",
    labels: ["server"],
  })
  let inFlight = 0
  metrics.gauge({ name: "mcp_host_requests_in_flight", help: "Requests of clients being answered." }, () => [
    { value: inFlight },
  ])
  const states = new Map<string, string>()
  const started = new Set<string>()
  return {
    begin() {
      inFlight += 1
      return ({ server, method, outcome, seconds }) => {
        inFlight -= 1
        answered.add(1, { server, method, outcome })
        took.observe(seconds, { server, method })
      }
    },
    asked({ server, method, outcome, seconds }) {
      asked.add(1, { server, method, outcome })
      upstreamTook.observe(seconds, { server, method })
    },
    state(server, state) {
      const before = states.get(server)
      states.set(server, state)
      // One that only had trouble was there all the time.
      if (state !== "ready" || before === "ready" || before === "degraded") return
      restarts.add(started.has(server) ? 1 : 0, { server })
      started.add(server)
    },
  }
}
