/** Metrics kept by prom-client, which is loaded when metrics are on. Called by `openTelemetry`. */
import type * as PromClient from "prom-client"
import { loadPeers, promClientPeer } from "./peers.ts"
import type { Counter, Exposition, Histogram, Labels, MetricFacts, Metrics, Sample } from "./types.ts"

/** Combinations of label values that one metric keeps; what comes beyond counts as `other`. */
const maxSeries = 2_000
const other = "other"
/** How often the event loop is looked at, in milliseconds: its lag is never told to be less. */
const precisionMs = 10

export interface PrometheusMetrics extends Metrics {
  /** All metrics as they are now. */
  expose(): Promise<Exposition>
}

export async function createPrometheusMetrics(directory: string): Promise<PrometheusMetrics> {
  const [module] = await loadPeers([promClientPeer], { use: "telemetry.metrics", directory })
  // A CommonJS package; its type is that of the version this host was made for.
  const client = (module as { readonly default: typeof PromClient }).default
  const registry = new client.Registry()
  client.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: precisionMs })
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const gauges = new Map<string, Gauge>()
  const settings = ({ name, help, labels = [] }: MetricFacts) => {
    return { name, help, labelNames: [...labels], registers: [registry] }
  }
  return {
    enabled: true,
    counter: (facts) =>
      once(counters, facts.name, () => {
        // Counted here and told when somebody reads: prom-client would look its series up once more for every request.
        const all: { readonly labels: Labels; value: number }[] = []
        const counter: PromClient.Counter = new client.Counter({
          ...settings(facts),
          collect: () => {
            counter.reset()
            for (const { labels, value } of all) counter.inc(labels, value)
          },
        })
        const series = createSeries(facts, (labels) => {
          const made = { labels, value: 0 }
          all.push(made)
          return made
        })
        return {
          add(value, labels) {
            series(labels).value += value
          },
        }
      }),
    histogram: (facts) =>
      once(histograms, facts.name, () => {
        const metric = new client.Histogram({ ...settings(facts), buckets: [...facts.buckets] })
        const series = createSeries(facts, (labels) => metric.labels(labels))
        return { observe: (value, labels) => series(labels).observe(value) }
      }),
    gauge: (facts, read) => once(gauges, facts.name, () => createGauge(client, settings(facts))).add(read),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function once<T>(known: Map<string, T>, name: string, make: () => T): T {
  const metric = known.get(name) ?? make()
  known.set(name, metric)
  return metric
}

/** Finds what counts for some label values, and keeps the number of combinations within bounds. */
function createSeries<T>({ labels: names = [] }: MetricFacts, make: (labels: Labels) => T): (labels?: Labels) => T {
  const known = new Map<string, T>()
  const find = (labels: Labels): T => {
    let key = ""
    for (const name of names) key += `${labels[name] ?? ""}\0`
    const series = known.get(key)
    if (series !== undefined) return series
    if (known.size >= maxSeries && names.some((name) => labels[name] !== other))
      return find(Object.fromEntries(names.map((name) => [name, other])))
    const made = make(Object.fromEntries(names.map((name) => [name, labels[name] ?? ""])))
    known.set(key, made)
    return made
  }
  return (labels = {}) => find(labels)
}

interface Gauge {
  add(read: () => readonly Sample[]): () => void
}

type Settings = Pick<PromClient.GaugeConfiguration<string>, "name" | "help" | "labelNames" | "registers">

/** What several readers say of the same labels adds up. */
function createGauge(client: typeof PromClient, settings: Settings): Gauge {
  const readers = new Set<() => readonly Sample[]>()
  const gauge: PromClient.Gauge = new client.Gauge({
    ...settings,
    collect: () => {
      gauge.reset()
      for (const { value, labels = {} } of [...readers].flatMap((read) => read())) gauge.inc(labels, value)
    },
  })
  return {
    add(read) {
      readers.add(read)
      return () => void readers.delete(read)
    },
  }
}
