/** Spans as a collector gets them over OTLP, and the trace context that servers get: a real host and real servers. */
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { cleanUp, packageServer, project, served, start } from "../cli/support.ts"
import { modern, openSession, rawServer, request, send, toolCall } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { entryFor, modernServer, tool } from "../host/crossingSupport.ts"
import { soon } from "../upstreams/support.ts"
import { kinds, type ReceivedSpan, type Receiver, startObserved, startReceiver } from "./support.ts"

afterEach(closeAll)

const trace = "0af7651916cd43dd8448eb211c80319c"
const parent = { traceparent: `00-${trace}-b7ad6b7169203331-01`, tracestate: "rojo=00f067aa0ba902b7" }

const tracesTo = ({ url }: Receiver, more = {}) => ({
  metrics: false,
  traces: { endpoint: url, headers: { "x-key": "k" }, sample: 1, serviceName: "bench", ...more },
})

/** A server that answers with the `_meta` and the headers it got. */
const mirror = () =>
  modernServer({
    lists: { "tools/list": { tools: [tool("mirror")] } },
    handle: ({ params }, headers) => ({
      content: [],
      structuredContent: { meta: params["_meta"] ?? null, traceparent: headers["traceparent"] ?? null },
    }),
  })

const heard = (answer: { readonly json: JsonObject }) =>
  (answer.json["result"] as { structuredContent: { meta: JsonObject; traceparent: string | null } }).structuredContent

describe("a call", () => {
  it("is a span of the host and one of the server's answer, in the trace of its client", async () => {
    const receiver = await startReceiver()
    const server = await mirror()
    const { url, telemetry } = await startObserved({ servers: [entryFor(server)], telemetry: tracesTo(receiver) })
    const answer = await send(
      url,
      modern("tools/call", { name: "m_mirror", arguments: {} }, { meta: { ...parent, baggage: "a=b", "x-own": 1 } }),
    )
    await telemetry.close()
    const outer = await receiver.find(({ kind }) => kind === kinds.server)
    const inner = await receiver.find(({ kind }) => kind === kinds.client)
    expect(outer).toMatchObject({
      ...{ name: "tools/call m_mirror", traceId: trace, parentSpanId: "b7ad6b7169203331" },
      ...{ traceState: parent.tracestate, status: {} },
      attributes: {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "m_mirror",
        "mcp.host.server": "m",
        "mcp.host.outcome": "ok",
      },
    })
    expect(inner).toMatchObject({ name: "tools/call mirror", traceId: trace, parentSpanId: outer.spanId })
    const { meta, traceparent } = heard(answer)
    expect(meta).toMatchObject({ tracestate: parent.tracestate, baggage: "a=b", "x-own": 1 })
    expect(meta["traceparent"]).toBe(`00-${trace}-${inner.spanId}-01`)
    expect(traceparent).toBe(meta["traceparent"])
    expect(receiver.resource).toMatchObject({ "service.name": "bench", "service.version": "9.9.9" })
    expect(receiver.requests[0]?.headers).toMatchObject({ "x-key": "k", "content-type": "application/json" })
  })

  it("begins a trace when its client has none, or one that is no trace context", async () => {
    const receiver = await startReceiver()
    const { url, telemetry } = await startObserved({ servers: [rawServer("a")], telemetry: tracesTo(receiver) })
    const session = await openSession(url)
    const bad = ["", "00-1-2-01", `ff-${trace}-b7ad6b7169203331-01`, `00-${"0".repeat(32)}-b7ad6b7169203331-01`, 7]
    for (const [id, traceparent] of bad.entries())
      await session.send(request(id, "tools/call", { name: "a_do_hello", arguments: {}, _meta: { traceparent } }))
    await session.send(toolCall("x", "a_do_result", { result: { content: [] } }))
    await telemetry.close()
    const roots = receiver.spans.filter(({ kind, name }) => kind === kinds.server && name !== "initialize")
    expect(roots).toHaveLength(bad.length + 1)
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(roots.length)
    expect(roots.every(({ parentSpanId = "" }) => parentSpanId === "")).toBe(true)
  })

  it("that fails says so in both spans", async () => {
    const receiver = await startReceiver()
    const { url, telemetry } = await startObserved({ servers: [rawServer("a")], telemetry: tracesTo(receiver) })
    const session = await openSession(url)
    await session.send(toolCall(1, "a_do_error", { error: { code: -32602, message: "no such thing" } }))
    await session.send(toolCall(2, "a_do_result", { result: { content: [], isError: true } }))
    await session.send(toolCall(3, "made_up_name"))
    await telemetry.close()
    const spansOf = (type: string) => receiver.spans.filter(({ attributes }) => attributes["error.type"] === type)
    expect(
      spansOf("INVALID_PARAMS")
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...["tools/call", "tools/call a_do_error", "tools/call do_error"]])
    expect(spansOf("tool_error")).toHaveLength(2)
    expect(spansOf("INVALID_PARAMS").find(({ kind }) => kind === kinds.client)?.status).toEqual({
      code: 2,
      message: "no such thing",
    })
    // What only a client says is no name.
    expect(JSON.stringify(receiver.spans.map(({ name, attributes }) => [name, attributes]))).not.toContain(
      "made_up_name",
    )
  })
})

it("each middleware is a span, with what is inside of it", async () => {
  const receiver = await startReceiver()
  const entry = (name: string) => ({ name, options: {}, placeOf: () => ({ file: "x", line: 1, column: 1 }) })
  const { url, telemetry } = await startObserved({
    servers: [rawServer("a", {}, { middleware: [entry("timing")] })],
    middleware: [entry("errors"), entry("timing")],
    telemetry: tracesTo(receiver),
  })
  const session = await openSession(url)
  await session.send(toolCall(1, "a_do_result", { result: { content: [] } }))
  await telemetry.close()
  const call = await receiver.find(({ name }) => name === "tools/call a_do_result")
  const names: string[] = []
  for (let span: ReceivedSpan | undefined = call; span !== undefined; ) {
    names.push(span.name)
    const { spanId }: ReceivedSpan = span
    span = receiver.spans.find(({ parentSpanId }) => parentSpanId === spanId)
  }
  expect(names).toEqual([
    ...[
      "tools/call a_do_result",
      "middleware errors",
      "middleware timing",
      "middleware timing",
      "tools/call do_result",
    ],
  ])
})

describe("an SDK that was loaded before", () => {
  const sdk = (file: string): string =>
    `
    import { appendFileSync } from "node:fs"
    import { trace } from ${JSON.stringify(import.meta.resolve("@opentelemetry/api"))}
    import * as sdk from ${JSON.stringify(import.meta.resolve("@opentelemetry/sdk-trace-base"))}
    const exporter = {
      export(spans, done) {
        for (const { name, attributes } of spans) appendFileSync(${JSON.stringify(file)}, JSON.stringify({ name, attributes }) + "\\n")
        done({ code: 0 })
      },
      shutdown: async () => {},
    }
    trace.setGlobalTracerProvider(
      new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] }),
    )`.replaceAll("\\\\n", "\\n")

  it("gets the spans, without a word about traces in the manifest", async () => {
    const folder = project(served({ counter: packageServer("counter") }))
    const file = path.join(folder, "spans.jsonl")
    writeFileSync(path.join(folder, "sdk.mjs"), sdk(file))
    const running = start(["run", "--log-format", "json"], {
      cwd: folder,
      nodeArgs: ["--import", path.join(folder, "sdk.mjs")],
    })
    const [, url = ""] = await running.shows(/listening on (http:[^\s"]+)/)
    const session = await openSession(url)
    await session.send(request(1, "tools/list"))
    await vi.waitFor(() => expect(readFileSync(file, "utf8")).toContain('"name":"tools/list"'), soon)
    running.child.kill("SIGTERM")
    await running.ended
    cleanUp()
  }, 60_000)
})

describe("sampling", () => {
  it("follows the client, whatever the manifest says", async () => {
    const receiver = await startReceiver()
    const server = await mirror()
    const { url, telemetry } = await startObserved({
      servers: [entryFor(server)],
      telemetry: tracesTo(receiver, { sample: 0 }),
    })
    const call = (traceparent: string) =>
      send(url, modern("tools/call", { name: "m_mirror", arguments: {} }, { meta: { traceparent } }))
    const unsampled = heard(await call(`00-${trace}-b7ad6b7169203331-00`))
    expect(unsampled.meta["traceparent"]).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`))
    await call(parent.traceparent)
    await send(url, modern("tools/call", { name: "m_mirror", arguments: {} }))
    await telemetry.close()
    expect(receiver.spans.map(({ traceId }) => traceId)).toEqual([trace, trace])
  })
})

it("without traces `_meta` passes as it is, and no header is made of it", async () => {
  const server = await mirror()
  const { url } = await startObserved({ servers: [entryFor(server)], telemetry: { metrics: true } })
  const { meta, traceparent } = heard(
    await send(url, modern("tools/call", { name: "m_mirror", arguments: {} }, { meta: parent })),
  )
  expect(meta).toMatchObject(parent)
  expect(traceparent).toBeNull()
})

it("a receiver that is not there costs no call, is warned of once, and holds up nothing at the end", async () => {
  const receiver = await startReceiver(400)
  const lines: string[] = []
  const { pino } = await import("pino")
  const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) })
  const { url, telemetry } = await startObserved({ servers: [rawServer("a")], telemetry: tracesTo(receiver), log })
  const session = await openSession(url)
  const answer = await session.send(toolCall(1, "a_do_result", { result: { content: [] } }))
  expect(answer.json["result"]).toMatchObject({ content: [] })
  await telemetry.close()
  await vi.waitFor(() => expect(lines.filter((line) => line.includes("spans cannot be sent"))).toHaveLength(1), soon)
})
