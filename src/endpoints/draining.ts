/** The error of a host that is shutting down. */
import { type ProtocolError, upstreamError } from "../protocol/errors.ts"

/** `sent: no` for requests that come now, `maybe` for those that were being served. */
export function drainingError(sent: "no" | "maybe"): ProtocolError {
  return upstreamError("DRAINING", { reason: "the host is shutting down", sent, retryable: true })
}
