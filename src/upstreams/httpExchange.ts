/**
 * One HTTP request and its answer over undici's dispatcher: what `undici.request` does without the stream, the signal
 * and the promises that it makes for each, which together cost more than the exchange.
 */
import type { Dispatcher } from "undici"
import type { Cancellation } from "../protocol/cancellation.ts"
import { atEndOfTurn } from "../wire/endOfTurn.ts"

/** Time to connect to a server, its name and its certificate included, in milliseconds. */
export const connectMs = 5_000

export interface HttpRequest {
  readonly method: "POST" | "GET" | "DELETE"
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: string | undefined
  /** Cancelling closes the connection of this exchange. */
  readonly cancellation: Cancellation
  /** Told when there is a connection, before the first byte is written to it. */
  readonly started?: (() => void) | undefined
}

/** No connection was made: nothing of the request was written. `cause` says why. */
export class NotConnected extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** A body on its way. */
export interface HttpBody {
  /** The whole body when it is there already, as it is for small answers; undefined while more may come. Instead of `read`. */
  whole(): readonly Buffer[] | undefined
  /** Gives every piece as it comes; resolves at the end, rejects when the connection breaks or `piece` throws. Called once. */
  read(piece: (chunk: Buffer) => void): Promise<void>
}

export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: HttpBody
}

/**
 * Resolves with the head of the answer, or with what `instead` makes of it; rejects with undici's error when none comes,
 * or with `NotConnected`.
 */
export function exchange(
  dispatcher: Dispatcher,
  path: string,
  request: HttpRequest,
  instead?: (answer: HttpAnswer) => Promise<HttpAnswer> | undefined,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const handler = new Exchange(request, (answer) => resolve(instead?.(answer) ?? answer), reject)
    const { method, headers, body } = request
    atEndOfTurn(() => {
      try {
        dispatcher.dispatch({ path, method, headers: headers as string[], body: body ?? null }, handler)
      } catch (error) {
        reject(error)
      }
    })
  })
}

class Exchange implements Dispatcher.DispatchHandler, HttpBody {
  readonly #request: HttpRequest
  readonly #answer: (answer: HttpAnswer) => void
  readonly #fail: (error: Error) => void
  readonly #stopListening: () => void
  #controller: Dispatcher.DispatchController | undefined
  /** What came before somebody read it. */
  #early: Buffer[] = []
  #reader: { piece(chunk: Buffer): void; end(): void; fail(error: Error): void } | undefined
  #outcome: "ended" | Error | undefined
  #cancelled = false

  constructor(request: HttpRequest, answer: (answer: HttpAnswer) => void, fail: (error: Error) => void) {
    const { cancellation } = request
    this.#request = request
    this.#answer = answer
    this.#fail = fail
    this.#cancelled = cancellation.cancelled
    this.#stopListening = cancellation.on(() => {
      this.#cancelled = true
      this.#controller?.abort(new Error("cancelled"))
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#cancelled) controller.abort(new Error("cancelled"))
    else this.#request.started?.()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: HttpAnswer["headers"],
  ): void {
    // Informational answers (RFC 9110, section 15.2) are not the answer.
    if (statusCode >= 200) this.#answer({ statusCode, headers, body: this })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reader === undefined) {
      this.#early.push(chunk)
      return
    }
    try {
      this.#reader.piece(chunk)
    } catch (error) {
      controller.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  onResponseEnd(): void {
    this.#finish("ended")
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish(error)
    this.#fail(this.#controller === undefined ? new NotConnected(error) : error)
  }

  whole(): readonly Buffer[] | undefined {
    return this.#outcome === "ended" ? this.#early : undefined
  }

  read(piece: (chunk: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reader = { piece, end: resolve, fail: reject }
      try {
        for (const chunk of this.#early.splice(0)) piece(chunk)
      } catch (error) {
        this.#controller?.abort(error instanceof Error ? error : new Error(String(error)))
        return reject(error)
      }
      if (this.#outcome === "ended") resolve()
      else if (this.#outcome !== undefined) reject(this.#outcome)
    })
  }

  #finish(outcome: "ended" | Error): void {
    this.#outcome = outcome
    this.#stopListening()
    if (outcome === "ended") this.#reader?.end()
    else this.#reader?.fail(outcome)
  }
}
