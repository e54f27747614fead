/**
 * The conformance server over HTTP: legacy with sessions, modern with a server for each request, or both at one address.
 * A server of one generation treats messages of the other as that generation's servers do.
 */
import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isInitializeRequest,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server"
import type { Changes } from "./changes.ts"
import { createConformanceServer } from "./createConformanceServer.ts"

export type Eras = "legacy" | "modern" | "both"

type Serve = (request: Request) => Promise<Response>

/** Returns the URL it serves at. The process's end is its end. */
export async function serveHttp(eras: Eras, changes: Changes, port = 0): Promise<string> {
  const serve = handlerOf(eras, changes)
  const server = createServer((req, res) => {
    answer(serve, req, res).catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
      if (res.headersSent) res.destroy()
      else res.writeHead(500).end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  // A TCP server's address is an object.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

function handlerOf(eras: Eras, changes: Changes): Serve {
  if (eras === "legacy") return createLegacyHandler(changes)
  if (eras === "modern") return createModernHandler(changes)
  const [legacy, modern] = [createLegacyHandler(changes), createModernHandler(changes)]
  return async (request) => ((await isLegacyRequest(request.clone())) ? legacy(request) : modern(request))
}

function createModernHandler(changes: Changes): Serve {
  // A server for one request has no stream of its own for changes: they go through the handler's.
  const silent: Changes = { ...changes, subscribe: () => () => undefined }
  const handler = createMcpHandler(() => createConformanceServer(silent), { legacy: "reject" })
  changes.subscribe((list) => {
    if (list === "tools") handler.notify.toolsChanged()
    else handler.notify.promptsChanged()
  })
  return (request) => handler.fetch(request)
}

function createLegacyHandler(changes: Changes): Serve {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const open = async (): Promise<WebStandardStreamableHTTPServerTransport> => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        sessions.set(id, transport)
      },
      onsessionclosed: (id) => {
        sessions.delete(id)
      },
    })
    await createConformanceServer(changes).connect(transport)
    return transport
  }
  return async (request) => {
    const id = request.headers.get("mcp-session-id")
    const known = id === null ? undefined : sessions.get(id)
    if (known !== undefined) return known.handleRequest(request)
    if (id !== null) return refuse(404, "Session not found")
    if (request.method !== "POST" || !(await isOpening(request))) return refuse(400, "No session id")
    return (await open()).handleRequest(request)
  }
}

async function isOpening(request: Request): Promise<boolean> {
  const body: unknown = await request
    .clone()
    .json()
    .catch(() => undefined)
  return isInitializeRequest(body)
}

function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }, { status })
}

async function answer(serve: Serve, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const request = await toRequest(req, res)
  const response =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins()) ??
    (await serve(request))
  res.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body === null) return void res.end()
  res.flushHeaders()
  // A client that goes away ends the stream early, which is no failure.
  await pipeline(Readable.fromWeb(response.body), res).catch(() => undefined)
}

async function toRequest(req: IncomingMessage, res: ServerResponse): Promise<Request> {
  const gone = new AbortController()
  res.once("close", () => gone.abort())
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return new Request(`http://${req.headers.host}${req.url}`, {
    method: req.method ?? "GET",
    headers: Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
    signal: gone.signal,
    ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
  })
}
