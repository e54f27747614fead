/**
 * A channel to a Streamable HTTP server of either generation: every message is a POST whose answer is JSON or an event
 * stream; a legacy session adds `Mcp-Session-Id` and one GET stream for what belongs to no request (specification
 * 2025-11-25 and 2026-07-28, basic/transports).
 */
import { Cancellation } from "../protocol/cancellation.ts"
import { upstreamError } from "../protocol/errors.ts"
import { InFlight } from "../protocol/inFlight.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import type { RequestId } from "../protocol/messages.ts"
import { joined, type Pieces, sizeOf } from "../protocol/pieces.ts"
import type { Channel, ChannelReceiver, Phase, SendOptions } from "../wire/channel.ts"
import { traceHeaders } from "../wire/headers.ts"
import { readMessage, readText, Unreadable } from "../wire/incoming.ts"
import { Interrupted, SessionLost } from "../wire/interruptions.ts"
import { largeAnswerBytes, splitAnswer } from "../wire/rawAnswer.ts"
import { isEventStream, readAnswer } from "./answerStream.ts"
import { briefly, dump, readBody, readBytes, wholeBytes } from "./httpBody.ts"
import { HttpConnection, type HttpSession, type HttpTarget, type RequestOptions } from "./httpConnection.ts"
import {
  foreignContent,
  forgetsSession,
  isModernError,
  NotStreamable,
  reachError,
  redirectError,
  statusError,
} from "./httpErrors.ts"
import { connectMs, type HttpAnswer, type HttpBody } from "./httpExchange.ts"
import { phases } from "./httpPhases.ts"
import { isBusy, retryAfter } from "./retryAfter.ts"
import { keepListening } from "./sessionStream.ts"

const unanswered = "closed the answer before answering"

/** A message on its way. */
class Sending implements RequestOptions {
  readonly message: JsonObject
  /** Of a request that waits for an answer. */
  readonly id: RequestId | undefined
  readonly headers: RequestOptions["headers"]
  readonly body: string
  readonly cancellation = new Cancellation()
  phase: Phase = phases.connecting

  constructor(message: JsonObject, headers: RequestOptions["headers"]) {
    this.message = message
    this.id = typeof message["method"] === "string" ? (message["id"] as RequestId | undefined) : undefined
    this.headers = headers
    this.body = JSON.stringify(message)
  }

  readonly started = (): void => {
    this.phase = phases.asked
  }

  get isHandshake(): boolean {
    return this.message["method"] === "initialize"
  }
}

export interface HttpChannelOptions {
  /** Takes secrets out of a text. */
  readonly mask?: ((text: string) => string) | undefined
  /** True when the trace context of messages goes into headers too, where servers look for it. */
  readonly traced?: boolean | undefined
}

export class HttpChannel implements Channel {
  readonly attributes = true
  readonly #connection: HttpConnection
  readonly #mask: (text: string) => string
  readonly #traced: boolean
  /** Requests that have not been answered. */
  readonly #requests = new InFlight<RequestId, Sending>()
  #receiver: ChannelReceiver | undefined
  #shookHands = false
  #closed = false

  constructor(target: HttpTarget, { mask = (text) => text, traced = false }: HttpChannelOptions = {}) {
    this.#connection = new HttpConnection(target)
    this.#mask = (text) => mask(this.#connection.mask(text))
    this.#traced = traced
  }

  async start(receiver: ChannelReceiver): Promise<void> {
    this.#receiver = receiver
  }

  /** One promise for all of it: each more would cost every small call about as much as the rest of this. */
  async send(message: JsonObject, { headers, idleMs = 0 }: SendOptions = {}): Promise<void> {
    if (this.#closed)
      throw upstreamError("UPSTREAM_UNAVAILABLE", { reason: "the session has ended", sent: "no", retryable: true })
    const sending = new Sending(message, this.#traced ? { ...headers, ...traceHeaders(message) } : headers)
    const { id } = sending
    if (id !== undefined) this.#requests.set(id, sending)
    try {
      const { session, expired } = this.#connection
      if (expired && !sending.isHandshake) throw new SessionLost()
      let answer = await this.#connection.request("POST", sending)
      if (isBusy(answer)) answer = await this.#sendAgain(answer, sending, idleMs)
      sending.phase = phases.reading
      const { statusCode } = answer
      if (sending.isHandshake && statusCode === 200) this.#begin(answer)
      const isRefused = statusCode >= 300 || statusCode === 204
      const unread = isRefused ? this.#refused(answer, sending, session) : this.#read(answer, sending)
      if (unread !== undefined) await unread
      if (!isRefused && id !== undefined && this.#requests.has(id)) throw brokenOff(answer)
    } catch (error) {
      if (!sending.cancellation.cancelled && !this.#closed) throw reachError(error)
    } finally {
      if (id !== undefined) this.#requests.delete(id)
    }
  }

  phase(id: RequestId): Phase | undefined {
    return this.#requests.get(id)?.phase
  }

  abandon(id: RequestId): boolean {
    const request = this.#requests.get(id)
    // Nothing more is asked for or read.
    request?.cancellation.cancel()
    // After a handshake that cancels nothing the server has got; the notification does.
    return !this.#shookHands || request?.phase.sent === "no"
  }

  negotiated(version: string, isHandshake: boolean): void {
    this.#shookHands = isHandshake
    // Without a handshake every request says its version itself.
    if (!isHandshake) return
    this.#connection.agree(version)
    const { session } = this.#connection
    if (session === undefined) return
    void keepListening(this.#connection, session, {
      receive: (data) => this.#receive(data, undefined),
      missed: () => this.#receiver?.missed?.(),
      lost: (which) => this.#forget(which),
      gone: (reason) => this.#end(reason),
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const { session } = this.#connection
    session?.ended.cancel()
    for (const { cancellation } of this.#requests.values()) cancellation.cancel()
    if (session !== undefined) {
      // The session may be gone already; the server forgets it then by itself.
      await briefly(connectMs, (cancellation) => this.#connection.request("DELETE", { cancellation })).catch(
        () => undefined,
      )
    }
    await this.#connection.close()
  }

  #sendAgain(busy: HttpAnswer, sending: Sending, withinMs: number): Promise<HttpAnswer> {
    const waiting = (yes: boolean): void => {
      sending.phase = yes ? phases.waiting : phases.connecting
    }
    const { cancellation } = sending
    return retryAfter(busy, () => this.#connection.request("POST", sending), { withinMs, cancellation, waiting })
  }

  #begin({ headers }: HttpAnswer): void {
    const opened = headers["mcp-session-id"]
    this.#connection.begin(typeof opened === "string" ? opened : undefined)
  }

  /** What is there already is read at once. */
  #read(answer: HttpAnswer, sending: Sending): Promise<void> | undefined {
    const { id } = sending
    const { headers, body } = answer
    const type = String(headers["content-type"] ?? "")
    if (type.startsWith("text/event-stream")) return this.#readAnswer(body, sending)
    if (!type.startsWith("application/json")) return id === undefined ? dump(body) : this.#failOn(answer)
    const bytes = wholeBytes(body)
    if (bytes === undefined) return readBytes(body).then((later) => this.#take(later, id))
    this.#take(bytes, id)
    return undefined
  }

  async #failOn(answer: HttpAnswer): Promise<never> {
    throw await foreignContent(answer, this.#mask)
  }

  #take(bytes: Pieces, id: RequestId | undefined): void {
    if (!this.#answered(bytes, id)) this.#receive(joined(bytes), id)
  }

  #readAnswer(body: HttpBody, sending: Sending): Promise<void> {
    const { id, cancellation } = sending
    const { session } = this.#connection
    const take = {
      event: (data: string) => this.#receive(data, id),
      large: (data: Pieces) => this.#answered(data, id),
    }
    return readAnswer(body, take, {
      wanted: () => id !== undefined && this.#requests.has(id) && session !== undefined && !session.ended.cancelled,
      open: (lastEventId) => {
        sending.phase = phases.resuming
        return this.#connection.request("GET", { cancellation, headers: { "last-event-id": lastEventId } })
      },
      cancellation,
    })
  }

  async #refused(answer: HttpAnswer, { message, id }: Sending, session: HttpSession | undefined): Promise<void> {
    const { statusCode } = answer
    const text = await readBody(answer.body).catch(() => "")
    const read = readText(text)
    const body = read instanceof Unreadable ? undefined : read
    const refusal = statusError(statusCode)
    if (refusal !== undefined) throw refusal
    if (statusCode >= 300 && statusCode < 400) throw redirectError(answer, this.#connection.url)
    if (session !== undefined && forgetsSession(statusCode, text, body?.["id"] === id ? body : undefined)) {
      this.#forget(session)
      throw new SessionLost()
    }
    const error = body?.["error"]
    const unknownHere = statusCode === 400 || statusCode === 404 || statusCode === 405
    if (unknownHere && message["method"] === "initialize" && !isModernError(error))
      throw new NotStreamable(statusCode, body)
    if (body !== undefined && isJsonObject(error) && id !== undefined) {
      this.#receiver?.message({ ...body, id }, id)
      return
    }
    if (unknownHere) throw new NotStreamable(statusCode, body)
    throw upstreamError("UPSTREAM_UNAVAILABLE", {
      reason: `answered ${statusCode}`,
      sent: "maybe",
      retryable: statusCode >= 500,
    })
  }

  /** The server does not know the session: nothing is sent in it any more. */
  #forget(session: HttpSession): void {
    if (!this.#connection.forget(session)) return
    this.#shookHands = false
    this.#receiver?.lost?.()
  }

  /** Takes a large answer to our request without parsing its result; false when it is not one. */
  #answered(bytes: Pieces, id: RequestId | undefined): boolean {
    const answer = id === undefined || sizeOf(bytes) < largeAnswerBytes ? undefined : splitAnswer(bytes)
    if (answer === undefined || answer.id !== id) return false
    this.#requests.delete(answer.id)
    this.#receiver?.answered(answer)
    return true
  }

  #receive(data: string | Buffer, origin: RequestId | undefined): void {
    const message = typeof data === "string" ? readText(data) : readMessage(data)
    // It ends the request on whose stream it came.
    if (message instanceof Unreadable) throw message.error
    if (origin !== undefined && !("method" in message)) {
      // No other request is answered here, whatever the id says.
      if (message["id"] !== origin) return
      this.#requests.delete(origin)
    }
    this.#receiver?.message(message, origin)
  }

  #end(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#receiver?.closed(new Error(reason))
    void this.#connection.close()
  }
}

/** The answer ended and answered nothing. */
function brokenOff(answer: HttpAnswer): Error {
  if (isEventStream(answer)) return new Interrupted(unanswered)
  // A whole answer to something else is none that broke off.
  return upstreamError("UPSTREAM_UNAVAILABLE", { reason: unanswered, sent: "maybe", retryable: true })
}
