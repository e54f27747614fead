/**
 * `/mcp` for clients of the legacy generation: sessions by `Mcp-Session-Id`, one GET stream each for what belongs to no
 * request, DELETE to end (specification 2025-11-25, basic/transports, "Streamable HTTP").
 */
import { randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { ProtocolError, rpcCodes } from "../../protocol/errors.ts"
import { InFlight } from "../../protocol/inFlight.ts"
import { type JsonObject, objectAt } from "../../protocol/json.ts"
import type { RequestId } from "../../protocol/messages.ts"
import { legacyVersions } from "../../wire/eras/versions.ts"
import { drainingError } from "../draining.ts"
import { busy, LegacySession } from "../legacySession.ts"
import type { Served } from "../served.ts"
import { refuse } from "./refuse.ts"
import { Reply } from "./reply.ts"

/** A session nobody uses and no stream belongs to is forgotten after this time, in milliseconds. */
const idleMs = 24 * 3_600_000
const maxSessions = 20_000
/** Of what the clients of all sessions declare of themselves, in characters of its JSON: anybody may declare anything. */
const maxDeclaredChars = 16 * 1024 * 1024
/** What the official SDKs say, and their clients know. */
const sessionNotFound = -32001
const notAcceptable = "Not acceptable: accept application/json and text/event-stream"

/** Where what belongs to one request goes. */
type Target = Pick<Reply, "message" | "answer" | "answerBytes" | "end">

interface HttpSession {
  readonly id: string
  /** Go with every answer. */
  readonly headers: readonly string[]
  readonly session: LegacySession
  readonly replies: InFlight<RequestId, Target>
  stream: Reply | undefined
  lastUsed: number
  /** How much the client declares, in characters of its JSON. */
  readonly declared: number
}

export class LegacyRoutes {
  readonly #served: Served
  readonly #sessions = new Map<string, HttpSession>()
  readonly #sweeper: NodeJS.Timeout
  #declared = 0

  constructor(served: Served) {
    this.#served = served
    this.#sweeper = setInterval(() => this.#sweep(), 60_000).unref()
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Streams for what belongs to no request. */
  get streams(): number {
    let count = 0
    for (const { stream } of this.#sessions.values()) if (stream !== undefined) count += 1
    return count
  }

  get busy(): boolean {
    return [...this.#sessions.values()].some(({ session }) => session.busy)
  }

  post(request: IncomingMessage, response: ServerResponse, body: JsonObject | JsonObject[]): Promise<void> | undefined {
    if (Array.isArray(body)) return this.#postBatch(request, response, body)
    const isRequest = "id" in body && "method" in body
    const opening = isRequest && body["method"] === "initialize"
    const http = opening ? this.#open(response, body) : this.#find(request, response, body)
    if (http === undefined) return undefined
    http.lastUsed = performance.now()
    if (!isRequest) {
      void http.session.receive(body)
      return void response.writeHead(202).end()
    }
    const reply = new Reply(response, request.headers.accept ?? "", http.headers)
    if (reply.acceptable) return this.#single(http, reply, body)
    if (opening) this.#drop(http)
    return void refuse(response, 406, notAcceptable)
  }

  #postBatch(request: IncomingMessage, response: ServerResponse, messages: JsonObject[]): Promise<void> | undefined {
    const http = this.#find(request, response, undefined)
    if (http === undefined) return undefined
    if (http.session.protocolVersion !== "2025-03-26") {
      return void refuse(response, 400, "Batches exist in protocol version 2025-03-26 only")
    }
    http.lastUsed = performance.now()
    const reply = new Reply(response, request.headers.accept ?? "", http.headers)
    if (!messages.some((message) => "id" in message && "method" in message)) {
      for (const message of messages) void http.session.receive(message)
      return void response.writeHead(202).end()
    }
    if (!reply.acceptable) return void refuse(response, 406, notAcceptable)
    return this.#batch(http, reply, messages)
  }

  /** The stream for what belongs to no request; a second one does not replace the first. */
  get(request: IncomingMessage, response: ServerResponse): void {
    const http = this.#find(request, response, undefined)
    if (http === undefined) return
    if (http.stream !== undefined) return refuse(response, 409, "The session has an event stream already")
    const stream = new Reply(response, "text/event-stream", http.headers)
    stream.openStream()
    http.stream = stream
    response.once("close", () => {
      http.stream = undefined
      http.lastUsed = performance.now()
    })
  }

  delete(request: IncomingMessage, response: ServerResponse): void {
    const http = this.#find(request, response, undefined)
    if (http === undefined) return
    this.#drop(http)
    response.writeHead(200).end()
  }

  /** Answers what is still in flight with `error` and ends every session. */
  close(): void {
    clearInterval(this.#sweeper)
    for (const http of [...this.#sessions.values()]) this.#drop(http, drainingError("maybe"))
  }

  async #single(http: HttpSession, reply: Reply, message: JsonObject): Promise<void> {
    const id = message["id"] as RequestId
    if (http.replies.has(id)) return reply.answer(duplicate(id))
    http.replies.set(id, reply)
    const answered = await http.session.receive(message)
    http.replies.delete(id)
    if (!answered) reply.end()
    // A handshake that failed leaves no session behind.
    if (http.session.client === undefined) this.#drop(http)
  }

  /** A batch is answered as one array, once its last request is. */
  async #batch(http: HttpSession, reply: Reply, messages: readonly JsonObject[]): Promise<void> {
    const answers: JsonObject[] = []
    const collect: Target = {
      message: (message) => reply.message(message),
      answer: (message) => void answers.push(message),
      answerBytes: (id, result) => void answers.push({ jsonrpc: "2.0", id, result: result.value }),
      end: () => undefined,
    }
    await Promise.all(
      messages.map(async (message) => {
        const id = message["id"] as RequestId
        if (!("method" in message && "id" in message)) return void (await http.session.receive(message))
        if (http.replies.has(id)) return void answers.push(duplicate(id))
        http.replies.set(id, collect)
        await http.session.receive(message)
        http.replies.delete(id)
      }),
    )
    if (answers.length === 0) return reply.end()
    // The envelope of a batch is an array, which no other message is.
    reply.answer(answers as unknown as JsonObject)
  }

  #open(response: ServerResponse, message: JsonObject): HttpSession | undefined {
    const declared = charsDeclared(objectAt(message, "params") ?? {})
    if (!this.#makeRoom(declared)) {
      const reason = "there is no room for one more session beside those in use"
      return void refuse(response, 503, busy(reason), message["id"])
    }
    const id = randomUUID()
    const session = new LegacySession({
      key: id,
      principal: { id: "anonymous" },
      served: this.#served,
      send: (message, related) => this.#send(http, message, related),
      sendResult: (requestId, result) => http.replies.get(requestId)?.answerBytes(requestId, result),
    })
    const headers = ["mcp-session-id", id]
    const http: HttpSession = {
      id,
      headers,
      session,
      replies: new InFlight(),
      stream: undefined,
      lastUsed: performance.now(),
      declared,
    }
    this.#sessions.set(id, http)
    this.#declared += declared
    return http
  }

  /** True when there is a stream to hear it on. */
  #send(http: HttpSession, message: JsonObject, related: RequestId | undefined): boolean {
    const own = related === undefined ? undefined : http.replies.get(related)
    if (own !== undefined && !("method" in message)) {
      own.answer(message)
      return true
    }
    // A question may go where the client hears it at all; what tells of a request belongs on the request's own stream.
    if (own !== undefined && (own.message(message) || !("id" in message))) return true
    // What belongs to no request goes to the session's stream, or else to any request that is being answered.
    if (http.stream?.message(message) === true) return true
    return http.replies.values().some((reply) => reply.message(message))
  }

  #find(
    request: IncomingMessage,
    response: ServerResponse,
    body: JsonObject | JsonObject[] | undefined,
  ): HttpSession | undefined {
    const id = request.headers["mcp-session-id"]
    const version = request.headers["mcp-protocol-version"]
    const requestId = body !== undefined && !Array.isArray(body) ? (body["id"] ?? null) : null
    if (typeof id !== "string") {
      refuse(response, 400, "The Mcp-Session-Id header is missing; the first request is initialize", requestId)
      return undefined
    }
    const http = this.#sessions.get(id)
    if (http === undefined) {
      refuse(response, 404, new ProtocolError(sessionNotFound, "Session not found; initialize again"), requestId)
      return undefined
    }
    if (typeof version === "string" && !legacyVersions.includes(version)) {
      refuse(
        response,
        400,
        `Unsupported MCP-Protocol-Version ${version}; known are ${legacyVersions.join(", ")}`,
        requestId,
      )
      return undefined
    }
    return http
  }

  #drop(http: HttpSession, error?: ProtocolError): void {
    if (this.#sessions.delete(http.id)) this.#declared -= http.declared
    http.session.close(error)
    http.stream?.end()
    for (const reply of http.replies.values()) reply.end()
  }

  #sweep(): void {
    const oldest = performance.now() - idleMs
    for (const http of this.#sessions.values()) if (isIdle(http) && http.lastUsed < oldest) this.#drop(http)
  }

  /** Makes room for a session that declares so much. False when those in use leave none. */
  #makeRoom(declared: number): boolean {
    if (this.#sessions.size >= maxSessions && !this.#dropOldest()) return false
    const fits = (): boolean => this.#declared + declared <= maxDeclaredChars
    if (fits()) return true
    // Those that declare most go first, so that whoever declares little stays; several, as all are looked through for them.
    const largest = [...this.#sessions.values()].filter(isIdle).sort((one, other) => other.declared - one.declared)
    for (const http of largest) {
      if (this.#declared + declared <= maxDeclaredChars * 0.75) return true
      this.#drop(http)
    }
    return fits()
  }

  /** Too many sessions: the one unused for longest goes. False when all are in use. */
  #dropOldest(): boolean {
    let oldest: HttpSession | undefined
    for (const http of this.#sessions.values())
      if (isIdle(http) && (oldest === undefined || http.lastUsed < oldest.lastUsed)) oldest = http
    if (oldest !== undefined) this.#drop(oldest)
    return oldest !== undefined
  }
}

function isIdle({ stream, session }: HttpSession): boolean {
  return stream === undefined && !session.busy
}

function charsDeclared({ capabilities, clientInfo }: JsonObject): number {
  return JSON.stringify([capabilities, clientInfo]).length
}

function duplicate(id: RequestId): JsonObject {
  const message = `A request with id ${JSON.stringify(id)} is still being served`
  return { jsonrpc: "2.0", id, error: { code: rpcCodes.invalidRequest, message } }
}
