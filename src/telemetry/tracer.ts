/**
 * Spans of OpenTelemetry. The packages are loaded when traces are on: those that make and send spans as the manifest says,
 * or, where the process was started with an SDK of its own (`node --import`), the API alone, so that spans go there.
 */
import type * as Api from "@opentelemetry/api"
import type * as Exporter from "@opentelemetry/exporter-trace-otlp-http"
import type * as Resources from "@opentelemetry/resources"
import type * as Sdk from "@opentelemetry/sdk-trace-base"
import { type JsonObject, stringAt } from "../protocol/json.ts"
import type { Span } from "../protocol/messages.ts"
import { apiPeer, loadPeers, sdkPeers } from "./peers.ts"
import { withWarnings } from "./spanExporter.ts"
import type { Attributes, OpenSpan, SpanKind, Tracer, TracesConfig } from "./types.ts"

/** How long sending one batch may take, in milliseconds. */
const exportMs = 5_000
/** How long the end of the process waits until the last spans are sent, in milliseconds. */
const flushMs = 2_000

export interface TracerOptions {
  /** Version of this software. */
  readonly version: string
  /** Folder of the manifest, where packages may be installed. */
  readonly directory: string
  readonly warn: (message: string) => void
}

/** Sends spans where the manifest says. Throws a `HostError` when a package is missing. */
export async function createTracer(config: TracesConfig, { version, directory, warn }: TracerOptions): Promise<Tracer> {
  const modules = await loadPeers(sdkPeers, { use: "telemetry.traces", directory })
  // CommonJS packages, in the order of `sdkPeers`; their types are those of the versions this host was made for.
  const [api, sdk, resources, otlp] = modules as [typeof Api, typeof Sdk, typeof Resources, typeof Exporter]
  const exporter = new otlp.OTLPTraceExporter({
    url: config.endpoint,
    headers: { ...config.headers },
    timeoutMillis: exportMs,
  })
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes({ "service.name": config.serviceName, "service.version": version }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(config.sample) }),
    spanProcessors: [new sdk.BatchSpanProcessor(withWarnings(exporter, warn), { exportTimeoutMillis: exportMs })],
  })
  return tracerOf(api, provider.getTracer("mcp-host", version), async () => {
    const late = new Promise((resolve) => setTimeout(resolve, flushMs).unref())
    // What could not be sent was warned of.
    await Promise.race([provider.shutdown().catch(() => undefined), late])
  })
}

/** Where the API keeps what an SDK has registered, whichever copy of it the SDK was made with. */
const registered = Symbol.for("opentelemetry.js.api.1")

/** True when an SDK for traces was loaded before this program. */
export function hasRegisteredTracer(): boolean {
  const { [registered]: found } = globalThis as { [registered]?: { readonly trace?: unknown } }
  return found?.trace !== undefined
}

/** Gives spans to the SDK that the process was started with; sending them is its business. */
export async function registeredTracer({ version, directory }: TracerOptions): Promise<Tracer> {
  const [module] = await loadPeers([apiPeer], { use: "the OpenTelemetry SDK of this process", directory })
  const api = module as typeof Api
  return tracerOf(api, api.trace.getTracer("mcp-host", version), async () => undefined)
}

function tracerOf(api: typeof Api, tracer: Api.Tracer, close: () => Promise<void>): Tracer {
  const kinds: Readonly<Record<SpanKind, Api.SpanKind>> = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
  }
  return {
    close,
    start(name, kind, { parent, meta }) {
      const around = parent === undefined ? remoteContext(api, meta) : localContext(api, parent)
      return new RecordedSpan(api, tracer.startSpan(name, { kind: kinds[kind] }, around))
    },
  }
}

/** A client's own context, if its request has a valid one (W3C Trace Context, section 3). */
function remoteContext(api: typeof Api, meta: JsonObject = {}): Api.Context {
  const traceparent = stringAt(meta, "traceparent") ?? ""
  const [, version, traceId, spanId, flags] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return api.ROOT_CONTEXT
  // The first version has nothing after the flags, and 255 is none.
  if (version === "ff" || (version === "00" && traceparent.length !== 55)) return api.ROOT_CONTEXT
  const tracestate = stringAt(meta, "tracestate")
  const context: Api.SpanContext = {
    ...{ traceId, spanId, isRemote: true, traceFlags: Number.parseInt(flags, 16) & api.TraceFlags.SAMPLED },
    ...(tracestate !== undefined && { traceState: api.createTraceState(tracestate) }),
  }
  if (!api.isSpanContextValid(context)) return api.ROOT_CONTEXT
  return api.trace.setSpanContext(api.ROOT_CONTEXT, context)
}

function localContext(api: typeof Api, parent: Span): Api.Context {
  if (!(parent instanceof RecordedSpan)) throw new Error("a span of another tracer")
  return api.trace.setSpan(api.ROOT_CONTEXT, parent.span)
}

class RecordedSpan implements OpenSpan {
  readonly span: Api.Span
  readonly #api: typeof Api

  constructor(api: typeof Api, span: Api.Span) {
    this.#api = api
    this.span = span
  }

  get traceId(): string {
    return this.span.spanContext().traceId
  }

  get spanId(): string {
    return this.span.spanContext().spanId
  }

  get recording(): boolean {
    return this.span.isRecording()
  }

  get carrier(): JsonObject {
    const { traceId, spanId, traceFlags, traceState } = this.span.spanContext()
    const flags = traceFlags.toString(16).padStart(2, "0")
    const tracestate = traceState?.serialize() ?? ""
    return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(tracestate !== "" && { tracestate }) }
  }

  rename(name: string): void {
    this.span.updateName(name)
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes)
  }

  end(problem?: string): void {
    if (problem !== undefined) this.span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: problem })
    this.span.end()
  }
}
