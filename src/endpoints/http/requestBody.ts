/** Reads the body of a request up to its limit, and answers for what goes wrong on the way. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { ProtocolError, rpcCodes, upstreamError } from "../../protocol/errors.ts"
import { maxMessageBytes } from "../parseMessage.ts"
import { refuse } from "./refuse.ts"

/** Does some work for a request; whatever it throws, now or later, is answered. */
export function answering(response: ServerResponse, work: () => Promise<void> | undefined | void): void {
  try {
    work()?.catch((error: unknown) => failed(response, error))
  } catch (error) {
    failed(response, error)
  }
}

/** Gives the body as text; refuses one that is too large. Plain events: iterating costs more than reading. */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  then: (text: string) => Promise<void> | undefined,
): void {
  if (Number(request.headers["content-length"] ?? 0) > maxMessageBytes) return refuseSize(response)
  const chunks: Buffer[] = []
  let size = 0
  request.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxMessageBytes) chunks.push(chunk)
    else refuseSize(response)
  })
  request.on("end", () => {
    if (size > maxMessageBytes) return
    const [only] = chunks
    const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
    answering(response, () => then(body.toString("utf8")))
  })
  request.on("error", (error) => failed(response, error))
}

function refuseSize(response: ServerResponse): void {
  if (response.headersSent) return
  response.setHeader("connection", "close")
  const reason = `the message is larger than ${maxMessageBytes} bytes`
  refuse(response, 413, upstreamError("LIMIT_EXCEEDED", { reason, sent: "no", retryable: false }))
}

function failed(response: ServerResponse, error: unknown): void {
  // The client went away while its request was being read: nobody is left to tell.
  if (response.destroyed || (error as { code?: string }).code === "ECONNRESET") return
  refuse(response, 500, new ProtocolError(rpcCodes.internalError, "Internal error"))
}
