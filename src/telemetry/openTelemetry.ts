/**
 * Opens what `telemetry` of a manifest asks for: metrics, traces, or nothing, which costs nothing. Called by `cli/run`
 * once, for the life of the process.
 */
import type { Logger } from "pino"
import { HostError } from "../errors.ts"
import { noMetrics } from "./noMetrics.ts"
import { createObserver } from "./observer.ts"
import { loadPeers, promClientPeer, sdkPeers } from "./peers.ts"
import { createPrometheusMetrics, type PrometheusMetrics } from "./prometheus.ts"
import { createRequestMetrics } from "./requestMetrics.ts"
import { createTracer, hasRegisteredTracer, registeredTracer, type TracerOptions } from "./tracer.ts"
import type { Exposition, Metrics, Observer, TelemetryConfig, Tracer } from "./types.ts"

export interface TelemetryOptions {
  readonly log: Logger
  readonly mask: (text: string) => string
  /** Version of this software. */
  readonly version: string
  /** Folder of the manifest. */
  readonly directory: string
}

export interface Telemetry {
  readonly metrics: Metrics
  /** Undefined when nothing looks at requests. */
  readonly observer: Observer | undefined
  /** All metrics as they are now; undefined when they are off. */
  readonly expose: (() => Promise<Exposition>) | undefined
  /** Sends what is left. Never rejects. */
  close(): Promise<void>
}

export async function openTelemetry(config: TelemetryConfig, options: TelemetryOptions): Promise<Telemetry> {
  const { log, mask, version, directory } = options
  const prometheus: PrometheusMetrics | undefined = config.metrics
    ? await createPrometheusMetrics(directory)
    : undefined
  const tracer = await tracerFor(config, { version, directory, warn: (message) => log.warn(message) })
  const requests = prometheus === undefined ? undefined : createRequestMetrics(prometheus)
  const looks = requests !== undefined || tracer !== undefined || log.isLevelEnabled("debug")
  return {
    metrics: prometheus ?? noMetrics,
    observer: looks ? createObserver({ metrics: requests, tracer, log, mask }) : undefined,
    expose: prometheus?.expose,
    close: async () => tracer?.close(),
  }
}

/** What the manifest says counts; else an SDK that somebody has loaded before. */
async function tracerFor({ traces }: TelemetryConfig, options: TracerOptions): Promise<Tracer | undefined> {
  if (traces !== undefined) return createTracer(traces, options)
  if (!hasRegisteredTracer()) return undefined
  try {
    return await registeredTracer(options)
  } catch (error) {
    // Nobody has asked this program for traces: it serves without.
    if (!(error instanceof HostError)) throw error
    options.warn(`${error.message}, so this process gives it no spans. ${error.help}`)
    return undefined
  }
}

/** Throws a `HostError` when a package is missing that the manifest needs. */
export async function verifyTelemetry({ metrics, traces }: TelemetryConfig, directory: string): Promise<void> {
  if (metrics) await loadPeers([promClientPeer], { use: "telemetry.metrics", directory })
  if (traces !== undefined) await loadPeers(sdkPeers, { use: "telemetry.traces", directory })
}
