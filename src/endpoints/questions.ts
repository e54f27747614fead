/** Questions put to a client and not yet answered. Ids are the host's own and never used again. */
import { fromErrorObject, ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import type { McpRequest, McpResult } from "../protocol/messages.ts"

/** How long a person may take to answer, in milliseconds. */
const answerMs = 600_000
/** Questions that wait for one client. */
const maxQuestions = 1_000

export class Questions {
  readonly #waiting = new Map<string, (outcome: JsonObject | Error) => void>()
  #last = 0

  /** Sends a question with `send` and waits for its answer; `signal` withdraws it. Rejects at once when nobody hears it. */
  async ask(request: McpRequest, signal: AbortSignal, send: (message: JsonObject) => boolean): Promise<McpResult> {
    if (this.#waiting.size >= maxQuestions) {
      const reason = `${maxQuestions} questions wait for this client already`
      throw upstreamError("BUSY", { reason, sent: "no", retryable: true })
    }
    this.#last += 1
    const id = `host-${this.#last}`
    const withdraw = (reason: string): void => {
      send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason } })
    }
    const value = await new Promise<JsonObject>((resolve, reject) => {
      const settle = (outcome: JsonObject | Error): void => {
        if (!this.#waiting.delete(id)) return
        clearTimeout(timer)
        signal.removeEventListener("abort", onAbort)
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
      const onAbort = (): void => {
        withdraw("The server no longer needs the answer")
        settle(new ProtocolError(rpcCodes.internalError, "The question was withdrawn"))
      }
      const timer = setTimeout(() => {
        withdraw("The answer took too long")
        const reason = `the client gave no answer within ${answerMs} ms`
        settle(upstreamError("UPSTREAM_TIMEOUT", { reason, sent: "maybe", retryable: false }))
      }, answerMs)
      this.#waiting.set(id, settle)
      if (signal.aborted) return onAbort()
      signal.addEventListener("abort", onAbort)
      if (send({ jsonrpc: "2.0", id, method: request.method, params: request.params })) return
      settle(new ProtocolError(rpcCodes.invalidRequest, `${request.method}: the client has no stream to be asked on`))
    })
    return { value }
  }

  /** Takes a response of the client; one to no question of ours is dropped. */
  answer(message: JsonObject): void {
    const { id, result, error } = message
    const settle = typeof id === "string" ? this.#waiting.get(id) : undefined
    settle?.(isJsonObject(result) ? result : fromErrorObject(error))
  }

  /** The client is gone. */
  close(): void {
    for (const settle of [...this.#waiting.values()])
      settle(new ProtocolError(rpcCodes.internalError, "The client has left"))
  }
}
