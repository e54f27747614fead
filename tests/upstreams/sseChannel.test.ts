/** Servers of the older HTTP+SSE: what they may name, refuse and forget, and what they cannot do to the host. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { createContext } from "../wire/support.ts"
import { create, entryOf, httpTarget, ready, soon } from "./support.ts"

afterEach(closeAll)

const credential = "s3cret-t0ken"
const hi = { value: { content: [{ text: "hi" }] } }

/** A server whose parts a test may replace. */
class SseServer {
  /** What its `endpoint` event says; undefined when there is none. */
  endpoint: string | undefined = "/messages?session=1"
  /** Takes a posted message in the server's place; true when it did. */
  post: (response: ServerResponse, message: JsonObject) => boolean = () => false
  readonly received: { url: string; headers: IncomingMessage["headers"]; message: JsonObject }[] = []
  streams = 0
  stream: ServerResponse | undefined
  url = ""

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#respond(request, response))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
  }

  tell(message: JsonObject): void {
    this.stream?.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`)
  }

  count(method: string): number {
    return this.received.filter(({ message }) => message["method"] === method).length
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") {
      this.streams += 1
      this.stream = response.writeHead(200, { "content-type": "text/event-stream" })
      response.write(": hello\n\n")
      return void (this.endpoint !== undefined && response.write(`event: endpoint\ndata: ${this.endpoint}\n\n`))
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const message = JSON.parse(Buffer.concat(chunks).toString("utf8")) as JsonObject
    this.received.push({ url: request.url ?? "", headers: request.headers, message })
    if (this.post(response, message)) return
    response.writeHead(202).end("Accepted")
    const serverInfo = { name: "s", version: "1" }
    const results: Record<string, JsonObject> = {
      initialize: { protocolVersion: "2024-11-05", capabilities: { tools: {} }, serverInfo },
      "tools/list": { tools: [] },
      "tools/call": { content: [{ type: "text", text: "hi" }] },
    }
    const { id, method } = message
    if (id !== undefined) this.tell({ id, result: results[String(method)] ?? {} })
  }
}

async function open(server: SseServer) {
  await server.start()
  const target = httpTarget(server.url, {
    transport: "sse",
    era: "legacy",
    headers: { Authorization: `Bearer ${credential}` },
  })
  const test = create(entryOf(target, { session: "shared" }))
  const call = () => test.upstream.handle({ method: "tools/call", params: { name: "t" } }, createContext())
  return { ...test, call }
}

async function opened(): Promise<Awaited<ReturnType<typeof open>> & { server: SseServer }> {
  const server = new SseServer()
  const test = await open(server)
  await ready(test.upstream)
  return { ...test, server }
}

describe("the address for messages", () => {
  it.each(["/messages?session=1", "messages?session=1", "?session=1"])("may be relative (%s)", async (endpoint) => {
    const server = new SseServer()
    server.endpoint = endpoint
    const { upstream, call } = await open(server)
    await ready(upstream)
    expect(await call()).toMatchObject(hi)
    const { url, headers } = server.received.at(-1) ?? { url: "", headers: {} }
    expect(url).toBe(new URL(endpoint, server.url).href.slice(new URL(server.url).origin.length))
    expect(headers).toMatchObject({ authorization: `Bearer ${credential}`, "content-type": "application/json" })
  })

  it.each(["http://127.0.0.1:9/messages", "https://example.com/messages", "http://["])(
    "is not taken from elsewhere, where credentials would go (%s)",
    async (endpoint) => {
      const server = new SseServer()
      server.endpoint = endpoint
      const { upstream } = await open(server)
      upstream.start(undefined)
      await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
      expect(upstream.state.reason).toContain("named an address for messages that is not its own")
      expect(server.received).toEqual([])
    },
  )
})

describe("a message that is posted", () => {
  it.each([
    [401, -31005, "no"],
    [403, -31005, "no"],
    [429, -31006, "no"],
    [500, -31001, "maybe"],
    [307, -31001, "no"],
  ] as const)(
    "and refused with %i ends its request with %i, sent: %s, and nothing else",
    async (status, code, sent) => {
      const { server, call, upstream } = await opened()
      server.post = (response, { method }) => {
        if (method !== "tools/call") return false
        response.writeHead(status, { location: "https://example.com/" }).end("no")
        return true
      }
      await expect(call()).rejects.toMatchObject({ code, data: { server: "server", sent } })
      server.post = () => false
      expect(await call()).toMatchObject(hi)
      expect([server.streams, upstream.state.state]).toEqual([1, "ready"])
    },
  )

  it("and to be sent again later is", async () => {
    const { server, call } = await opened()
    let refused = 0
    server.post = (response, { method }) => {
      if (method !== "tools/call" || refused > 0) return false
      refused += 1
      response.writeHead(503, { "retry-after": "1" }).end()
      return true
    }
    expect(await call()).toMatchObject(hi)
    expect(server.count("tools/call")).toBe(2)
  })

  it("whose connection breaks is -31001, sent: maybe, and is not sent again", async () => {
    const { server, call } = await opened()
    server.post = (response, { method }) => {
      if (method === "tools/call") response.destroy()
      return method === "tools/call"
    }
    await expect(call()).rejects.toMatchObject({ code: -31001, data: { sent: "maybe", retryable: true } })
    expect(server.count("tools/call")).toBe(1)
  })

  it("in a session that the server has forgotten is not sent, and another is opened", async () => {
    const { server, call, upstream } = await opened()
    server.post = (response) => {
      response.writeHead(404).end("Session not found")
      return true
    }
    await expect(call()).rejects.toMatchObject({ code: -31001, data: { sent: "no", retryable: true } })
    server.post = () => false
    await vi.waitFor(async () => expect(await call()).toMatchObject(hi), soon)
    expect(server.streams).toBeGreaterThan(1)
    await ready(upstream)
  })
})

describe("the stream", () => {
  it("that is a page is no stream", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<p>Sign in</p>")
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    closers.push(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`
    const { upstream } = create(entryOf(httpTarget(url, { transport: "sse" })))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toContain("serves neither Streamable HTTP nor HTTP+SSE here")
  })

  it("that ends before it names an address is told so", async () => {
    const server = new SseServer()
    const { upstream } = await open(server)
    server.endpoint = undefined
    upstream.start(undefined)
    await vi.waitFor(() => expect(server.stream).toBeDefined(), soon)
    server.stream?.end()
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toContain("the event stream has ended")
  })

  it("that ends ends the calls in flight, and is opened again", async () => {
    const { server, call, upstream } = await opened()
    server.post = (response, { method }) => {
      if (method === "tools/call") response.writeHead(202).end(() => server.stream?.end())
      return method === "tools/call"
    }
    await expect(call()).rejects.toMatchObject({ code: -31001, data: { sent: "maybe", retryable: true } })
    server.post = () => false
    await ready(upstream)
    expect(await call()).toMatchObject(hi)
  })

  it("may carry what is no message now and then; 1,000 of it in a row end it", async () => {
    const { server, call, upstream } = await opened()
    const garbage = (events: number): void => void server.stream?.write("data: no message\n\n".repeat(events))
    for (let time = 0; time < 3; time += 1) {
      garbage(999)
      expect(await call()).toMatchObject(hi)
    }
    expect(server.streams).toBe(1)
    server.post = (_response, { method }) => method === "tools/call"
    const pending = expect(call()).rejects.toMatchObject({
      code: -31003,
      data: { reason: "sent 1000 events that are no messages" },
    })
    await vi.waitFor(() => expect(server.count("tools/call")).toBe(4), soon)
    garbage(1_000)
    await pending
    server.post = () => false
    await ready(upstream)
    expect(await call()).toMatchObject(hi)
  })

  it("carries large answers as they are, and questions of the server", async () => {
    const { server, call } = await opened()
    const text = 'é"x'.repeat(200_000)
    server.post = (response, { id = null, method }) => {
      if (method !== "tools/call") return false
      response.writeHead(202).end()
      server.tell({ id: 77, method: "ping" })
      server.tell({ id, result: { content: [{ type: "text", text }] } })
      return true
    }
    expect((await call()).value["content"]).toEqual([{ type: "text", text }])
    await vi.waitFor(() => expect(server.received.find(({ message }) => message["id"] === 77)).toBeDefined(), soon)
  })
})
