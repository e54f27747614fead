/** The host's own errors about a server, which may quote it: without secrets, and with its name. */
import { isHostError, ProtocolError, withServer } from "../protocol/errors.ts"
import { maskedValue } from "../telemetry/maskedValue.ts"
import type { MaskingLogger } from "./serverLogger.ts"

export interface ErrorFacts {
  /** Manifest key of the server. */
  readonly key: string
  readonly logger: MaskingLogger
}

/** Errors of the server itself pass as they are. */
export function ownError(error: unknown, { key, logger }: ErrorFacts): unknown {
  return withServer(maskedError(error, logger), key)
}

export function maskedError(error: unknown, { mask }: MaskingLogger): unknown {
  if (mask === undefined || !(error instanceof ProtocolError) || !isHostError(error)) return error
  const { code, message, data } = error
  const shown = mask(message)
  if (shown === message && (data === undefined || JSON.stringify(data) === mask(JSON.stringify(data)))) return error
  return new ProtocolError(code, shown, data === undefined ? undefined : maskedValue(data, mask))
}
