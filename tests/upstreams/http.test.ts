/** Servers behind URLs as they are: refusing, forgetting, breaking off, answering nonsense. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { type HttpFixture, type HttpFixtureKind, startHttpFixture } from "../fixtures/servers/http.mjs"
import { createClient, createContext } from "../wire/support.ts"
import { create, entryOf, httpTarget, ready, soon, type TestUpstream } from "./support.ts"

afterEach(closeAll)

const echo = { method: "tools/call", params: { name: "echo", arguments: { text: "hi" } } }
const call = (name: string, args: JsonObject = {}) => ({ method: "tools/call", params: { name, arguments: args } })
const echoed = { value: { content: [{ text: "hi" }] } }
const modern = createClient({ key: "modern", era: "modern" })

async function fixture(kind: HttpFixtureKind): Promise<HttpFixture> {
  const started = await startHttpFixture(kind)
  closers.push(() => started.close())
  return started
}

/** A server that does as the test says. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

/** A legacy server without sessions whose tool calls are answered as the test says. */
function answering(answer: (response: ServerResponse, message: JsonObject) => void): Promise<string> {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== "POST") return void response.writeHead(405).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const message = JSON.parse(Buffer.concat(chunks).toString("utf8")) as JsonObject
    const reply = (result: JsonObject): void => {
      response.writeHead(200, { "content-type": "application/json" })
      response.end(JSON.stringify({ jsonrpc: "2.0", id: message["id"] ?? null, result }))
    }
    if (message["method"] === "initialize")
      return reply({
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "s", version: "1" },
      })
    if (message["method"] === "tools/list") return reply({ tools: [] })
    if (message["method"] === "tools/call") return answer(response, message)
    response.writeHead(202).end()
  }
  return serve((request, response) => void respond(request, response))
}

async function open(url: string, client = createClient()): Promise<TestUpstream> {
  const test = create(entryOf(httpTarget(url)))
  await ready(test.upstream, client)
  await test.upstream.prepare(client)
  return test
}

describe("what a server is sent", () => {
  it("in the legacy generation: session, version, credentials, and a DELETE at the end", async () => {
    const server = await fixture("v1")
    const { upstream } = create(entryOf(httpTarget(server.url, { headers: { Authorization: "Bearer t0k3n" } })))
    await ready(upstream)
    await upstream.handle(echo, createContext())
    const requests = server.requests.filter(({ method }) => method === "POST")
    expect(requests.every(({ headers }) => headers.authorization === "Bearer t0k3n")).toBe(true)
    expect(requests[0]?.headers).not.toHaveProperty("mcp-session-id")
    expect(requests.at(-1)?.headers).toMatchObject({
      "mcp-session-id": expect.stringMatching(/./),
      "mcp-protocol-version": "2025-11-25",
      accept: "application/json, text/event-stream",
    })
    expect(requests.at(-1)?.headers).not.toHaveProperty("mcp-method")
    await upstream.close()
    expect(server.counts().http["DELETE"]).toBe(1)
  })

  it("in the modern generation: method, name and version mirrored, no session", async () => {
    const server = await fixture("both")
    const { upstream } = await open(server.url, modern)
    await upstream.handle(
      { method: "resources/read", params: { uri: "test://items/ü" } },
      createContext({ client: modern }),
    )
    const last = server.requests.findLast(({ messages }) => messages[0]?.["method"] === "resources/read")
    expect(last?.headers).toMatchObject({
      "mcp-method": "resources/read",
      "mcp-name": `=?base64?${Buffer.from("test://items/ü").toString("base64")}?=`,
      "mcp-protocol-version": "2026-07-28",
    })
    expect(last?.headers).not.toHaveProperty("mcp-session-id")
    expect(server.counts().rpc["initialize"]).toBeUndefined()
    expect(server.counts().http["GET"]).toBeUndefined()
  })

  it("never leaves for another address", async () => {
    const seen: string[] = []
    const elsewhere = await serve((request, response) => {
      seen.push(String(request.headers.authorization))
      response.end()
    })
    const url = await serve((_request, response) => response.writeHead(307, { location: elsewhere }).end())
    const { upstream } = create(entryOf(httpTarget(url, { headers: { Authorization: "Bearer t0k3n" } })))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(seen).toEqual([])
  })
})

describe("a server that refuses", () => {
  it.each([401, 403])("our credentials (%i) has failed for good", async (status) => {
    const url = await serve((_request, response) => response.writeHead(status).end("no"))
    const { upstream } = create(entryOf(httpTarget(url)))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("failed"), soon)
    expect(upstream.state.reason).toContain(String(status))
  })

  it("our credentials later answers -31005", async () => {
    const server = await fixture("v1")
    const { upstream } = await open(server.url)
    server.failNext(401, { rpc: "tools/call" })
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({
      code: -31005,
      data: { server: "server", sent: "no", retryable: false },
    })
    expect(await upstream.handle(echo, createContext())).toMatchObject(echoed)
  })

  it.each([429, 503])("for now (%i) answers -31006", async (status) => {
    const server = await fixture("v1")
    const { upstream } = await open(server.url)
    server.failNext(status, { rpc: "tools/call" })
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({
      code: -31006,
      data: { server: "server", retryable: true },
    })
  })

  it("for a while is asked again when it said so, within the deadline", async () => {
    const server = await fixture("v1")
    const { upstream } = await open(server.url)
    server.failNext(503, { rpc: "tools/call", headers: { "retry-after": "1" } })
    server.failNext(429, { rpc: "tools/call", headers: { "retry-after": "0" } })
    expect(await upstream.handle(echo, createContext())).toMatchObject(echoed)
    server.failNext(503, { rpc: "tools/call", headers: { "retry-after": "3600" } })
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({ code: -31006, data: { sent: "no" } })
    server.failNext(503, { rpc: "tools/call", headers: { "retry-after": "Wed, 01 Jan 2020 00:00:00 GMT" } })
    expect(await upstream.handle(echo, createContext())).toMatchObject(echoed)
  })

  it("for a while is not asked again for a client that has cancelled", async () => {
    const server = await fixture("v1")
    const { upstream } = await open(server.url)
    server.failNext(503, { rpc: "tools/call", headers: { "retry-after": "1" } })
    const controller = new AbortController()
    const pending = upstream.handle(echo, createContext({ signal: controller.signal })).catch(() => "cancelled")
    const calls = () => server.counts().rpc["tools/call"]
    await vi.waitFor(() => expect(calls()).toBe(1), soon)
    controller.abort()
    expect(await pending).toBe("cancelled")
    await new Promise((resolve) => setTimeout(resolve, 1_300))
    expect(calls()).toBe(1)
  })

  it("connections is told so, and found when it is back", async () => {
    const first = await startHttpFixture("v1")
    const { port } = new URL(first.url)
    await first.close()
    const { upstream } = create(entryOf(httpTarget(first.url)))
    upstream.start(undefined)
    await vi.waitFor(
      () => expect(upstream.state).toMatchObject({ state: "backoff", reason: expect.stringContaining("refused") }),
      soon,
    )
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({ code: -31001, data: { sent: "no" } })
    const second = await startHttpFixture("v1", { port: Number(port) })
    closers.push(() => second.close())
    await ready(upstream)
    expect(await upstream.handle(echo, createContext())).toMatchObject(echoed)
  })
})

describe("a server that answers", () => {
  it.each<[string, (response: ServerResponse, message: JsonObject) => void, number, string]>([
    ["a page", (response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>"), -31003, "maybe"],
    ["nothing", (response) => response.writeHead(200).end(), -31003, "maybe"],
    ["202", (response) => response.writeHead(202).end(), -31003, "maybe"],
    ["500", (response) => response.writeHead(500).end("oops"), -31001, "maybe"],
    [
      "broken JSON",
      (response) => response.writeHead(200, { "content-type": "application/json" }).end("{"),
      -31003,
      "maybe",
    ],
    [
      "an array",
      (response) => response.writeHead(200, { "content-type": "application/json" }).end("[]"),
      -31003,
      "maybe",
    ],
    [
      "another request",
      (response) =>
        response.writeHead(200, { "content-type": "application/json" }).end('{"jsonrpc":"2.0","id":99999,"result":{}}'),
      -31001,
      "maybe",
    ],
    [
      "an empty stream",
      (response) => response.writeHead(200, { "content-type": "text/event-stream" }).end(": \n\n"),
      -31001,
      "maybe",
    ],
    [
      "broken events",
      (response) => response.writeHead(200, { "content-type": "text/event-stream" }).end("data: {\n\n"),
      -31003,
      "maybe",
    ],
    ["by breaking off", (response) => response.destroy(), -31001, "maybe"],
    [
      "without end",
      (response) => {
        response.writeHead(200, { "content-type": "application/json" })
        const more = (): void =>
          void (response.destroyed || response.write("x".repeat(1024 * 1024), () => setImmediate(more)))
        more()
      },
      -31004,
      "maybe",
    ],
  ])("%s is reported, and goes on being used", async (_what, answer, code, sent) => {
    let broken = true
    const url = await answering((response, message) => {
      if (broken) return answer(response, message)
      response.writeHead(200, { "content-type": "application/json" })
      response.end(JSON.stringify({ jsonrpc: "2.0", id: message["id"] ?? null, result: { fine: true } }))
    })
    const { upstream } = await open(url)
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({
      code,
      data: { server: "server", sent },
    })
    broken = false
    expect(await upstream.handle(echo, createContext())).toEqual({ value: { fine: true } })
  })

  it("an error with a failing status passes it verbatim", async () => {
    const url = await answering((response, message) => {
      response.writeHead(404, { "content-type": "application/json" })
      response.end(
        JSON.stringify({
          jsonrpc: "2.0",
          id: message["id"] ?? null,
          error: { code: -32601, message: "Gone", data: [1] },
        }),
      )
    })
    const { upstream } = await open(url)
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({
      code: -32601,
      message: "Gone",
      data: [1],
    })
  })
})

describe("a server that is neither", () => {
  it("says why in its own words when it gave any", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(400, { "content-type": "application/json" })
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"The tenant is unknown"}}')
    })
    const { upstream } = create(entryOf(httpTarget(url)))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toContain("The tenant is unknown")
  })

  it("is said to serve neither transport when it is a web site", async () => {
    const url = await serve((_request, response) => response.writeHead(404, { "content-type": "text/html" }).end("<p>"))
    const { upstream } = create(entryOf(httpTarget(url)))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toContain("neither Streamable HTTP nor HTTP+SSE")
  })
})

describe("a server that forgets", () => {
  it("its sessions gets a new one", async () => {
    const server = await fixture("v1")
    const client = createClient()
    const { upstream } = await open(server.url, client)
    await upstream.handle(echo, createContext({ client }))
    server.forgetSessions()
    await upstream.handle(echo, createContext({ client })).catch((error: unknown) => {
      expect(error).toMatchObject({ code: -31001, data: { retryable: true } })
    })
    await vi.waitFor(
      async () => expect(await upstream.handle(echo, createContext({ client }))).toMatchObject(echoed),
      soon,
    )
    await vi.waitFor(() => expect(upstream.state.state).toBe("ready"), soon)
    // And is listened to again.
    await upstream.handle(call("addTool", { name: "extra" }), createContext({ client }))
    await vi.waitFor(() => expect(upstream.listing(client)?.tool.map((tool) => tool["name"])).toContain("extra"), soon)
  })
})

describe("connections that break", () => {
  it.each<[HttpFixtureKind, ReturnType<typeof createClient>]>([
    ["v1", createClient()],
    ["v2", modern],
  ])("end the calls on them, and changes of %s are heard all the same", async (kind, client) => {
    const server = await fixture(kind)
    const { upstream } = await open(server.url, client)
    const slow = upstream
      .handle(call("slow", { ms: 60_000 }), createContext({ client }))
      .catch((error: unknown) => error)
    await upstream.handle(echo, createContext({ client }))
    server.dropConnections()
    expect(await slow).toMatchObject({ code: -31001, data: { sent: "maybe" } })
    await vi.waitFor(
      async () => expect(await upstream.handle(echo, createContext({ client }))).toMatchObject(echoed),
      soon,
    )
    await upstream.handle(call("addTool", { name: "extra" }), createContext({ client }))
    await vi.waitFor(() => expect(upstream.listing(client)?.tool.map((tool) => tool["name"])).toContain("extra"), soon)
  })
})
