/** What options of the host's own middleware are when they are not given. The schemas and the reference show these. */
export const middlewareDefaults = {
  audit: {
    methods: ["tools/call", "prompts/get", "resources/read", "resources/subscribe", "tasks/*"],
    onError: "refuse",
    sync: false,
    rotate: { size: "64MiB", keep: 100 },
  },
  errors: { mask: "internal" },
  rateLimit: { algorithm: "token-bucket", limit: 100, per: "1s", by: "client", onStoreDown: "allow" },
  concurrency: { limit: 10, queue: 100, wait: "10s", by: "client" },
  circuitBreaker: { failures: 5, window: "30s", minimum: 10, openFor: "30s", by: "server", toolErrors: false },
  timeout: { request: "30s", progress: "ignore" },
  retry: { attempts: 3, backoff: "200ms", maxBackoff: "5s", within: "30s", annotations: true },
  sizeLimit: { result: "1MiB", arguments: "256KiB", mode: "reject" },
  redact: {
    in: ["arguments", "results", "notifications", "questions"],
    detect: ["privateKey", "jwt", "bearer", "awsKey", "apiToken"],
    replacement: "[redacted]",
  },
  sanitize: { mode: "flag", in: ["listings", "results", "notifications", "questions"] },
  cache: {
    ttl: "1m",
    annotated: true,
    afterWrites: "drop",
    maxEntries: 10_000,
    maxBytes: "64MiB",
    maxEntryBytes: "1MiB",
  },
  logging: { level: "info", payloads: "sizes", maxBody: "2KiB" },
  timing: { slow: "5s", level: "debug" },
  resourcesAsTools: { listName: "list_resources", readName: "read_resource", content: "text" },
  promptsAsTools: { listName: "list_prompts", getName: "get_prompt" },
} as const
