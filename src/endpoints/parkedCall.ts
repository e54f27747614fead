/**
 * A request whose server asks its client in the middle of it, while the client can only be asked through results
 * (specification 2026-07-28, basic/patterns/mrtr). The call goes on upstream while one exchange after another carries
 * questions to the client and answers back.
 */
import { Cancellation } from "../protocol/cancellation.ts"
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt } from "../protocol/json.ts"
import type { McpNotification, McpRequest, McpResult, RequestId, Unsubscribe } from "../protocol/messages.ts"

/** Questions that come within this time go to the client together, in milliseconds. */
const gatherMs = 25
/** How long a person may take to answer, in milliseconds. */
export const answerMs = 600_000
/** Times a client may be asked during one request. */
const maxRounds = 32

/** One request of the client on the wire: the first, or a retry with answers. */
export interface Turn {
  readonly request: McpRequest
  readonly cancellation: Cancellation
  /** Sends a notification that belongs to this request. */
  readonly notify: (notification: McpNotification) => void
}

interface Serving extends Turn {
  readonly resolve: (result: McpResult) => void
  readonly reject: (error: unknown) => void
  readonly stopListening: Unsubscribe
}

interface Question {
  readonly request: McpRequest
  readonly answer: (value: JsonObject) => void
}

export interface ParkedCallOptions {
  /** Makes the state the client resumes this call with. */
  readonly state: (call: ParkedCall) => string
  /** The call waits for its client; throws when too many do. */
  readonly parked: (call: ParkedCall) => void
  /** Nobody needs the call any more. */
  readonly over: (call: ParkedCall) => void
}

export class ParkedCall {
  readonly cancellation = new Cancellation()
  readonly #options: ParkedCallOptions
  readonly #questions = new Map<string, Question>()
  #serving: Serving | undefined
  #outcome: { readonly result: McpResult } | { readonly error: unknown } | undefined
  #asked = 0
  #gathering: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined
  /** Times it was parked. */
  round = 0
  /** Manifest key of the server that asks. */
  server = ""

  constructor(options: ParkedCallOptions) {
    this.#options = options
  }

  /** Serves a request until the call has ended or its client must be asked. */
  serve(turn: Turn): Promise<McpResult> {
    clearTimeout(this.#expiry)
    return new Promise((resolve, reject) => {
      const stopListening = turn.cancellation.on(() => this.cancel())
      this.#serving = { ...turn, resolve, reject, stopListening }
      if (this.#outcome !== undefined) this.#answer()
      else if (this.#questions.size > 0) this.#gather()
    })
  }

  /** The call upstream. */
  run(work: Promise<McpResult>): void {
    work.then(
      (result) => this.#ended({ result }),
      (error: unknown) => this.#ended({ error }),
    )
  }

  /** Asks the client with the next answer it gets; `signal` withdraws the question. */
  ask(request: McpRequest, signal: AbortSignal, server = ""): Promise<McpResult> {
    if (this.#outcome !== undefined || this.cancellation.cancelled) {
      return Promise.reject(new ProtocolError(rpcCodes.invalidRequest, `${request.method} refused: the call has ended`))
    }
    this.server = server
    this.#asked += 1
    const key = `question-${this.#asked}`
    return new Promise((resolve, reject) => {
      const withdraw = (): void => {
        this.#questions.delete(key)
        reject(new ProtocolError(rpcCodes.internalError, "The question was withdrawn"))
      }
      if (signal.aborted) return withdraw()
      signal.addEventListener("abort", withdraw, { once: true })
      const answer = (value: JsonObject): void => {
        this.#questions.delete(key)
        signal.removeEventListener("abort", withdraw)
        resolve({ value })
      }
      this.#questions.set(key, { request, answer })
      if (this.#serving !== undefined) this.#gather()
    })
  }

  /** Takes the answers a retry brings. What was not asked is ignored; what is missing is asked again. */
  take(responses: JsonObject): void {
    for (const [key, value] of Object.entries(responses)) {
      if (isJsonObject(value)) this.#questions.get(key)?.answer(value)
    }
  }

  /** Sends a notification of the call on the request that is being served; there is nobody to hear it between them. */
  notify(notification: McpNotification): void {
    const serving = this.#serving
    if (serving === undefined) return
    if (notification.method !== "notifications/progress") return serving.notify(notification)
    // A retry is a request of its own, with a token of its own.
    const progressToken = objectAt(serving.request.params, "_meta")?.["progressToken"] as RequestId | undefined
    if (progressToken !== undefined)
      serving.notify({ method: notification.method, params: { ...notification.params, progressToken } })
  }

  /** The client gave up, or never came back. */
  cancel(): void {
    clearTimeout(this.#gathering)
    clearTimeout(this.#expiry)
    this.cancellation.cancel()
    this.#options.over(this)
  }

  #ended(outcome: { readonly result: McpResult } | { readonly error: unknown }): void {
    this.#outcome = outcome
    clearTimeout(this.#gathering)
    // While the client is away its retry is waited for: it must learn what became of its call.
    if (this.#serving !== undefined) this.#answer()
  }

  #answer(): void {
    const serving = this.#release()
    const outcome = this.#outcome
    if (serving === undefined || outcome === undefined) return
    this.#options.over(this)
    if ("result" in outcome) serving.resolve(outcome.result)
    else serving.reject(outcome.error)
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      if (this.#questions.size > 0) this.#park()
    }, gatherMs)
  }

  #park(): void {
    const serving = this.#release()
    if (serving === undefined) return
    try {
      if (this.round === maxRounds) {
        const reason = `asked for input ${maxRounds} times`
        throw upstreamError("LIMIT_EXCEEDED", { server: this.server, reason, sent: "maybe", retryable: false })
      }
      this.#options.parked(this)
    } catch (error) {
      this.cancel()
      return serving.reject(error)
    }
    this.round += 1
    this.#expiry = setTimeout(() => this.cancel(), answerMs).unref()
    const questions = [...this.#questions].map(
      ([
        key,
        {
          request: { method, params },
        },
      ]): [string, JsonObject] => [key, { method, params }],
    )
    const value: JsonObject = {
      resultType: "input_required",
      inputRequests: Object.fromEntries(questions),
      requestState: this.#options.state(this),
    }
    serving.resolve({ value })
  }

  #release(): Serving | undefined {
    const serving = this.#serving
    this.#serving = undefined
    serving?.stopListening()
    return serving
  }
}
