/**
 * What may befall one request while its channel goes on. Each tells what may be done about it: a request of a lost session
 * was provably not executed and is sent again over a new one; after an interruption only a read is.
 */
import { ProtocolError, upstreamError } from "../protocol/errors.ts"

/** The server no longer knows the session: it has executed nothing of this request. */
export class SessionLost extends ProtocolError {
  constructor() {
    const reason = "the server no longer knows the session"
    const { code, message, data } = upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "no", retryable: true })
    super(code, message, data)
  }
}

/** The connection broke before the answer was whole: the server may have executed the request. */
export class Interrupted extends ProtocolError {
  constructor(reason: string) {
    const { code, message, data } = upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "maybe", retryable: true })
    super(code, message, data)
  }
}
