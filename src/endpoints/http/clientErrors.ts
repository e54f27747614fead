/**
 * Answers requests that Node's HTTP server refuses by itself, before there is anything to route: no proper HTTP, a head or
 * chunk extensions that are too large, what does not arrive in time. The statuses are Node's own; the body says why.
 */
import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { ProtocolError, rpcCodes, upstreamError } from "../../protocol/errors.ts"
import { refusalText } from "./refuse.ts"

/** Node's names for what it refuses. */
const limits: Readonly<Record<string, readonly [status: number, reason: string, retryable: boolean]>> = {
  HPE_HEADER_OVERFLOW: [431, "the head of the request is larger than is taken", false],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "the extensions of a chunk are larger than is taken", false],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request did not arrive in time", true],
}

/** Stands in for Node's own answers, which have no body. */
export function answerClientErrors(server: Server): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    // What Node decides by, too; there is no other way to know it but to note every request.
    const { _httpMessage: response } = socket as Socket & { readonly _httpMessage?: ServerResponse | null }
    // Nothing is written into an answer that has begun.
    if (error.code === "ECONNRESET" || !socket.writable || response?.headersSent === true)
      return void socket.destroy(error)
    socket.write(refusalOf(error, response?.req.complete === true))
    // The same connection may be found late again meanwhile: it is not writable then.
    socket.destroySoon()
  })
}

/** `behind`: an earlier request has no answer yet, and its client takes this for it. */
function refusalOf(error: NodeJS.ErrnoException, behind: boolean): string {
  const limit = limits[error.code ?? ""]
  if (limit === undefined) {
    const message = `The request is no proper HTTP: ${error.message}`
    return refusalText(400, new ProtocolError(rpcCodes.invalidRequest, message))
  }
  const [status, reason, retryable] = limit
  const facts = { reason, sent: behind ? "maybe" : "no", retryable: retryable && !behind } as const
  return refusalText(status, upstreamError("LIMIT_EXCEEDED", facts))
}
