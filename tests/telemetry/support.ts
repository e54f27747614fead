/** A host as `run` has it, with telemetry on; what Prometheus and a receiver of spans get of it. Everything closes with `closeAll`. */
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type Logger, pino } from "pino"
import { vi } from "vitest"
import { startHttpEndpoint } from "../../src/endpoints/http/httpEndpoint.ts"
import { addGauges } from "../../src/host/gauges.ts"
import { Host } from "../../src/host/host.ts"
import { loadMiddleware } from "../../src/host/loadMiddleware.ts"
import { withObserver } from "../../src/host/observed.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { openTelemetry, type Telemetry } from "../../src/telemetry/openTelemetry.ts"
import type { TelemetryConfig } from "../../src/telemetry/types.ts"
import { manifestOf, type Rig, type RigOptions, send } from "../endpoints/support.ts"
import { closers } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"

export interface ObservedOptions extends RigOptions {
  readonly telemetry: TelemetryConfig
  readonly log?: Logger
  readonly mask?: (text: string) => string
}

export interface ObservedRig extends Rig {
  readonly telemetry: Telemetry
}

export async function startObserved(options: ObservedOptions): Promise<ObservedRig> {
  const { telemetry: config, log = pino({ level: "silent" }), mask = (text) => text } = options
  const manifest = { ...manifestOf(options), telemetry: config }
  const { directory } = manifest
  const telemetry = await openTelemetry(config, { log, mask, version: "9.9.9", directory })
  closers.push(() => telemetry.close())
  const { observer } = telemetry
  const middleware = await loadMiddleware(manifest)
  const host = new Host({ manifest, log, version: "9.9.9", metrics: telemetry.metrics, middleware, observer })
  closers.push(() => host.close())
  addGauges(host, telemetry.metrics)
  host.start()
  await host.settled()
  const served = observer === undefined ? host : withObserver(host, observer)
  const endpoint = await startHttpEndpoint(served, manifest.endpoint, telemetry)
  closers.push(async () => {
    endpoint.hurry()
    await endpoint.close()
  })
  return { host, endpoint, telemetry, url: endpoint.url, base: new URL(endpoint.url).origin }
}

/** One line of the exposition format. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Scrape {
  readonly text: string
  readonly series: readonly Series[]
  /** Types by name, as `# TYPE` has them. */
  readonly types: Readonly<Record<string, string>>
  /** The value of the only series with these labels; undefined when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined
}

export async function scrape(base: string): Promise<Scrape> {
  const { status, headers, text } = await send(`${base}/metrics`, { method: "GET" })
  if (status !== 200) throw new Error(`/metrics answered ${status}: ${text}`)
  if (!String(headers["content-type"]).startsWith("text/plain; version=0.0.4")) throw new Error("not the text format")
  return parseExposition(text)
}

/** Reads the text format of Prometheus; throws at a line that is none of it. */
export function parseExposition(text: string): Scrape {
  const types: Record<string, string> = {}
  const series: Series[] = []
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, type, kind] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? []
    if (type !== undefined && kind !== undefined) types[type] = kind
    else if (!line.startsWith("# HELP ")) series.push(readSeries(line))
  }
  return {
    text,
    types,
    series,
    value(name, labels = {}) {
      const found = series.filter(
        (each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value),
      )
      if (found.length > 1) throw new Error(`${found.length} series of ${name}${JSON.stringify(labels)}`)
      return found[0]?.value
    },
  }
}

function readSeries(line: string): Series {
  const [, name, labels = "", value] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|[+-]?Inf|nan)$/i.exec(line) ?? []
  if (name === undefined || value === undefined) throw new Error(`no line of the text format: ${line}`)
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)]
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = "", text = ""]) => [label, JSON.parse(`"${text}"`) as string])),
    value: Number(value.replace("Inf", "Infinity")),
  }
}

/** A span as OTLP over HTTP has it, in JSON. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly name: string
  readonly kind: number
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: Readonly<Record<string, unknown>>
}

export const kinds = { internal: 1, server: 2, client: 3 } as const

export interface Receiver {
  readonly url: string
  /** Whole requests, as they came. */
  readonly requests: { readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }[]
  readonly spans: readonly ReceivedSpan[]
  readonly resource: Readonly<Record<string, unknown>>
  /** The first span that passes the test, once it is there. */
  find(test: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>
}

/** Takes spans as an OpenTelemetry collector does. */
export async function startReceiver(status = 200): Promise<Receiver> {
  const requests: Receiver["requests"] = []
  const spans: ReceivedSpan[] = []
  const resource: Record<string, unknown> = {}
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const chunk of request.setEncoding("utf8")) body += chunk
    requests.push({ headers: request.headers, body })
    if (status === 200) take(JSON.parse(body) as JsonObject, spans, resource)
    response.writeHead(status, { "content-type": "application/json" }).end("{}")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const find: Receiver["find"] = (test) =>
    vi.waitFor(() => {
      const found = spans.find(test)
      if (found === undefined) throw new Error(`not among ${spans.map(({ name }) => name).join(", ")}`)
      return found
    }, soon)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    requests,
    spans,
    resource,
    find,
  }
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

function take(body: JsonObject, spans: ReceivedSpan[], resource: Record<string, unknown>): void {
  // The shape is the receiver's to believe: a wrong one fails the tests.
  const { resourceSpans } = body as unknown as {
    readonly resourceSpans: readonly {
      readonly resource: { readonly attributes: readonly Attribute[] }
      readonly scopeSpans: readonly { readonly spans: readonly (ReceivedSpan & { attributes: Attribute[] })[] }[]
    }[]
  }
  for (const each of resourceSpans) {
    Object.assign(resource, toRecord(each.resource.attributes))
    for (const span of each.scopeSpans.flatMap((scope) => scope.spans))
      spans.push({ ...span, attributes: toRecord(span.attributes) })
  }
}

function toRecord(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
