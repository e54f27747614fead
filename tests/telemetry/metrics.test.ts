/** What Prometheus reads at /metrics: a real host with real servers behind HTTP. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { outcomes } from "../../src/telemetry/outcome.ts"
import { modern, openSession, rawServer, request, send, startRig, stream, toolCall } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { entryOf, soon, stdioTarget } from "../upstreams/support.ts"
import { scrape, startObserved } from "./support.ts"

afterEach(closeAll)

const on = { metrics: true }
const large = "x".repeat(100_000)

describe("requests", () => {
  it("are counted by server, method and outcome, and timed", async () => {
    const { url, base } = await startObserved({ servers: [rawServer("a"), rawServer("b")], telemetry: on })
    const session = await openSession(url)
    const call = (id: number, name: string, args = {}) => session.send(toolCall(id, name, args))
    await call(1, "a_do_result", { result: { content: [] } })
    await call(2, "a_do_result", { result: { content: [], isError: true } })
    await call(3, "b_do_error", { error: { code: -32602, message: "no" } })
    await call(4, "b_do_error", { error: { code: 77, message: "own" } })
    await call(5, "nobody_knows_it")
    await session.send(request(6, "tools/list"))
    await session.send(request(7, "x".repeat(5_000)))
    const { value, series } = await scrape(base)
    const count = (server: string, method: string, outcome: string) =>
      value("mcp_host_requests_total", { server, method, outcome })
    expect(count("a", "tools/call", "ok")).toBe(1)
    expect(count("a", "tools/call", "tool_error")).toBe(1)
    expect(count("b", "tools/call", "INVALID_PARAMS")).toBe(1)
    expect(count("b", "tools/call", "other")).toBe(1)
    expect(count("", "tools/call", "INVALID_PARAMS")).toBe(1)
    expect(count("", "tools/list", "ok")).toBe(1)
    expect(count("", "other", "METHOD_NOT_FOUND")).toBe(1)
    expect(value("mcp_host_upstream_requests_total", { server: "a", outcome: "tool_error" })).toBe(1)
    expect(value("mcp_host_request_duration_seconds_count", { server: "a", method: "tools/call" })).toBe(2)
    expect(value("mcp_host_upstream_request_duration_seconds_count", { server: "b" })).toBe(2)
    expect(value("mcp_host_request_duration_seconds_bucket", { server: "a", le: "+Inf" })).toBe(2)
    expect(value("mcp_host_requests_in_flight")).toBe(0)
    const told = series.flatMap(({ labels }) => (labels["outcome"] === undefined ? [] : [labels["outcome"]]))
    expect(told.filter((outcome) => !outcomes.includes(outcome))).toEqual([])
  })

  it("that a client cancels, and those of modern clients, count too; large errors as well", async () => {
    const { url, base } = await startObserved({ servers: [rawServer("a")], telemetry: on })
    const session = await openSession(url)
    void session.send(toolCall(1, "a_do_hang")).catch(() => undefined)
    await vi.waitFor(async () => expect((await scrape(base)).value("mcp_host_requests_in_flight")).toBe(1), soon)
    await session.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
    const result = { content: [{ type: "text", text: large }], isError: true }
    await send(url, modern("tools/call", { name: "a_do_result", arguments: { result } }))
    await vi.waitFor(async () => {
      const { value } = await scrape(base)
      expect(value("mcp_host_requests_total", { server: "a", outcome: "cancelled" })).toBe(1)
      expect(value("mcp_host_requests_total", { server: "a", outcome: "tool_error" })).toBe(1)
    }, soon)
  })

  it("to a server that is down are counted under its name", async () => {
    const { url, base } = await startObserved({
      servers: [entryOf(stdioTarget("exit.mjs"), { key: "down" })],
      telemetry: on,
    })
    const session = await openSession(url)
    await session.send(toolCall(1, "down_anything"))
    const { value } = await scrape(base)
    expect(value("mcp_host_requests_total", { server: "down", outcome: "UPSTREAM_UNAVAILABLE" })).toBe(1)
    expect(value("mcp_host_upstream_state", { server: "down", state: "backoff" })).toBe(1)
    expect(value("mcp_host_upstream_state", { server: "down", state: "ready" })).toBe(0)
  })
})

describe("servers", () => {
  it("are told with state, components and restarts", async () => {
    const { url, base } = await startObserved({ servers: [rawServer("a")], telemetry: on })
    const before = await scrape(base)
    expect(before.value("mcp_host_upstream_state", { server: "a", state: "ready" })).toBe(1)
    expect(before.value("mcp_host_upstream_components", { server: "a", kind: "tools" })).toBeGreaterThan(5)
    expect(before.value("mcp_host_upstream_restarts_total", { server: "a" })).toBe(0)
    const session = await openSession(url)
    await session.send(toolCall(1, "a_do_close"))
    await vi.waitFor(async () => {
      expect((await scrape(base)).value("mcp_host_upstream_restarts_total", { server: "a" })).toBe(1)
    }, soon)
  })

  it("with `concurrency` tell what they work on and what waits", async () => {
    const entry = rawServer("a", {}, { concurrency: { running: 1, waiting: 5 } })
    const { url, base } = await startObserved({ servers: [entry, rawServer("b")], telemetry: on })
    const session = await openSession(url)
    for (const id of [1, 2, 3]) void session.send(toolCall(id, "a_do_hang")).catch(() => undefined)
    await vi.waitFor(async () => {
      const { value } = await scrape(base)
      expect(value("mcp_host_upstream_running", { server: "a" })).toBe(1)
      expect(value("mcp_host_upstream_queue_length", { server: "a" })).toBe(2)
      expect(value("mcp_host_upstream_queue_length", { server: "b" })).toBeUndefined()
      expect(value("mcp_host_requests_in_flight")).toBe(3)
    }, soon)
  })
})

it("sessions, streams and subscriptions are told while they are open", async () => {
  const { url, base } = await startObserved({ servers: [rawServer("a")], telemetry: on })
  const open = async () => {
    const { value } = await scrape(base)
    return ["session", "stream", "subscription"].map((kind) => value("mcp_host_sessions", { kind }))
  }
  expect(await open()).toEqual([0, 0, 0])
  const session = await openSession(url)
  const events = await session.stream()
  const listening = await stream(url, modern("subscriptions/listen", { notifications: { toolsListChanged: true } }))
  await vi.waitFor(async () => expect(await open()).toEqual([1, 1, 1]), soon)
  events.close()
  listening.close()
  await vi.waitFor(async () => expect(await open()).toEqual([1, 0, 0]), soon)
})

it("the process and its event loop are told", async () => {
  const { base } = await startObserved({ servers: [], telemetry: on })
  const { value, types } = await scrape(base)
  expect(value("process_resident_memory_bytes")).toBeGreaterThan(1_000_000)
  expect(value("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThanOrEqual(0)
  expect(types["process_cpu_seconds_total"]).toBe("counter")
})

describe("the route", () => {
  it("says how to turn metrics on, when they are off", async () => {
    const { base } = await startRig({ servers: [] })
    const answer = await send(`${base}/metrics`, { method: "GET" })
    expect(answer.status).toBe(404)
    expect(answer.text).toContain("telemetry: { metrics: true }")
  })

  it("checks Host, Origin and the method like every other", async () => {
    const { base } = await startObserved({ servers: [], telemetry: on })
    const ask = async (headers: Record<string, string>, method = "GET") =>
      (await send(`${base}/metrics`, { method, headers })).status
    expect(await ask({ host: "evil.example" })).toBe(403)
    expect(await ask({ origin: "https://evil.example" })).toBe(403)
    expect(await ask({}, "POST")).toBe(405)
    expect(await ask({}, "HEAD")).toBe(200)
  })
})

it("every label has few values, whatever clients send", async () => {
  const { url, base } = await startObserved({ servers: [rawServer("a")], telemetry: on })
  const session = await openSession(url)
  const before = (await scrape(base)).series.length
  for (let id = 0; id < 60; id += 1) {
    await session.send(request(`m${id}`, `made/up/${id}`))
    await session.send(toolCall(`t${id}`, `tool_${id}`))
    await session.send(request(`r${id}`, "resources/read", { uri: `test://${id}` }))
  }
  // Three methods, each with one outcome and its histogram.
  expect((await scrape(base)).series.length - before).toBeLessThan(75)
})
