/** What telemetry offers to the rest of the host: a log with facts, and metrics. Pure types. */

/** The log under one name. `facts` are fields of the entry. */
export interface FactLogger {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
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
