/** The ways a store fails. What a request meets is -31008; what only configuration can mend is a `HostError`. */
import { HostError, messageOf } from "../errors.ts"
import { type ProtocolError, upstreamError } from "../protocol/errors.ts"

/** `sent`: whether the operation may have happened all the same. */
export function storeUnavailable(store: string, reason: string, sent: "no" | "maybe"): ProtocolError {
  return upstreamError("STORE_UNAVAILABLE", { reason: `store ${store}: ${reason}`, sent, retryable: true })
}

export function notAtomic(operation: string): HostError {
  return new HostError("STORE_NOT_ATOMIC", `this backend cannot ${operation} in one step for all processes`)
}

/** The reason of a failed file operation, with its path. */
export function reasonOf(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  if (code === "ENOSPC" || code === "EDQUOT") return `the disk is full (${code})`
  return path === undefined || code === undefined ? messageOf(error) : `${code} at ${path}`
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? "")
}
