/**
 * The stdio endpoint: one client on standard input and output, of either generation (specification 2026-07-28,
 * basic/transports/stdio). Each message shows by its envelope which one it speaks, so a client may probe first.
 */
import { setMaxListeners } from "node:events"
import type { Readable, Writable } from "node:stream"
import { Cancellation } from "../protocol/cancellation.ts"
import { ProtocolError, rpcCodes, toErrorObject, upstreamError } from "../protocol/errors.ts"
import { InFlight } from "../protocol/inFlight.ts"
import { type JsonObject, objectAt } from "../protocol/json.ts"
import type { RequestId } from "../protocol/messages.ts"
import { joined, sizeOf } from "../protocol/pieces.ts"
import { RawResult } from "../protocol/rawResult.ts"
import { claimedVersion } from "../wire/eras/versions.ts"
import { LineSplitter } from "../wire/lineSplitter.ts"
import { resultEnvelope } from "./answers.ts"
import { drainingError } from "./draining.ts"
import { busy, LegacySession, maxInFlight } from "./legacySession.ts"
import { ModernEndpoint, unsupportedVersion } from "./modernExchange.ts"
import { maxMessageBytes, parseMessage } from "./parseMessage.ts"
import type { Served } from "./served.ts"

export interface StdioEndpointOptions {
  readonly served: Served
  readonly input: Readable
  readonly output: Writable
  readonly eras: readonly string[]
  /** How long requests in flight may take after the input ended, in milliseconds. */
  readonly drainMs: number
  /** How long a client that was written much may take nothing of it, in milliseconds. */
  readonly stalledMs?: number
}

/** As long as more bytes than this wait for the client, nothing more is read of it and notifications wait. */
const maxWaiting = 1024 * 1024
/** A client that has taken nothing for this long, while so much waits, has gone, in milliseconds. */
const defaultStalledMs = 120_000
/** What was answered last may take this long to leave, in milliseconds. */
const leaveMs = 2_000

const key = "stdio"
const principal = { id: "local" } as const

export class StdioEndpoint {
  readonly #options: StdioEndpointOptions
  readonly #legacy: LegacySession
  readonly #modern: ModernEndpoint
  /** Requests of the modern generation on their way, by id. */
  readonly #inFlight = new InFlight<RequestId, Cancellation>()
  readonly #ending = new AbortController()
  /** Set while the client does not read. */
  #stalled: NodeJS.Timeout | undefined
  #written = 0
  #pending = 0
  #closed = false
  /** Resolves when the client has closed its end. */
  readonly ended: Promise<void>

  constructor(options: StdioEndpointOptions) {
    this.#options = options
    const { served, input, output, eras } = options
    this.#legacy = new LegacySession({
      key,
      principal,
      served,
      patient: true,
      send: (message) => this.#write(message),
      sendResult: (id, result) => this.#writeResult(id, result),
      ready: this.#ready,
    })
    setMaxListeners(0, this.#ending.signal)
    this.#modern = new ModernEndpoint({ served, principal, key, leaves: true, eras })
    const tooLarge = {
      reason: `a message is larger than ${maxMessageBytes} bytes`,
      sent: "no",
      retryable: false,
    } as const
    const reader = new LineSplitter(
      maxMessageBytes,
      (line) => this.#line(joined(line).toString("utf8")),
      () => this.#refuse(null, upstreamError("LIMIT_EXCEEDED", tooLarge)),
    )
    this.ended = new Promise((resolve) => {
      input.on("data", (chunk: Buffer) => reader.push(chunk))
      input.once("end", resolve)
      input.once("close", resolve)
      input.once("error", () => resolve())
      // A client that no longer reads is a client that has gone.
      output.once("error", () => resolve())
      output.once("close", resolve)
    })
  }

  /** Lets requests in flight end up to the drain time, then answers the rest and ends. */
  async close(hurry: AbortSignal): Promise<void> {
    const until = performance.now() + this.#options.drainMs
    this.#ending.abort()
    while (this.#pending > 0 && !hurry.aborted && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const [id, cancellation] of this.#inFlight.entries()) {
      this.#refuse(id, drainingError("maybe"))
      cancellation.cancel()
    }
    this.#legacy.close(drainingError("maybe"))
    this.#modern.close()
    this.#closed = true
    await this.#left(hurry)
    clearTimeout(this.#stalled)
  }

  /** What was written has left, or its time is over: then it never will. */
  async #left(hurry: AbortSignal): Promise<void> {
    const { output } = this.#options
    const until = performance.now() + leaveMs
    while (output.writableLength > 0 && !output.destroyed && !hurry.aborted && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    if (output.writableLength > 0) output.destroy()
  }

  readonly #ready = (): boolean => this.#stalled === undefined

  /** Takes nothing more from a client that takes nothing, so that what waits for it is bounded. */
  #watch(): void {
    const { input, output, stalledMs = defaultStalledMs } = this.#options
    if (output.writableLength <= maxWaiting || this.#stalled !== undefined) return
    input.pause()
    const look = (taken: number): void => {
      this.#stalled = setTimeout(() => {
        const now = this.#written - output.writableLength
        if (now > taken) look(now)
        else output.destroy()
      }, stalledMs)
    }
    look(this.#written - output.writableLength)
    output.once("drain", () => {
      clearTimeout(this.#stalled)
      this.#stalled = undefined
      input.resume()
    })
  }

  #line(text: string): void {
    if (text.trim() === "") return
    let message: JsonObject | JsonObject[]
    try {
      message = parseMessage(text)
    } catch (error) {
      return this.#refuse(null, error)
    }
    if (Array.isArray(message)) {
      return this.#refuse(
        null,
        new ProtocolError(rpcCodes.invalidRequest, "Batches are not supported on standard input"),
      )
    }
    // Answers to questions still count; new requests do not.
    if (this.#ending.signal.aborted && "method" in message && "id" in message) {
      return this.#refuse(message["id"] as RequestId, drainingError("no"))
    }
    if (this.#pending >= maxInFlight && "id" in message && "method" in message) {
      return this.#refuse(message["id"] as RequestId, busy(`${maxInFlight} requests are being served already`))
    }
    this.#pending += 1
    void this.#serve(message).finally(() => {
      this.#pending -= 1
    })
  }

  async #serve(message: JsonObject): Promise<void> {
    const { eras } = this.#options
    const method = message["method"]
    const params = objectAt(message, "params") ?? {}
    const id = message["id"] as RequestId
    if (method === "notifications/cancelled") this.#inFlight.get(params["requestId"] as RequestId)?.cancel()
    const isModern =
      typeof method === "string" &&
      "id" in message &&
      (claimedVersion(params) !== undefined || method === "server/discover")
    if (isModern && eras.includes("modern")) return this.#exchange(id, { method, params })
    // A client of both generations takes only the error of a legacy server for a sign to fall back.
    if (eras.includes("legacy")) {
      await this.#legacy.receive(message)
      return
    }
    if ("id" in message && typeof method === "string") this.#refuse(id, unsupportedVersion(params))
  }

  async #exchange(id: RequestId, request: { method: string; params: JsonObject }): Promise<void> {
    if ((typeof id !== "string" && typeof id !== "number") || this.#inFlight.has(id)) {
      return this.#refuse(
        id,
        new ProtocolError(rpcCodes.invalidRequest, `The request id ${JSON.stringify(id)} is no id or still in use`),
      )
    }
    const cancellation = new Cancellation()
    this.#inFlight.set(id, cancellation)
    const answer = await this.#modern.answer({
      id,
      request,
      cancellation,
      ending: this.#ending.signal,
      notify: (message) => this.#write(message),
      ready: this.#ready,
    })
    this.#inFlight.delete(id)
    if (answer === undefined) return
    if ("error" in answer) this.#write({ jsonrpc: "2.0", id, error: answer.error })
    else if (answer.result instanceof RawResult) this.#writeResult(id, answer.result)
    else this.#write({ jsonrpc: "2.0", id, result: answer.result.value })
  }

  #refuse(id: RequestId | null, error: unknown): void {
    this.#write({ jsonrpc: "2.0", id, error: toErrorObject(error) })
  }

  #writeResult(id: RequestId, result: RawResult): void {
    if (this.#closed) return
    const [before, after] = resultEnvelope(id)
    const { output } = this.#options
    this.#written += before.length + sizeOf(result.bytes) + after.length + 1
    output.cork()
    output.write(before)
    for (const piece of result.bytes) output.write(piece)
    output.write(`${after}\n`, (error) => {
      if (error == null) result.sent()
    })
    output.uncork()
    this.#watch()
  }

  #write(message: JsonObject): boolean {
    if (this.#closed) return false
    const line = `${JSON.stringify(message)}\n`
    this.#options.output.write(line)
    this.#written += line.length
    this.#watch()
    return true
  }
}
