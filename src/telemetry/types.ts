/** What telemetry offers to the rest of the host: a log with facts, metrics, traces. Pure types. */
import type { JsonObject } from "../protocol/json.ts"
import type { Context, Handler, McpRequest, McpResult, Span } from "../protocol/messages.ts"

/** The log under one name. `facts` are fields of the entry. */
export interface FactLogger {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
  /** Whether anybody reads that level; where it is absent, maybe. For facts that cost something to work out. */
  isEnabled?(level: "debug" | "info" | "warn" | "error"): boolean
}

/** What a manifest says of telemetry. Made by `manifest`. */
export interface TelemetryConfig {
  readonly metrics: boolean
  /** Undefined: none are sent. */
  readonly traces?: TracesConfig
}

export interface TracesConfig {
  /** The whole URL that takes OTLP over HTTP. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  /** Which part of the requests is traced, from 0 to 1. */
  readonly sample: number
  readonly serviceName: string
}

/** Values of labels. Every value comes from a bounded set: servers, methods, outcomes; never what a client sends. */
export type Labels = Readonly<Record<string, string>>

export interface MetricFacts {
  /** As Prometheus has it: `mcp_host_requests_total`, with the unit in the name. */
  readonly name: string
  /** One sentence. */
  readonly help: string
  readonly labels?: readonly string[]
}

export interface Counter {
  add(value: number, labels?: Labels): void
}

export interface Histogram {
  /** A duration in seconds, or a size in bytes, as the metric's name says. */
  observe(value: number, labels?: Labels): void
}

/** A value read when somebody looks. */
export interface Sample {
  readonly value: number
  readonly labels?: Labels
}

/** Where figures go. Asking twice for one name gives the same metric. */
export interface Metrics {
  /** False when nothing is kept: then labels need not be worked out. */
  readonly enabled: boolean
  counter(facts: MetricFacts): Counter
  histogram(facts: MetricFacts & { readonly buckets: readonly number[] }): Histogram
  /** `read` gives the values of this moment; the returned function takes it away again. */
  gauge(facts: MetricFacts, read: () => readonly Sample[]): () => void
}

/** Surrounds a request: calls `next` once, and gives what it gives. */
export type Surround = (request: McpRequest, context: Context, next: Handler) => Promise<McpResult>

/** Sees requests where they come in, at each middleware, and where they leave for a server. */
export interface Observer {
  /** True when servers are sent the context of a trace. */
  readonly traces: boolean
  /** Outermost, where the endpoint gives requests to the host. */
  readonly request: Surround
  /** Around what one server is asked, in its own names. */
  upstream(server: string): Surround
  /** Around one middleware; `server` is the manifest key of the server it surrounds. Undefined when nothing is traced. */
  middleware(name: string, server: string | undefined): Surround | undefined
  /** A server is in this state now. */
  state(server: string, state: string): void
}

export type SpanKind = "server" | "client" | "internal"

/** Values of attributes; texts are shown as they are, so whoever sets one masks it. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** A span that has not ended. */
export interface OpenSpan extends Span {
  /** `traceparent` and `tracestate` for messages that are sent within it (SEP-414). */
  readonly carrier: JsonObject
  /** False when nobody will see it: then attributes need not be worked out. */
  readonly recording: boolean
  rename(name: string): void
  set(attributes: Attributes): void
  /** `problem`, when it has failed: why. */
  end(problem?: string): void
}

export interface Tracer {
  /** Begins a span: within `parent`, else within the one that `meta` of a request names, else the first of a trace. */
  start(
    name: string,
    kind: SpanKind,
    from: { readonly parent?: Span | undefined; readonly meta?: JsonObject },
  ): OpenSpan
  /** Sends what is left. Never rejects, and takes no longer than a few seconds. */
  close(): Promise<void>
}

/** Metrics as Prometheus reads them. */
export interface Exposition {
  readonly contentType: string
  readonly text: string
}
