/** What the listener does before any generation of the protocol is spoken. */
import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import { startHttpEndpoint } from "../../../src/endpoints/http/httpEndpoint.ts"
import { closeAll, closers } from "../../fixtures/harness.ts"
import { soon } from "../../upstreams/support.ts"
import {
  createHost,
  initialize,
  local,
  manifestOf,
  modern,
  openSession,
  rawServer,
  request,
  send,
  serve,
  startRig,
  stream,
  toolCall,
} from "../support.ts"

afterEach(closeAll)

const routes = ["/mcp", "/healthz", "/readyz", "/nowhere"]

describe("Host and Origin", () => {
  it("are checked on every route, before anything else", async () => {
    const { base } = await startRig()
    for (const route of routes) {
      for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
        for (const headers of [
          { host: "evil.example" },
          { host: "127.0.0.1.evil.example" },
          { host: "localhost.evil.example:80" },
          { origin: "https://evil.example" },
          { origin: "http://localhost.evil.example" },
          { origin: "null" },
          { origin: "file://" },
          { host: "evil.example", "x-forwarded-host": "localhost" },
        ]) {
          const answer = await send(base + route, { method, headers, ...(method === "POST" && { body: initialize() }) })
          expect({ route, method, headers, status: answer.status }).toEqual({ route, method, headers, status: 403 })
          expect(answer.headers).not.toHaveProperty("access-control-allow-origin")
          expect(answer.headers).not.toHaveProperty("mcp-session-id")
        }
      }
    }
  })

  it.each<Record<string, string>>([
    { host: "localhost" },
    { host: "LOCALHOST:1234" },
    { host: "127.0.0.1" },
    { host: "[::1]:8300" },
    { origin: "http://localhost:3000" },
    { origin: "https://127.0.0.1" },
    { origin: "http://[::1]:5173" },
  ])("of this machine pass: %j", async (headers) => {
    const { base } = await startRig({ servers: [] })
    expect((await send(`${base}/healthz`, { method: "GET", headers })).status).toBe(200)
  })

  it("pass when the manifest names them, exactly", async () => {
    const { base } = await startRig({
      servers: [],
      http: {
        allowedHosts: ["mcp.example.com", "other.example:8443"],
        allowedOrigins: ["https://app.example.com"],
        publicUrl: "https://public.example.com/mcp",
      },
    })
    const status = async (headers: Record<string, string>) =>
      (await send(`${base}/healthz`, { method: "GET", headers })).status
    expect(await status({ host: "mcp.example.com" })).toBe(200)
    expect(await status({ host: "MCP.example.com:443" })).toBe(200)
    expect(await status({ host: "other.example:8443" })).toBe(200)
    expect(await status({ host: "other.example:1" })).toBe(403)
    expect(await status({ host: "public.example.com" })).toBe(200)
    expect(await status({ origin: "https://app.example.com" })).toBe(200)
    expect(await status({ origin: "https://public.example.com" })).toBe(200)
    expect(await status({ origin: "http://app.example.com" })).toBe(403)
    expect(await status({ origin: "https://app.example.com:444" })).toBe(403)
  })

  it("refuse a request without a Host", async () => {
    const { base } = await startRig({ servers: [] })
    const socket = connect(Number(new URL(base).port), "127.0.0.1")
    closers.push(() => socket.destroy())
    let text = ""
    socket.setEncoding("utf8").on("data", (chunk) => {
      text += chunk
    })
    socket.write("GET /healthz HTTP/1.0\r\n\r\n")
    await vi.waitFor(() => expect(text).toMatch(/^HTTP\/1\.1 40[03]/), soon)
  })
})

describe("routes", () => {
  it("answer 404 where nothing is, and 405 with what is allowed", async () => {
    const { base, url } = await startRig({ servers: [] })
    for (const path of ["/", "/mcp/", "/mcp/profile", "/mcpx", "/healthz/x", "/MCP", "//mcp"]) {
      expect({ path, status: (await send(base + path, { body: initialize() })).status }).toEqual({ path, status: 404 })
    }
    for (const method of ["PUT", "PATCH", "OPTIONS", "HEAD"]) {
      const answer = await send(url, { method })
      expect(answer.status).toBe(405)
      expect(answer.headers.allow).toBe("POST, GET, DELETE")
    }
    for (const route of ["/healthz", "/readyz", "/metrics"]) {
      const answer = await send(base + route, { body: {} })
      expect(answer.status).toBe(405)
      expect(answer.headers.allow).toBe("GET, HEAD")
    }
  })

  it("take a query and a path of the manifest's", async () => {
    const { base } = await startRig({ servers: [], http: { path: "/deep/mcp" } })
    expect((await send(`${base}/deep/mcp?x=1`, { body: initialize() })).status).toBe(200)
    expect((await send(`${base}/mcp`, { body: initialize() })).status).toBe(404)
  })

  it("do not fall over odd request targets", async () => {
    const { base } = await startRig({ servers: [] })
    const port = Number(new URL(base).port)
    for (const target of ["//", "http://", "*", "/%", "/\\\\x", "http://[", "//[/"]) {
      const socket = connect(port, "127.0.0.1")
      closers.push(() => socket.destroy())
      let text = ""
      socket.setEncoding("utf8").on("data", (chunk) => {
        text += chunk
      })
      socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      await vi.waitFor(
        () => expect({ target, text }).toEqual({ target, text: expect.stringMatching(/^HTTP\/1\.1 4/) }),
        soon,
      )
    }
    expect((await send(`${base}/healthz`, { method: "GET" })).status).toBe(200)
  })
})

describe("messages", () => {
  it("larger than 4 MiB are refused, announced or not, and the endpoint goes on", async () => {
    const { url, base } = await startRig({ servers: [] })
    const large = "x".repeat(4 * 1024 * 1024 + 1)
    const announced = await send(url, { body: large }).catch((error: NodeJS.ErrnoException) => error.code)
    if (typeof announced === "object")
      expect(announced).toMatchObject({ status: 413, json: { error: { code: -31004 } } })
    else expect(announced).toMatch(/ECONNRESET|EPIPE/)
    const chunked = await send(url, { body: large, headers: { "transfer-encoding": "chunked" } }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    )
    if (typeof chunked === "object") expect(chunked.status).toBe(413)
    else expect(chunked).toMatch(/ECONNRESET|EPIPE/)
    expect((await send(`${base}/healthz`, { method: "GET" })).status).toBe(200)
  })

  it("larger than 4 MiB are told so to a client that waits before it sends them", async () => {
    const { base } = await startRig({ servers: [] })
    const socket = connect(Number(new URL(base).port), "127.0.0.1")
    closers.push(() => socket.destroy())
    let text = ""
    socket.setEncoding("utf8").on("data", (chunk) => {
      text += chunk
    })
    socket.write(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${5 * 1024 * 1024}\r\n\r\n`)
    await vi.waitFor(() => expect(text).toMatch(/^HTTP\/1\.1 413 /), soon)
    expect(text).toContain("-31004")
  })

  it.each<[string, string, number]>([
    ["no JSON", "{", -32700],
    ["nothing", "", -32700],
    ["a text", '"hello"', -32600],
    ["a number", "7", -32600],
    ["null", "null", -32600],
    ["an empty batch", "[]", -32600],
    ["no JSON-RPC", '{"id":1,"method":"ping"}', -32600],
    ["version 1", '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
    ["neither method nor answer", '{"jsonrpc":"2.0","id":1}', -32600],
    ["a method that is no text", '{"jsonrpc":"2.0","id":1,"method":7}', -32600],
    ["a batch with one that is none", '[{"jsonrpc":"2.0","id":1,"method":"ping"},7]', -32600],
    ["a method twice", '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', -32600],
    ["a name twice", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}', -32600],
    ["trailing text", '{"jsonrpc":"2.0","id":1,"method":"ping"} x', -32700],
  ])("that are %s answer 400", async (_what, body, code) => {
    const { url } = await startRig({ servers: [] })
    const answer = await send(url, { body })
    expect(answer).toMatchObject({ status: 400, json: { jsonrpc: "2.0", id: null, error: { code } } })
  })

  it("nest 128 levels and no more", async () => {
    const { url } = await startRig({ servers: [] })
    const nested = (depth: number): string =>
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${"[".repeat(depth - 2)}${"]".repeat(depth - 2)}}}`
    const deep = await send(url, { body: nested(129) })
    expect(deep).toMatchObject({
      status: 400,
      json: { error: { code: -31004, data: { sent: "no", retryable: false } } },
    })
    expect((await send(url, { body: nested(128) })).json).toMatchObject({ error: { code: -32600 } })
    expect((await send(url, { body: "[".repeat(3_000_000) })).json).toMatchObject({ error: { code: -31004 } })
    // Brackets in texts are no nesting.
    const text = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", params: { a: `"\\"${"[".repeat(500)}` } })
    expect((await send(url, { body: text })).json).toMatchObject({ error: { code: -32600 } })
  })
})

describe("addresses", () => {
  it.each(["0.0.0.0", "::", "192.168.1.1", "mcp.example.com"])(
    "beyond this machine (%s) need authentication",
    async (host) => {
      const { endpoint } = manifestOf({ http: { host } })
      await expect(startHttpEndpoint(createHost(), endpoint)).rejects.toMatchObject({
        code: "ENDPOINT_INSECURE",
        message: expect.stringContaining(host),
        help: expect.stringContaining("insecure: true"),
      })
    },
  )

  it("beyond this machine are listened on when something in front authenticates", async () => {
    const { base } = await startRig({
      servers: [],
      http: { host: "0.0.0.0", insecure: true, allowedHosts: ["mcp.lan"] },
    })
    const { port } = new URL(base)
    const status = async (host: string) =>
      (await send(`http://127.0.0.1:${port}/healthz`, { method: "GET", headers: { host } })).status
    expect(await status(`127.0.0.1:${port}`)).toBe(200)
    expect(await status("mcp.lan")).toBe(200)
    expect(await status("0.0.0.0")).toBe(403)
    expect(await status("evil.example")).toBe(403)
  })

  it("in use are named", async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    closers.push(() => new Promise((resolve) => other.close(resolve)))
    const { port } = other.address() as AddressInfo
    await expect(startHttpEndpoint(createHost(), manifestOf({ http: { port } }).endpoint)).rejects.toMatchObject({
      code: "ENDPOINT_PORT_IN_USE",
      message: expect.stringContaining(String(port)),
    })
  })

  it("that cannot be listened on are named", async () => {
    const http = { host: "192.0.2.1", insecure: true }
    await expect(startHttpEndpoint(createHost(), manifestOf({ http }).endpoint)).rejects.toMatchObject({
      code: "ENDPOINT_CANNOT_LISTEN",
    })
  })
})

describe("health and readiness", () => {
  it("tell that the process lives, and what its servers do", async () => {
    const { base } = await startRig({ servers: [local("main"), local("broken", "throws")] })
    expect(await send(`${base}/healthz`, { method: "GET" })).toMatchObject({ status: 200, json: { ok: true } })
    const ready = await send(`${base}/readyz`, { method: "GET" })
    expect(ready.status).toBe(200)
    expect(ready.json).toEqual({
      ready: true,
      servers: {
        main: {
          state: "ready",
          since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          counts: { tools: expect.any(Number), resources: 6, templates: 1, prompts: 1 },
        },
        broken: {
          state: "failed",
          since: expect.any(String),
          reason: expect.stringContaining("The database is locked"),
          counts: { tools: 0, resources: 0, templates: 0, prompts: 0 },
        },
      },
    })
    const head = await send(`${base}/readyz`, { method: "HEAD" })
    expect(head).toMatchObject({ status: 200, text: "" })
  })

  it("is 503 while a server starts, whoever needs it", async () => {
    const host = createHost({ servers: [local("main"), rawServer("slow", { never: true })] })
    host.start()
    const { base } = await serve(host)
    const ready = await send(`${base}/readyz`, { method: "GET" })
    expect(ready).toMatchObject({ status: 503, json: { ready: false, servers: { slow: { state: "starting" } } } })
    expect((await send(`${base}/healthz`, { method: "GET" })).status).toBe(200)
  })

  it("is 503 for good without a required server", async () => {
    const { base } = await startRig({ servers: [local("main"), local("broken", "throws", { required: true })] })
    expect(await send(`${base}/readyz`, { method: "GET" })).toMatchObject({
      status: 503,
      json: { ready: false, servers: { main: { state: "ready" }, broken: { state: "failed" } } },
    })
  })
})

describe("eras", () => {
  it("[legacy] refuses the other as a legacy server would, so that clients of both fall back", async () => {
    const { url } = await startRig({ endpoint: { eras: ["legacy"] } })
    const answer = await send(url, modern("server/discover"))
    expect(answer.status).toBe(400)
    expect(answer.json).toMatchObject({ id: 1, error: { code: expect.any(Number) } })
    // A "recognized modern error" would say that this server is modern (2026-07-28, streamable-http, "Backward Compatibility").
    const { code } = answer.json["error"] as { code: number }
    expect([-32020, -32021, -32022]).not.toContain(code)
    expect((await send(url, { body: initialize() })).status).toBe(200)
  })

  it("[modern] names its versions to a legacy client, and has no GET or DELETE", async () => {
    const { url } = await startRig({ endpoint: { eras: ["modern"] } })
    const answer = await send(url, { body: initialize() })
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.json)).toContain("2026-07-28")
    expect(answer.headers).not.toHaveProperty("mcp-session-id")
    for (const method of ["GET", "DELETE"]) {
      const { status, headers } = await send(url, { method })
      expect({ method, status, allow: headers.allow }).toEqual({ method, status: 405, allow: "POST" })
    }
    expect((await send(url, modern("tools/list"))).status).toBe(200)
  })
})

describe("draining", () => {
  const hang = [rawServer("raw")]
  const drain = { endpoint: { drainMs: 300 } }

  it("lets calls in flight end, and closes", async () => {
    const { url, endpoint } = await startRig({ endpoint: { drainMs: 30_000 } })
    const session = await openSession(url)
    const slow = session.send(toolCall(1, "main_slow", { ms: 400 }))
    const other = send(url, modern("tools/call", { name: "main_slow", arguments: { ms: 400 } }))
    await session.send(request(2, "ping"))
    await endpoint.close()
    expect((await slow).json).toMatchObject({ id: 1, result: { content: [{ text: "slept 400" }] } })
    expect((await other).json).toMatchObject({ id: 1, result: { content: [{ text: "slept 400" }] } })
    await expect(send(url, { body: initialize() })).rejects.toThrow(/ECONNREFUSED/)
  })

  it("answers what does not end with -31007, closes streams and sessions", async () => {
    const { url, endpoint } = await startRig({ servers: hang, ...drain })
    const session = await openSession(url)
    const events = await session.stream()
    const [legacyCall, modernCall, listening] = [
      session.send(toolCall("l", "raw_do_hang")),
      send(url, modern("tools/call", { name: "raw_do_hang" }, { id: "m" })),
      await stream(url, modern("subscriptions/listen", { notifications: { toolsListChanged: true } }, { id: "s" })),
    ]
    await listening.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    await session.send(request(2, "ping"))
    const closing = endpoint.close()
    // The end of a subscription is a result, at once.
    await listening.find(({ id }) => id === "s")
    expect(listening.messages.at(-1)).toMatchObject({ id: "s", result: { resultType: "complete" } })
    expect((await legacyCall).json).toMatchObject({
      id: "l",
      error: { code: -31007, data: { sent: "maybe", retryable: true } },
    })
    expect((await modernCall).json).toMatchObject({ id: "m", error: { code: -31007 } })
    await closing
    await events.end()
    await endpoint.close()
  })

  it("refuses what is new: 503 without a session, -31007 within one", async () => {
    const { url, base, endpoint } = await startRig({ servers: hang, endpoint: { drainMs: 60_000 } })
    const session = await openSession(url)
    const hanging = session.send(toolCall(1, "raw_do_hang"))
    await session.send(request(2, "ping"))
    const closing = endpoint.close()
    expect(await send(url, { body: initialize() })).toMatchObject({ status: 503, json: { error: { code: -31007 } } })
    expect(await send(url, modern("tools/list"))).toMatchObject({ status: 503, json: { error: { code: -31007 } } })
    expect(await session.send(request(3, "tools/list"))).toMatchObject({
      json: { id: 3, error: { code: -31007, data: { sent: "no", retryable: true } } },
    })
    expect(await send(`${base}/readyz`, { method: "GET" })).toMatchObject({ status: 503 })
    endpoint.hurry()
    expect((await hanging).json).toMatchObject({ error: { code: -31007 } })
    await closing
  })

  it("takes answers to questions on open sessions", async () => {
    const { url, endpoint } = await startRig({ servers: hang, endpoint: { drainMs: 60_000 } })
    const session = await openSession(url, { capabilities: { roots: {} } })
    const call = await session.stream(toolCall(1, "raw_do_ask", { method: "roots/list" }))
    const question = await call.find(({ method }) => method === "roots/list")
    const closing = endpoint.close()
    await session.send({ jsonrpc: "2.0", id: question["id"], result: { roots: [] } })
    await call.end()
    expect(call.messages.at(-1)).toMatchObject({ id: 1, result: { structuredContent: { result: { roots: [] } } } })
    await closing
  })

  it("ends at once when hurried, with a batch in flight too", async () => {
    const { url, endpoint } = await startRig({ servers: hang, endpoint: { drainMs: 60_000 } })
    const session = await openSession(url, { protocolVersion: "2025-03-26" })
    const batch = session.send([toolCall(1, "raw_do_hang"), request(2, "ping")])
    await session.send(request(3, "ping"))
    const closing = endpoint.close()
    endpoint.hurry()
    await closing
    const answer = await batch
    expect(JSON.parse(answer.text)).toMatchObject(
      expect.arrayContaining([
        { jsonrpc: "2.0", id: 2, result: {} },
        expect.objectContaining({ id: 1, error: expect.objectContaining({ code: -31007 }) }),
      ]),
    )
  })
})
