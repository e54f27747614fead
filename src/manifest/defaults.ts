/** What a key means when it is not given. The schema and the reference show these; `normalize` applies them. */
export const defaults = {
  host: { name: "mcp-host", version: "1.0.0", separator: "_", nameBudget: 60, collisions: "error" },
  endpoint: { drain: "30s", eras: ["legacy", "modern"] },
  http: {
    host: "127.0.0.1",
    port: 8300,
    path: "/mcp",
    insecure: false,
    maxConnections: 20_000,
    maxConnectionsPerAddress: 1_000,
  },
  server: {
    enabled: true,
    uris: "path",
    session: "per-client",
    onDown: "stale",
    required: false,
    start: "eager",
    idleTimeout: "10m",
    queue: 100,
    mode: "direct",
    storage: "default",
  },
  timeouts: { start: "30s", list: "10s", call: "60s", total: "10m" },
  store: { prefix: "mcp-host", replicas: 0 },
  target: { era: "auto", transport: "auto" },
} as const
