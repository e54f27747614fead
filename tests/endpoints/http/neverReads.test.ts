/** Clients that open a stream and never read it: cut off at a bounded amount, and nobody else hears of it. */
import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../../src/protocol/json.ts"
import { closeAll, closers } from "../../fixtures/harness.ts"
import { soon } from "../../upstreams/support.ts"
import { modern, openSession, type Rig, rawServer, request, startRig, stream, toolCall } from "../support.ts"

afterEach(closeAll)

const capabilities = { tools: {}, logging: {}, resources: { subscribe: true, listChanged: true } }
const resources = [{ uri: "x://one", name: "one" }]
const rig = (): Promise<Rig> => startRig({ servers: [rawServer("raw", { capabilities, lists: { resources } })] })
const uri = "x://raw/one"

/** Sends one request and never reads. */
function deaf({ base }: Rig, method: string, headers: Readonly<Record<string, unknown>>, body?: JsonObject): Socket {
  const text = body === undefined ? "" : JSON.stringify(body)
  const all = { host: "localhost", accept: "application/json, text/event-stream", ...headers }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  const length = text === "" ? "" : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`
  const socket = connect(Number(new URL(base).port), "127.0.0.1").pause()
  socket.on("error", () => undefined)
  closers.push(() => socket.destroy())
  socket.write(`${method} /mcp HTTP/1.1\r\n${head.join("")}${length}\r\n${text}`)
  return socket
}

const flood = (method: string, count: number, params: JsonObject): JsonObject => ({ method, count, params })

/** Seconds that have begun since: a hundred notifications pass in each. */
const secondsSince = (began: number): number => Math.ceil((performance.now() - began) / 1_000) + 1

describe("a client that never reads", () => {
  it("[legacy GET stream, modern subscription] slows nobody down who hears of the same", async () => {
    const own = await rig()
    const session = await openSession(own.url)
    await session.send(request(1, "resources/subscribe", { uri }))
    deaf(own, "GET", session.headers)
    const filter = { notifications: { resourceSubscriptions: [uri] } }
    const { headers, body } = modern("subscriptions/listen", filter, { id: "deaf" })
    deaf(own, "POST", headers, body)
    const heard = await stream(own.url, modern("subscriptions/listen", filter, { id: "heard" }))
    await heard.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    const writer = await openSession(own.url)
    const args = flood("notifications/resources/updated", 400_000, { uri: "x://one" })
    const [before, began] = [process.memoryUsage().rss, performance.now()]
    await writer.send(toolCall(1, "raw_do_flood", args))
    const updates = () => heard.messages.filter(({ method }) => method === "notifications/resources/updated").length
    await vi.waitFor(() => expect(updates()).toBeGreaterThan(100), soon)
    expect(updates()).toBeLessThanOrEqual(101 * secondsSince(began))
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024)
    expect((await writer.send(toolCall(2, "raw_do_result", { result: { content: [] } }))).json).toMatchObject({ id: 2 })
  })

  it("[the stream of a call] is cut off, and the others go on", async () => {
    const own = await rig()
    const session = await openSession(own.url)
    const params = { level: "error", data: "x".repeat(1024 * 1024) }
    const cut = vi.fn()
    const socket = deaf(
      own,
      "POST",
      session.headers,
      toolCall(1, "raw_do_flood", flood("notifications/message", 60, params)),
    )
    socket.on("close", cut)
    const other = await openSession(own.url)
    expect((await other.send(toolCall(2, "raw_do_result", { result: { content: [] } }))).json).toMatchObject({ id: 2 })
    // Reading to the end of what had left finds the connection broken.
    await vi.waitFor(
      async () => {
        socket.read()
        expect(cut).toHaveBeenCalled()
      },
      { timeout: 60_000, interval: 5 },
    )
    expect(socket.bytesRead).toBeLessThan(40 * 1024 * 1024)
  })
})

describe("a client that reads", () => {
  it("hears the last progress of a call before its answer, and how many log lines were left out", async () => {
    const own = await rig()
    const session = await openSession(own.url)
    const call = toolCall(1, "raw_do_flood", flood("notifications/progress", 5_000, {}))
    const meta = { _meta: { progressToken: "p" } }
    const began = performance.now()
    const progress = await session.stream({ ...call, params: { ...(call["params"] as JsonObject), ...meta } })
    await progress.end()
    const told = progress.messages.filter(({ method }) => method === "notifications/progress")
    expect(told.length).toBeGreaterThan(100)
    expect(told.length).toBeLessThanOrEqual(101 * secondsSince(began))
    expect(told.at(-1)).toMatchObject({ params: { progressToken: "p", progress: 5_000 } })
    expect(progress.messages.at(-1)).toMatchObject({ id: 1, result: {} })
    const logs = await session.stream(
      toolCall(2, "raw_do_flood", flood("notifications/message", 5_000, { level: "info", data: "x" })),
    )
    await logs.end()
    const lines = logs.messages.flatMap(({ params }) => (params as JsonObject | undefined)?.["data"] ?? []).map(String)
    const leftOut = lines.flatMap((line) => /^left out (\d+) log messages/.exec(line)?.[1] ?? []).map(Number)
    expect(leftOut.length).toBeGreaterThan(0)
    expect(leftOut.reduce((sum, count) => sum + count) + lines.length - leftOut.length).toBe(5_000)
    expect(lines.at(-1)).toMatch(/^left out /)
    expect(lines.length).toBeLessThanOrEqual(101 * secondsSince(began))
  })

  it("is told of a list at most once a second, and of its last change always", async () => {
    const own = await rig()
    const heard = await stream(
      own.url,
      modern("subscriptions/listen", { notifications: { resourcesListChanged: true } }),
    )
    await heard.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    const writer = await openSession(own.url)
    const began = performance.now()
    const changes = 30
    for (let id = 1; id <= changes; id += 1) {
      const items = [...resources, { uri: `x://${id}`, name: String(id) }]
      const method = "notifications/resources/list_changed"
      await writer.send(toolCall(id, "raw_do_set", { member: "resources", items, method }))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const uris = async (): Promise<unknown[]> => {
      const { json } = await writer.send(request("l", "resources/list"))
      return (json["result"] as { resources: JsonObject[] }).resources.map((each) => each["uri"])
    }
    const notices = (): number => heard.messages.filter(({ method }) => String(method).endsWith("list_changed")).length
    await vi.waitFor(async () => expect(await uris()).toContain(`x://raw/${changes}`), soon)
    const seen = notices()
    await vi.waitFor(() => expect(notices()).toBeGreaterThan(seen - 1), soon)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(notices()).toBeGreaterThan(0)
    expect(notices()).toBeLessThanOrEqual(Math.ceil((performance.now() - began) / 1_000))
  })
})
