/** What a host tells of its servers to whoever reads its metrics. Looked up when somebody does; nothing is kept. */
import type { Unsubscribe } from "../protocol/messages.ts"
import type { Metrics, Sample } from "../telemetry/types.ts"
import { stateNames } from "../upstreams/life.ts"
import type { Host } from "./host.ts"

export function addGauges(host: Pick<Host, "servers" | "graph">, metrics: Metrics): Unsubscribe {
  const each = (read: (server: string) => number | undefined): readonly Sample[] =>
    host.servers().flatMap(({ entry: { key } }) => {
      const value = read(key)
      return value === undefined ? [] : [{ value, labels: { server: key } }]
    })
  const load = (server: string) => host.graph.find(server)?.upstream.load?.()
  const added = [
    metrics.gauge(
      {
        name: "mcp_host_upstream_state",
        help: "1 for the state a server is in, 0 for all others.",
        labels: ["server", "state"],
      },
      () =>
        host
          .servers()
          .flatMap(({ entry: { key }, state: now }) =>
            stateNames.map((state) => ({ value: state === now ? 1 : 0, labels: { server: key, state } })),
          ),
    ),
    metrics.gauge(
      {
        name: "mcp_host_upstream_components",
        help: "What a server shows, by kind.",
        labels: ["server", "kind"],
      },
      () =>
        host
          .servers()
          .flatMap(({ entry: { key }, counts }) =>
            Object.entries(counts).map(([kind, value]) => ({ value, labels: { server: key, kind } })),
          ),
    ),
    metrics.gauge(
      {
        name: "mcp_host_upstream_running",
        help: "Requests that a server with `concurrency` works on.",
        labels: ["server"],
      },
      () => each((server) => load(server)?.running),
    ),
    metrics.gauge(
      {
        name: "mcp_host_upstream_queue_length",
        help: "Requests that wait until a server with `concurrency` has a place for them.",
        labels: ["server"],
      },
      () => each((server) => load(server)?.waiting),
    ),
  ]
  return () => {
    for (const remove of added) remove()
  }
}
