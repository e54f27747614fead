/**
 * The HTTP endpoint: `/mcp` and `/mcp/<profile>` for both generations on `node:http` itself, `/healthz`, `/readyz` and
 * `/metrics`. Checks who may reach it, bounds what it reads, and drains before it closes. Called by `cli/run`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { HostError } from "../../errors.ts"
import type { EndpointSection } from "../../manifest/types.ts"
import { ProtocolError } from "../../protocol/errors.ts"
import type { JsonObject } from "../../protocol/json.ts"
import { objectAt } from "../../protocol/json.ts"
import { noMetrics } from "../../telemetry/noMetrics.ts"
import type { Exposition, Metrics } from "../../telemetry/types.ts"
import { claimedVersion, modernVersions } from "../../wire/eras/versions.ts"
import { drainingError } from "../draining.ts"
import { unsupportedVersion } from "../modernExchange.ts"
import { parseMessage } from "../parseMessage.ts"
import type { Served, ServedWithProfiles } from "../served.ts"
import { createAccess, isLoopback } from "./access.ts"
import { answerClientErrors } from "./clientErrors.ts"
import { limitConnections } from "./connections.ts"
import { LegacyRoutes } from "./legacyRoutes.ts"
import { addOpenings, answerMetrics, type Openings } from "./metricsRoute.ts"
import { ModernRoutes } from "./modernRoutes.ts"
import { refuse } from "./refuse.ts"
import { answering, readBody } from "./requestBody.ts"

/** Time for the head of a request, and for all of it, in milliseconds; and between two looks at who is late. */
const headersMs = 10_000
const bodyMs = 30_000
const checkMs = 1_000

export interface HttpEndpoint {
  /** Where clients connect, with the port the system chose if it did. */
  readonly url: string
  /** Stops taking connections, lets calls in flight end up to the drain time, answers the rest, and closes. */
  close(): Promise<void>
  /** Makes a pending `close` end at once. */
  hurry(): void
}

export interface HttpEndpointOptions {
  readonly metrics?: Metrics
  /** All metrics as they are now; without it, `/metrics` says how to turn them on. */
  readonly expose?: (() => Promise<Exposition>) | undefined
}

export async function startHttpEndpoint(
  served: ServedWithProfiles,
  section: EndpointSection,
  options: HttpEndpointOptions = {},
): Promise<HttpEndpoint> {
  const { http } = section
  if (!isLoopback(http.host) && !http.insecure) {
    throw new HostError(
      "ENDPOINT_INSECURE",
      `The endpoint would listen on ${http.host}, beyond this machine, without authentication`,
    )
  }
  const endpoint = new Endpoint(served, section, options)
  await endpoint.listen()
  return endpoint
}

/** What answers on one path. */
interface Routes {
  readonly legacy: LegacyRoutes
  readonly modern: ModernRoutes
}

class Endpoint implements HttpEndpoint {
  readonly #served: ServedWithProfiles
  readonly #section: EndpointSection
  readonly #server: Server
  readonly #refusal: (request: IncomingMessage) => string | undefined
  readonly #main: Routes
  /** Of the profiles that clients have asked for, by name. */
  readonly #profiles = new Map<string, Routes>()
  readonly #stopLimiting: () => void
  readonly #stopTelling: () => void
  readonly #expose: HttpEndpointOptions["expose"]
  #draining = false
  #closed: Promise<void> | undefined
  #hurried = false

  constructor(
    served: ServedWithProfiles,
    section: EndpointSection,
    { metrics = noMetrics, expose }: HttpEndpointOptions,
  ) {
    this.#served = served
    this.#section = section
    this.#refusal = createAccess({ ...section.http, publicUrl: section.http.publicUrl })
    this.#expose = expose
    this.#main = this.#routesOf(served)
    this.#stopTelling = addOpenings(metrics, () => this.#all.map(openingsOf))
    this.#server = createServer(
      {
        headersTimeout: headersMs,
        requestTimeout: bodyMs,
        connectionsCheckingInterval: checkMs,
        keepAliveTimeout: 65_000,
      },
      (request, response) => answering(response, () => this.#route(request, response)),
    )
    answerClientErrors(this.#server)
    const { maxConnections, maxConnectionsPerAddress } = section.http
    this.#stopLimiting = limitConnections(this.#server, {
      total: maxConnections,
      perAddress: maxConnectionsPerAddress,
      isShared: (address) => isLoopback(address.replace(/^::ffff:/, "")),
    })
  }

  get url(): string {
    const { host, path } = this.#section.http
    const { port } = this.#server.address() as AddressInfo
    return `http://${host.includes(":") ? `[${host}]` : host}:${port}${path}`
  }

  async listen(): Promise<void> {
    const { host, port } = this.#section.http
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)))
      this.#server.listen(port, host, resolve)
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#draining = true
    // Still listening: who connects now is told that the host is shutting down.
    for (const { modern } of this.#all) modern.endSubscriptions()
    // Their results leave before what is still in flight is answered with an error.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#drained()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const routes of this.#all) end(routes)
    this.#server.closeIdleConnections()
    // Answers on their way have a moment to leave; a client that does not take them is cut off.
    const cut = setTimeout(() => this.#server.closeAllConnections(), 500)
    await closed
    clearTimeout(cut)
    this.#stopLimiting()
    this.#stopTelling()
  }

  hurry(): void {
    this.#hurried = true
  }

  async #drained(): Promise<void> {
    const until = performance.now() + this.#section.drainMs
    while (
      !this.#hurried &&
      this.#all.some(({ legacy, modern }) => legacy.busy || modern.busy) &&
      performance.now() < until
    ) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusal(request)
    if (refusal !== undefined) return refuse(response, 403, refusal)
    const { url = "/" } = request
    const { path: own } = this.#section.http
    if (url === own) return this.#mcp(request, response, this.#main)
    const path = pathOf(url)
    if (path === own) return this.#mcp(request, response, this.#main)
    if (path === "/healthz") return this.#only(request, response, "GET, HEAD", () => json(response, 200, { ok: true }))
    if (path === "/readyz") {
      return this.#only(request, response, "GET, HEAD", () => {
        const readiness = this.#served.readiness()
        json(response, readiness.ready && !this.#draining ? 200 : 503, readiness)
      })
    }
    if (path === "/metrics")
      return this.#only(request, response, "GET, HEAD", () =>
        answering(response, () => answerMetrics(response, this.#expose)),
      )
    const routes = this.#profileAt(path)
    if (routes !== undefined) return this.#mcp(request, response, routes)
    refuse(response, 404, `Nothing is served at ${path}; the endpoint is ${own}`)
  }

  #only(request: IncomingMessage, response: ServerResponse, allow: string, serve: () => void): void {
    if (allow.split(", ").includes(request.method ?? "")) return serve()
    response.setHeader("allow", allow)
    refuse(response, 405, `Method ${request.method} not allowed; allowed are ${allow}`)
  }

  get #all(): Routes[] {
    return [this.#main, ...this.#profiles.values()]
  }

  #routesOf(served: Served): Routes {
    return { legacy: new LegacyRoutes(served), modern: new ModernRoutes(served, this.#section.eras) }
  }

  /** What serves the profile whose name follows the path of the endpoint. One that is no more ends with its sessions. */
  #profileAt(path: string): Routes | undefined {
    const base = this.#section.http.path.replace(/\/$/, "")
    if (!path.startsWith(`${base}/`)) return undefined
    const name = path.slice(base.length + 1)
    const served = this.#served.profile?.(name)
    const known = this.#profiles.get(name)
    if (served === undefined) {
      if (known !== undefined && this.#profiles.delete(name)) end(known)
      return undefined
    }
    const routes = known ?? this.#routesOf(served)
    this.#profiles.set(name, routes)
    return routes
  }

  #mcp(request: IncomingMessage, response: ServerResponse, routes: Routes): void {
    const legacy = this.#section.eras.includes("legacy")
    const known = request.method === "POST" || (legacy && (request.method === "GET" || request.method === "DELETE"))
    if (!known) {
      response.setHeader("allow", legacy ? "POST, GET, DELETE" : "POST")
      return refuse(response, 405, `Method ${request.method} not allowed`)
    }
    const inSession = request.headers["mcp-session-id"] !== undefined
    if (this.#draining && !inSession) return refuse(response, 503, drainingError("no"))
    if (request.method === "GET") return routes.legacy.get(request, response)
    if (request.method === "DELETE") return routes.legacy.delete(request, response)
    readBody(request, response, (text) => this.#post(request, response, { text, routes }))
  }

  #post(
    request: IncomingMessage,
    response: ServerResponse,
    { text, routes: { legacy, modern } }: { readonly text: string; readonly routes: Routes },
  ): Promise<void> | undefined {
    let body: JsonObject | JsonObject[]
    try {
      body = parseMessage(text)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return void refuse(response, 400, error)
    }
    const id = Array.isArray(body) ? null : (body["id"] ?? null)
    // Answers to questions still count while the host drains; new requests do not.
    if (this.#draining && (Array.isArray(body) || "method" in body))
      return void refuse(response, 200, drainingError("no"), id)
    const { eras } = this.#section
    if (!Array.isArray(body) && eras.includes("modern") && isModern(request, body))
      return modern.post(request, response, body)
    // A client of both generations takes only the error of a legacy server for a sign to fall back.
    if (eras.includes("legacy")) return legacy.post(request, response, body)
    refuse(response, 400, unsupportedVersion(Array.isArray(body) ? {} : (objectAt(body, "params") ?? {})), id)
    return undefined
  }
}

function openingsOf({ legacy, modern }: Routes): Openings {
  return { sessions: legacy.sessions, streams: legacy.streams, subscriptions: modern.subscriptions }
}

function end({ legacy, modern }: Routes): void {
  legacy.close()
  modern.close()
}

/** The path of a request target, which need not be a URL at all. */
function pathOf(target: string): string {
  return URL.canParse(target, "http://host") ? new URL(target, "http://host").pathname : target
}

/** The generation of a request: the envelope decides, then the header; `initialize` and sessions are legacy. */
function isModern(request: IncomingMessage, body: JsonObject): boolean {
  if (claimedVersion(objectAt(body, "params") ?? {}) !== undefined) return true
  if (body["method"] === "initialize" || request.headers["mcp-session-id"] !== undefined) return false
  const version = request.headers["mcp-protocol-version"]
  return body["method"] === "server/discover" || (typeof version === "string" && modernVersions.includes(version))
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`, "utf8")
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body)
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): HostError {
  if (error.code === "EADDRINUSE") {
    return new HostError("ENDPOINT_PORT_IN_USE", `Port ${port} on ${host} is in use by another process`, {
      cause: error,
    })
  }
  return new HostError("ENDPOINT_CANNOT_LISTEN", `Cannot listen on ${host}:${port}: ${error.message}`, { cause: error })
}
