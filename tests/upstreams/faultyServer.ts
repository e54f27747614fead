/** An HTTP server of either generation whose answers a test spoils one by one; it can be stopped and started again. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, McpResult } from "../../src/protocol/messages.ts"
import { closers } from "../fixtures/harness.ts"
import { type ContextOptions, createClient, createContext } from "../wire/support.ts"
import { create, entryOf, httpTarget, ready, type TestUpstream } from "./support.ts"

export interface Received {
  readonly http: string
  /** Of the message; undefined for a GET or DELETE. */
  readonly method: string | undefined
  readonly message: JsonObject
  readonly session: string | undefined
  readonly headers: IncomingMessage["headers"]
}

/** Answers in the server's place. */
export type Fault = (response: ServerResponse, received: Received, request: IncomingMessage) => void

export interface FaultyOptions {
  readonly era?: "legacy" | "modern"
  /** False for a legacy server without sessions and without a GET stream. */
  readonly sessions?: boolean
  readonly capabilities?: JsonObject
  readonly tls?: { readonly key: string; readonly cert: string }
  /** How it refuses a session it does not know; 404 unless given. */
  readonly unknownSession?: Fault
}

export const allCapabilities: JsonObject = {
  tools: { listChanged: true },
  resources: { subscribe: true },
  prompts: {},
  logging: {},
  completions: {},
}

export class FaultyServer {
  readonly received: Received[] = []
  /** Sessions that are known. */
  readonly sessions = new Map<string, { level?: string; readonly subscribed: Set<string> }>()
  readonly tools: JsonObject[] = [{ name: "echo", inputSchema: { type: "object" } }]
  capabilities: JsonObject
  /** Forgets every session as soon as it has opened it. */
  forgetful = false
  readonly #options: FaultyOptions
  readonly #executed: string[] = []
  readonly #streams = new Set<ServerResponse>()
  readonly #faults: { readonly method: string; readonly fault: Fault }[] = []
  #server: Server | undefined
  #minted = 0
  #port = 0

  constructor(options: FaultyOptions) {
    this.#options = options
    this.capabilities = options.capabilities ?? allCapabilities
  }

  get origin(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${this.#port}`
  }

  get url(): string {
    return `${this.origin}/mcp`
  }

  /** How many messages of a method came. */
  count(method: string): number {
    return this.received.filter((each) => each.method === method).length
  }

  /** How many requests of a method were executed. */
  executed(method: string): number {
    return this.#executed.filter((each) => each === method).length
  }

  /** Forgets all sessions and breaks off their streams. */
  forget(): void {
    this.sessions.clear()
    for (const stream of this.#streams) stream.destroy()
  }

  /** Spoils the next answers to a method (or to `GET`). */
  spoil(method: string, fault: Fault, times = 1): void {
    for (let time = 0; time < times; time += 1) this.#faults.push({ method, fault })
  }

  /** Begins to listen, at the same port as before. */
  async start(): Promise<void> {
    const listener = (request: IncomingMessage, response: ServerResponse): void => void this.#take(request, response)
    const { tls } = this.#options
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(this.#port, "127.0.0.1", resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Ends like a process: connections break, sessions are forgotten. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.sessions.clear()
    server?.closeAllConnections()
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const text = Buffer.concat(chunks).toString("utf8")
    const message = text === "" ? {} : (JSON.parse(text) as JsonObject)
    const session = request.headers["mcp-session-id"] as string | undefined
    const method = message["method"] as string | undefined
    const received = { http: request.method ?? "", method, message, session, headers: request.headers }
    this.received.push(received)
    const at = this.#faults.findIndex((each) => each.method === (method ?? request.method))
    if (at !== -1) return this.#faults.splice(at, 1)[0]?.fault(response, received, request)
    if (session !== undefined && !this.sessions.has(session)) {
      return (this.#options.unknownSession ?? unknownSession)(response, received, request)
    }
    if (request.method === "GET" && session !== undefined) {
      this.#streams.add(response)
      return void response.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n")
    }
    if (request.method !== "POST") return void response.writeHead(405).end()
    if (message["id"] === undefined || method === undefined) return void response.writeHead(202).end()
    this.#answer(response, received)
  }

  #answer(response: ServerResponse, { method, message, session }: Received): void {
    const legacy = this.#options.era !== "modern"
    this.#executed.push(method ?? "")
    if (legacy ? method === "server/discover" : method === "initialize") {
      return json(response, { id: message["id"] ?? null, error: { code: -32601, message: "Method not found" } })
    }
    if (method === "initialize" && this.#options.sessions !== false) {
      const id = `session-${++this.#minted}`
      if (!this.forgetful) this.sessions.set(id, { subscribed: new Set() })
      response.setHeader("mcp-session-id", id)
    }
    if (method === "subscriptions/listen") {
      return void response.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n")
    }
    json(response, { id: message["id"] ?? null, result: this.#result(method, message, session) })
  }

  #result(method: string | undefined, { params = {} }: JsonObject, session: string | undefined): JsonObject {
    const known = this.sessions.get(session ?? "")
    const { uri, level } = params as JsonObject
    if (method === "logging/setLevel" && known !== undefined) known.level = String(level)
    if (method === "resources/subscribe") known?.subscribed.add(String(uri))
    if (method === "resources/unsubscribe") known?.subscribed.delete(String(uri))
    const { capabilities } = this
    const results: Readonly<Record<string, JsonObject>> = {
      initialize: { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "faulty", version: "1" } },
      "server/discover": { supportedVersions: ["2026-07-28"], capabilities },
      "tools/list": { tools: this.tools },
      "tools/call": { content: [{ type: "text", text: "hi" }] },
      "resources/list": { resources: [{ uri: "test://a", name: "a" }] },
      "resources/templates/list": { resourceTemplates: [] },
      "resources/read": { contents: [{ uri: "test://a", text: "a" }] },
      "prompts/list": { prompts: [{ name: "greet" }] },
      "prompts/get": { messages: [] },
      "completion/complete": { completion: { values: ["a"] } },
    }
    const legacy = this.#options.era !== "modern"
    return { ...results[method ?? ""], ...(!legacy && { resultType: "complete" }) }
  }
}

export async function startFaulty(options: FaultyOptions = {}): Promise<FaultyServer> {
  const server = new FaultyServer(options)
  await server.start()
  closers.push(() => server.stop())
  return server
}

const timeouts = { startMs: 20_000, listMs: 10_000, callMs: 20_000, totalMs: 40_000 }

export interface OpenFaulty extends TestUpstream {
  readonly server: FaultyServer
  readonly client: Client
  send(method: string, params?: JsonObject, options?: ContextOptions): Promise<McpResult>
}

/** A faulty server and a client that uses it; `prepare` spoils what opening it takes. */
export async function openFaulty(
  options: FaultyOptions = {},
  limits: Partial<typeof timeouts> = {},
  prepare: (server: FaultyServer) => void = () => undefined,
): Promise<OpenFaulty> {
  const server = await startFaulty(options)
  prepare(server)
  const client = createClient({ era: options.era ?? "legacy" })
  const headers = { authorization: `Bearer ${credential}` }
  const test = create(entryOf(httpTarget(server.url, { headers }), { timeouts: { ...timeouts, ...limits } }))
  await ready(test.upstream, client)
  await test.upstream.prepare(client)
  const send: OpenFaulty["send"] = (method, params = {}, context = {}) =>
    test.upstream.handle({ method, params }, createContext({ client, ...context }))
  return { ...test, server, client, send }
}

/** What the host sends to the server and must not show. */
export const credential = "s3cret-t0ken"

export function json(response: ServerResponse, message: JsonObject, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify({ jsonrpc: "2.0", ...message }))
}

export function events(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { "content-type": "text/event-stream" })
}

export const reset: Fault = (_response, _received, request) => void request.socket.resetAndDestroy()

export const unknownSession: Fault = (response) =>
  json(response, { id: null, error: { code: -32001, message: "Session not found" } }, 404)
