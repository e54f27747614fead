/** `GET /metrics` for Prometheus, and what the endpoint itself tells there. */
import type { ServerResponse } from "node:http"
import type { Unsubscribe } from "../../protocol/messages.ts"
import type { Exposition, Metrics } from "../../telemetry/types.ts"
import { refuse } from "./refuse.ts"

/** Answers with the metrics of this moment; `expose` is undefined while they are off. */
export async function answerMetrics(
  response: ServerResponse,
  expose: (() => Promise<Exposition>) | undefined,
): Promise<void> {
  if (expose === undefined)
    return refuse(response, 404, "Metrics are off; `telemetry: { metrics: true }` in the manifest turns them on")
  const { contentType, text } = await expose()
  const body = Buffer.from(text, "utf8")
  response.writeHead(200, { "content-type": contentType, "content-length": body.length }).end(body)
}

export interface Openings {
  readonly sessions: number
  readonly streams: number
  readonly subscriptions: number
}

/** `read` gives what is open on each path. */
export function addOpenings(metrics: Metrics, read: () => readonly Openings[]): Unsubscribe {
  const facts = {
    name: "mcp_host_sessions",
    help: "What clients keep open: sessions, their event streams, and subscriptions of clients without sessions.",
    labels: ["kind"],
  }
  return metrics.gauge(facts, () =>
    read().flatMap((each) => [
      { value: each.sessions, labels: { kind: "session" } },
      { value: each.streams, labels: { kind: "stream" } },
      { value: each.subscriptions, labels: { kind: "subscription" } },
    ]),
  )
}
