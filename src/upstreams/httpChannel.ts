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
import { HttpConnection, type HttpSession, type HttpTarget } from "./httpConnection.ts"
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
interface Sending {
  readonly message: JsonObject
  /** Of a request that waits for an answer. */
  readonly id: RequestId | undefined
  readonly cancellation: Cancellation
  phase: Phase
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

  async send(message: JsonObject, options: SendOptions = {}): Promise<void> {
    if (this.#closed)
      throw upstreamError("UPSTREAM_UNAVAILABLE", { reason: "the session has ended", sent: "no", retryable: true })
    const id = typeof message["method"] === "string" ? (message["id"] as RequestId | undefined) : undefined
    const cancellation = new Cancellation()
    const sending: Sending = { message, id, cancellation, phase: phases.connecting }
    if (id !== undefined) this.#requests.set(id, sending)
    try {
      await this.#post(sending, options)
    } catch (error) {
      if (!cancellation.cancelled && !this.#closed) throw reachError(error)
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

  async #post(sending: Sending, { headers = {}, idleMs = 0 }: SendOptions): Promise<void> {
    const { message, id, cancellation } = sending
    const isHandshake = message["method"] === "initialize"
    const { session, expired } = this.#connection
    if (expired && !isHandshake) throw new SessionLost()
    const started = (): void => {
      sending.phase = phases.asked
    }
    const all = this.#traced ? { ...headers, ...traceHeaders(message) } : headers
    const request = { cancellation, headers: all, body: JSON.stringify(message), started }
    const first = await this.#connection.request("POST", request)
    const waiting = (yes: boolean): void => {
      sending.phase = yes ? phases.waiting : phases.connecting
    }
    const answer = isBusy(first)
      ? await retryAfter(first, () => this.#connection.request("POST", request), {
          withinMs: idleMs,
          cancellation,
          waiting,
        })
      : first
    sending.phase = phases.reading
    const opened = answer.headers["mcp-session-id"]
    if (isHandshake && answer.statusCode === 200)
      this.#connection.begin(typeof opened === "string" ? opened : undefined)
    if (answer.statusCode >= 300 || answer.statusCode === 204) return this.#refused(answer, sending, session)
    await this.#read(answer, sending)
    if (id === undefined || !this.#requests.has(id)) return
    if (isEventStream(answer)) throw new Interrupted(unanswered)
    // A whole answer to something else is none that broke off.
    throw upstreamError("UPSTREAM_UNAVAILABLE", { reason: unanswered, sent: "maybe", retryable: true })
  }

  async #read(answer: HttpAnswer, sending: Sending): Promise<void> {
    const { id } = sending
    const { headers, body } = answer
    const type = String(headers["content-type"] ?? "")
    if (type.startsWith("text/event-stream")) return this.#readAnswer(body, sending)
    if (type.startsWith("application/json")) {
      const bytes = wholeBytes(body) ?? (await readBytes(body))
      if (!this.#answered(bytes, id)) this.#receive(joined(bytes), id)
      return
    }
    if (id !== undefined) throw await foreignContent(answer, this.#mask)
    await dump(body)
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
