/** A host with fixture packages behind an endpoint, and HTTP as bytes, without an SDK. Everything closes with `closeAll`. */
import { request as httpRequest, type IncomingMessage } from "node:http"
import path from "node:path"
import { pino } from "pino"
import { vi } from "vitest"
import { type HttpEndpoint, startHttpEndpoint } from "../../src/endpoints/http/httpEndpoint.ts"
import type { Served } from "../../src/endpoints/served.ts"
import { Host } from "../../src/host/host.ts"
import type {
  EndpointSection,
  HostSection,
  HttpSection,
  Manifest,
  ProfileEntry,
  ServerEntry,
} from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closers } from "../fixtures/harness.ts"
import { type EntryOptions, entryOf, fixtures, packageTarget, soon } from "../upstreams/support.ts"

const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")

/** An in-process server of the fixtures under a key; its rules follow the key. */
export function local(key: string, name = "v2-mcp", options: EntryOptions = {}): ServerEntry {
  return entryOf(packageTarget(name), { key, ...options })
}

/** The raw server, listing what it is told to. */
export function rawServer(key: string, config: JsonObject = {}, options: EntryOptions = {}): ServerEntry {
  return entryOf(packageTarget(raw), { key, config, ...options })
}

export interface RigOptions {
  readonly servers?: readonly ServerEntry[]
  readonly profiles?: readonly ProfileEntry[]
  readonly host?: Partial<HostSection>
  readonly endpoint?: Partial<Omit<EndpointSection, "http">>
  readonly http?: Partial<HttpSection>
  readonly security?: Manifest["security"]
  readonly middleware?: Manifest["middleware"]
}

export function manifestOf({
  servers = [local("main")],
  profiles = [],
  host,
  endpoint,
  http,
  security = { lock: "off" },
  middleware = [],
}: RigOptions = {}): Manifest {
  return {
    file: path.join(fixtures, "mcp-host.yaml"),
    directory: fixtures,
    host: { name: "test-host", version: "1.2.3", collisions: "error", nameBudget: 60, ...host },
    endpoint: {
      drainMs: 2_000,
      eras: ["legacy", "modern"],
      http: {
        host: "127.0.0.1",
        port: 0,
        path: "/mcp",
        allowedHosts: [],
        allowedOrigins: [],
        insecure: false,
        maxConnections: 20_000,
        maxConnectionsPerAddress: 1_000,
        ...http,
      },
      ...endpoint,
    },
    storage: {},
    middleware,
    telemetry: { metrics: false },
    servers,
    profiles,
    security,
    secrets: [],
    warnings: [],
  }
}

export function createHost(options: RigOptions = {}): Host {
  const host = new Host({ manifest: manifestOf(options), log: pino({ level: "silent" }), version: "9.9.9" })
  closers.push(() => host.close())
  return host
}

export async function startHost(options: RigOptions = {}): Promise<Host> {
  const host = createHost(options)
  host.start()
  await host.settled()
  return host
}

export interface Rig<T = Host> {
  readonly host: T
  readonly endpoint: HttpEndpoint
  readonly url: string
  /** The address without the path. */
  readonly base: string
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  return serve(await startHost(options), options)
}

export async function serve<T extends Served>(host: T, options: RigOptions = {}): Promise<Rig<T>> {
  const endpoint = await startHttpEndpoint(host, manifestOf(options).endpoint)
  closers.push(async () => {
    endpoint.hurry()
    await endpoint.close()
  })
  return { host, endpoint, url: endpoint.url, base: new URL(endpoint.url).origin }
}

export interface RequestOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Sent as it is when it is text or bytes, else as JSON. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage["headers"]
  readonly text: string
  /** The body, when it is JSON. */
  readonly json: JsonObject
  /** The messages of the body, when it is an event stream. */
  readonly events: JsonObject[]
}

const jsonHeaders = { "content-type": "application/json", accept: "application/json, text/event-stream" }

function open(url: string, { method = "POST", headers = {}, body }: RequestOptions): Promise<IncomingMessage> {
  const given = Object.entries({ ...(body !== undefined && jsonHeaders), ...headers })
  const sent = Object.fromEntries(given.filter(([, value]) => value !== undefined))
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: sent, agent: false })
    request.once("response", (response) => {
      response.on("error", () => undefined)
      resolve(response)
    })
    request.once("error", reject)
    closers.push(() => request.destroy())
    request.end(
      body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    )
  })
}

export async function send(url: string, options: RequestOptions = {}): Promise<Answer> {
  const response = await open(url, options)
  let text = ""
  for await (const chunk of response.setEncoding("utf8")) text += chunk
  const isJson = String(response.headers["content-type"]).startsWith("application/json")
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson && text !== "" ? (JSON.parse(text) as JsonObject) : {},
    events: eventsOf(text),
  }
}

function eventsOf(text: string): JsonObject[] {
  return text
    .split("\n")
    .flatMap((line) => (line.startsWith("data: ") ? [JSON.parse(line.slice(6)) as JsonObject] : []))
}

export interface EventStream {
  readonly status: number
  readonly headers: IncomingMessage["headers"]
  /** What has arrived. */
  readonly messages: JsonObject[]
  readonly ended: boolean
  /** The first message that is like this one, once it is there. */
  find(test: (message: JsonObject) => boolean): Promise<JsonObject>
  end(): Promise<void>
  close(): void
}

export async function stream(url: string, options: RequestOptions): Promise<EventStream> {
  const response = await open(url, options)
  const messages: JsonObject[] = []
  let ended = false
  let text = ""
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
    const end = text.lastIndexOf("\n\n")
    if (end === -1) return
    messages.push(...eventsOf(text.slice(0, end)))
    text = text.slice(end + 2)
  })
  response.once("close", () => {
    ended = true
  })
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    messages,
    get ended() {
      return ended
    },
    find: (test) =>
      vi.waitFor(() => {
        const found = messages.find(test)
        if (found === undefined) throw new Error(`not among ${JSON.stringify(messages)}`)
        return found
      }, soon),
    end: () =>
      vi.waitFor(() => {
        if (!ended) throw new Error("the stream is still open")
      }, soon),
    close: () => void response.destroy(),
  }
}

export const initialize = (params: JsonObject = {}, id: number | string = 0): JsonObject => ({
  jsonrpc: "2.0",
  id,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "raw-client", version: "1.0.0" },
    ...params,
  },
})

export const request = (id: number | string, method: string, params: JsonObject = {}): JsonObject => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
})

export const toolCall = (id: number | string, name: string, args: JsonObject = {}): JsonObject =>
  request(id, "tools/call", { name, arguments: args })

export interface Session {
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
  readonly result: JsonObject
  send(body: unknown, headers?: Readonly<Record<string, string | undefined>>): Promise<Answer>
  stream(body?: unknown): Promise<EventStream>
}

/** Shakes hands as a legacy client. */
export async function openSession(url: string, params: JsonObject = {}): Promise<Session> {
  const answer = await send(url, { body: initialize(params) })
  const id = String(answer.headers["mcp-session-id"])
  const result = answer.json["result"] as JsonObject
  const headers = { "mcp-session-id": id, "mcp-protocol-version": String(result["protocolVersion"]) }
  await send(url, { headers, body: { jsonrpc: "2.0", method: "notifications/initialized" } })
  return {
    id,
    headers,
    result,
    send: (body, more = {}) => send(url, { headers: { ...headers, ...more }, body }),
    stream: (body) =>
      stream(url, {
        method: body === undefined ? "GET" : "POST",
        headers: body === undefined ? { ...headers, accept: "text/event-stream" } : headers,
        body,
      }),
  }
}

export const modernMeta = (more: JsonObject = {}): JsonObject => ({
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "raw-client", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
  ...more,
})

/** A modern request whose headers mirror it. */
export function modern(
  method: string,
  params: JsonObject = {},
  { id = 1, meta = {} }: { id?: number | string; meta?: JsonObject } = {},
): { readonly headers: Record<string, string | undefined>; readonly body: JsonObject } {
  const isTask = method.startsWith("tasks/")
  const name = method === "resources/read" ? params["uri"] : params[isTask ? "taskId" : "name"]
  const named = isTask || ["tools/call", "prompts/get", "resources/read"].includes(method)
  return {
    headers: {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(named && { "mcp-name": String(name) }),
    },
    body: { jsonrpc: "2.0", id, method, params: { ...params, _meta: modernMeta(meta) } },
  }
}
