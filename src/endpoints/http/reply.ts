/**
 * The answer to one POST: a JSON object when nothing comes before the result, an event stream as soon as something does.
 * A client that does not read is cut off once a bounded amount waits for it.
 */
import type { ServerResponse } from "node:http"
import type { JsonObject } from "../../protocol/json.ts"
import type { RequestId } from "../../protocol/messages.ts"
import { sizeOf } from "../../protocol/pieces.ts"
import type { RawResult } from "../../protocol/rawResult.ts"
import { atEndOfTurn } from "../../wire/endOfTurn.ts"
import { resultEnvelope } from "../answers.ts"

/** Most that may wait for a client that does not read, in bytes, before its stream is cut off. */
const maxWaiting = 1024 * 1024
/** Quiet streams are kept from being closed by what lies between, in milliseconds. */
const keepAliveMs = 15_000

/** Names and values in turn, which is how node:http takes them fastest. */
type Headers = readonly string[]

const streamHeaders: Headers = [
  ...["content-type", "text/event-stream"],
  ...["cache-control", "no-cache, no-transform"],
  ...["x-accel-buffering", "no"],
]

export class Reply {
  readonly #response: ServerResponse
  readonly #headers: Headers
  /** What the client accepts. */
  readonly #json: boolean
  readonly #events: boolean
  #keepAlive: NodeJS.Timeout | undefined
  /** True when the answer is about to leave. */
  #answered = false

  constructor(response: ServerResponse, accept: string, headers: Headers = []) {
    this.#response = response
    this.#headers = headers
    const anything = accept === "" || accept.includes("*/*")
    this.#json = anything || accept.includes("application/json")
    this.#events = anything || accept.includes("text/event-stream")
  }

  /** False when the client accepts neither form of answer. */
  get acceptable(): boolean {
    return this.#json || this.#events
  }

  /** Sends a message before the answer; false when the client accepts no stream or has gone. */
  message(message: JsonObject): boolean {
    if (!this.#events || this.#isOver) return false
    this.#startStream()
    this.#write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
    return true
  }

  /** Sends the answer and ends. */
  answer(message: JsonObject, status = 200): void {
    if (this.#isOver) return
    const text = JSON.stringify(message)
    if (this.#response.headersSent || !this.#json) {
      this.#startStream()
      this.#response.end(`event: message\ndata: ${text}\n\n`)
      return this.#stop()
    }
    this.#answered = true
    atEndOfTurn(() => {
      // An error may have been answered instead.
      if (this.#response.headersSent || this.#response.destroyed) return
      this.#writeHead(status, Buffer.byteLength(text))
      // As text it leaves together with the headers, in one write.
      this.#response.end(text)
    })
  }

  /** Answers request `id` with a result that passes as the bytes it is. */
  answerBytes(id: RequestId, result: RawResult): void {
    if (this.#isOver) return
    const [before, after] = resultEnvelope(id)
    const sent = (): void => result.sent()
    if (this.#response.headersSent || !this.#json) {
      this.#startStream()
      this.#response.write(`event: message\ndata: ${before}`)
      for (const piece of result.bytes) this.#response.write(piece)
      this.#response.end(`${after}\n\n`, sent)
      return this.#stop()
    }
    this.#writeHead(200, Buffer.byteLength(before) + sizeOf(result.bytes) + after.length)
    this.#response.cork()
    this.#response.write(before)
    for (const piece of result.bytes) this.#response.write(piece)
    this.#response.end(after, sent)
    this.#response.uncork()
  }

  /** Ends without an answer: the client no longer wants one. */
  end(): void {
    if (this.#answered || this.#response.writableEnded) return
    if (!this.#response.headersSent) this.#response.writeHead(202, [...this.#headers])
    this.#response.end()
    this.#stop()
  }

  get #isOver(): boolean {
    return this.#answered || this.#response.writableEnded || this.#response.destroyed
  }

  /** For a stream on which nothing may come for long. */
  openStream(): void {
    this.#startStream()
    this.#response.flushHeaders()
  }

  /** The head leaves with what is written next, in one write. */
  #startStream(): void {
    if (this.#response.headersSent) return
    this.#response.writeHead(200, [...this.#headers, ...streamHeaders])
    this.#keepAlive = setInterval(() => this.#write(": \n\n"), keepAliveMs).unref()
    this.#response.once("close", () => this.#stop())
  }

  #writeHead(status: number, length: number): void {
    this.#response.sendDate = false
    const own = ["content-type", "application/json", "content-length", String(length)]
    this.#response.writeHead(status, this.#headers.length === 0 ? own : [...this.#headers, ...own])
  }

  #write(text: string): void {
    // What waits already counts, not the size of this message: a client that reads takes messages of any size.
    if (this.#response.writableLength > maxWaiting) this.#response.destroy()
    else this.#response.write(text)
  }

  #stop(): void {
    clearInterval(this.#keepAlive)
  }
}
