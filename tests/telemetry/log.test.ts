/** What the log says of requests: their id, server and trace, and nothing of it when nobody wants it. */
import { pino } from "pino"
import { afterEach, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { openTelemetry } from "../../src/telemetry/openTelemetry.ts"
import { openSession, rawServer, request, toolCall } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { startObserved, startReceiver } from "./support.ts"

afterEach(closeAll)

function logTo(level: string) {
  const lines: JsonObject[] = []
  const log = pino({ level, base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as JsonObject) })
  return { log, requests: () => lines.filter(({ msg }) => msg === "request") }
}

it("at level debug has an entry for each request, by which it is found in traces", async () => {
  const receiver = await startReceiver()
  const { log, requests } = logTo("debug")
  const { url, telemetry } = await startObserved({
    servers: [rawServer("a")],
    log,
    telemetry: { metrics: false, traces: { endpoint: receiver.url, headers: {}, sample: 1, serviceName: "s" } },
  })
  const session = await openSession(url)
  await session.send(toolCall(1, "a_do_result", { result: { content: [] } }))
  await session.send(request(2, "prompts/list"))
  await telemetry.close()
  const [call, list] = requests().filter(({ method }) => method !== "initialize")
  const span = await receiver.find(({ name }) => name === "tools/call a_do_result")
  expect(call).toMatchObject({ server: "a", method: "tools/call", outcome: "ok", trace: span.traceId })
  expect(call?.["ms"]).toBeGreaterThan(0)
  expect(list).toMatchObject({ method: "prompts/list" })
  expect(list).not.toHaveProperty("server")
  // Enough to tell sessions apart, too little to act in one.
  expect(call?.["request"]).toMatch(/^[0-9a-f]{8}\/\d+$/)
  expect(session.id.startsWith(String(call?.["request"]).slice(0, 8))).toBe(true)
})

it("without traces has entries without one", async () => {
  const { log, requests } = logTo("debug")
  const { url } = await startObserved({ servers: [rawServer("a")], log, telemetry: { metrics: false } })
  const session = await openSession(url)
  await session.send(toolCall(1, "a_do_error", { error: { code: 5, message: "m" } }))
  const entry = requests().find(({ method }) => method === "tools/call")
  expect(entry).toMatchObject({ server: "a", outcome: "other" })
  expect(entry).not.toHaveProperty("trace")
})

it("nothing looks at requests when nothing is on", async () => {
  const { log } = logTo("info")
  const options = { log, mask: (text: string) => text, version: "1", directory: import.meta.dirname }
  const telemetry = await openTelemetry({ metrics: false }, options)
  expect(telemetry.observer).toBeUndefined()
  expect(telemetry.metrics.enabled).toBe(false)
  expect(telemetry.expose).toBeUndefined()
  await telemetry.close()
})
