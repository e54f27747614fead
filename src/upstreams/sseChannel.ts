/**
 * A channel to a server of the deprecated HTTP+SSE transport (specification 2024-11-05, basic/transports): one GET stream
 * on which everything comes, and an address it names to which messages are posted. The same connections, caps and words
 * as over Streamable HTTP. There is one stream: when it ends, so does the channel.
 */
import { Cancellation } from "../protocol/cancellation.ts"
import { upstreamError } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { RequestId } from "../protocol/messages.ts"
import { type Pieces, sizeOf } from "../protocol/pieces.ts"
import type { Channel, ChannelReceiver, Phase, SendOptions } from "../wire/channel.ts"
import { readText, Unreadable } from "../wire/incoming.ts"
import { largeAnswerBytes, splitAnswer } from "../wire/rawAnswer.ts"
import { isEventStream } from "./answerStream.ts"
import { dump, readBody, readEvents } from "./httpBody.ts"
import { HttpConnection, type HttpTarget } from "./httpConnection.ts"
import { forgetsSession, notMcp, reachError, redirectError, statusError } from "./httpErrors.ts"
import type { HttpAnswer } from "./httpExchange.ts"
import { phases } from "./httpPhases.ts"
import { isBusy, retryAfter } from "./retryAfter.ts"

/** Events in a row that are no messages, after which the server counts as broken. */
const maxGarbageEvents = 1_000

/** A message on its way to the server. */
interface Posting {
  readonly id: RequestId | undefined
  phase: Phase
}

export class SseChannel implements Channel {
  readonly #connection: HttpConnection
  /** Ends the stream and what is being posted. */
  readonly #ended = new Cancellation()
  /** Requests that the server has not taken yet. */
  readonly #posting = new Map<RequestId, Posting>()
  #receiver: ChannelReceiver | undefined
  /** Where messages are posted to, once the server has said so. */
  #path: string | undefined
  #garbage = 0

  constructor(target: HttpTarget) {
    this.#connection = new HttpConnection(target)
  }

  /** Resolves when the server has named the address for messages. */
  async start(receiver: ChannelReceiver): Promise<void> {
    const answer = await this.#connection.request("GET", { cancellation: this.#ended }).catch((error: unknown) => {
      throw reachError(error)
    })
    if (!isEventStream(answer)) throw await this.#refusedStream(answer)
    await new Promise<void>((resolve, reject) => {
      const named = (): void => {
        this.#receiver = receiver
        resolve()
      }
      const end = (reason: Error): void => {
        reject(reason)
        this.#end(reason)
      }
      this.#listen(answer, named).then(() => end(new Error("the event stream has ended")), end)
    })
  }

  async send(message: JsonObject, { headers = {}, idleMs = 0 }: SendOptions = {}): Promise<void> {
    const path = this.#path
    if (path === undefined || this.#ended.cancelled)
      throw upstreamError("UPSTREAM_UNAVAILABLE", { reason: "the event stream has ended", sent: "no", retryable: true })
    const id = typeof message["method"] === "string" ? (message["id"] as RequestId | undefined) : undefined
    const posting: Posting = { id, phase: phases.connecting }
    if (id !== undefined) this.#posting.set(id, posting)
    try {
      await this.#post(path, posting, { body: JSON.stringify(message), headers, idleMs })
    } catch (error) {
      // What the channel ended with has been told.
      if (!this.#ended.cancelled) throw reachError(error)
    } finally {
      if (id !== undefined) this.#posting.delete(id)
    }
  }

  phase(id: RequestId): Phase | undefined {
    return this.#posting.get(id)?.phase
  }

  negotiated(version: string): void {
    this.#connection.agree(version)
  }

  async close(): Promise<void> {
    this.#ended.cancel()
    await this.#connection.close()
  }

  async #listen({ body }: HttpAnswer, named: () => void): Promise<void> {
    try {
      await readEvents(body, {
        event: (data) => this.#take(data),
        large: (data) => this.#answered(data),
        other: (name, data) => {
          if (name !== "endpoint") return
          this.#path = this.#pathOf(data)
          named()
        },
      })
    } catch (error) {
      throw reachError(error)
    }
  }

  async #post(
    path: string,
    posting: Posting,
    { body, headers, idleMs }: { readonly body: string } & Required<SendOptions>,
  ): Promise<void> {
    const started = (): void => {
      posting.phase = phases.asked
    }
    const cancellation = this.#ended
    const request = { cancellation, headers: headers ?? {}, body, path, started }
    const send = (): Promise<HttpAnswer> => this.#connection.request("POST", request)
    const waiting = (yes: boolean): void => {
      posting.phase = yes ? phases.waiting : phases.connecting
    }
    const first = await send()
    const answer = isBusy(first) ? await retryAfter(first, send, { withinMs: idleMs, cancellation, waiting }) : first
    // Taken: the answer comes on the stream.
    if (posting.id !== undefined) this.#posting.delete(posting.id)
    if (answer.statusCode >= 300) throw await this.#refused(answer)
    await dump(answer.body)
  }

  /** Why a message was not taken. */
  async #refused(answer: HttpAnswer): Promise<Error> {
    const { statusCode } = answer
    const text = await readBody(answer.body).catch(() => "")
    const known = statusError(statusCode)
    if (known !== undefined) return known
    if (statusCode < 400) return redirectError(answer, this.#connection.url)
    if (!forgetsSession(statusCode, text, undefined))
      return upstreamError("UPSTREAM_UNAVAILABLE", {
        reason: `answered ${statusCode}`,
        sent: "maybe",
        retryable: statusCode >= 500,
      })
    const reason = "the server no longer knows the session"
    const lost = upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "no", retryable: true })
    // The request has its own end; the others may have been executed.
    setImmediate(() => this.#end(new Error(reason)))
    return lost
  }

  async #refusedStream(answer: HttpAnswer): Promise<Error> {
    const { statusCode, headers } = answer
    // Its status says what there is to say; the body is read for the connection's sake.
    await dump(answer.body).catch(() => undefined)
    const known = statusError(statusCode)
    if (known !== undefined) return known
    if (statusCode >= 300 && statusCode < 400) return redirectError(answer, this.#connection.url)
    const how = statusCode === 200 ? `${headers["content-type"] ?? "no content type"}` : `${statusCode}`
    return upstreamError("UPSTREAM_UNAVAILABLE", {
      reason: `serves neither Streamable HTTP nor HTTP+SSE here (GET was answered with ${how})`,
      sent: "no",
      retryable: true,
    })
  }

  /** Elsewhere it would carry credentials to whom they do not belong. */
  #pathOf(endpoint: string): string {
    const { url } = this.#connection
    const at = URL.canParse(endpoint, url) ? new URL(endpoint, url) : undefined
    if (at === undefined || at.origin !== new URL(url).origin)
      throw notMcp(`named an address for messages that is not its own (${at?.origin ?? "no URL"})`)
    return at.pathname + at.search
  }

  #take(data: string): void {
    const message = readText(data)
    if (!(message instanceof Unreadable)) {
      this.#garbage = 0
      return this.#receiver?.message(message)
    }
    // It ends the request that it answers; what answers none is nothing to anybody.
    if (message.answer !== undefined) return this.#receiver?.message(message.answer)
    this.#garbage += 1
    if (this.#garbage === maxGarbageEvents) throw notMcp(`sent ${maxGarbageEvents} events that are no messages`)
  }

  /** Takes a large answer without parsing its result; false when it is none. */
  #answered(data: Pieces): boolean {
    const answer = sizeOf(data) < largeAnswerBytes ? undefined : splitAnswer(data)
    if (answer === undefined) return false
    this.#garbage = 0
    this.#receiver?.answered(answer)
    return true
  }

  #end(reason: Error): void {
    if (this.#ended.cancelled) return
    this.#ended.cancel()
    this.#receiver?.closed(reason)
    void this.#connection.close()
  }
}
