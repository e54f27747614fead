/** The host's log under a server's name. */
import type { Logger } from "pino"
import { shareOutput } from "../telemetry/lines.ts"
import { maskOf } from "../telemetry/logger.ts"
import type { ServerLogger } from "./serverContext.ts"

export interface MaskingLogger extends ServerLogger {
  /** The text without secrets: before it is cut, which may leave half of one, or becomes part of an error. */
  mask?(text: string): string
}

export function createServerLogger(log: Logger, server: string): MaskingLogger {
  const child = log.child({ server })
  const logger: MaskingLogger = {
    debug: (message, facts) => child.debug(facts ?? {}, message),
    info: (message, facts) => child.info(facts ?? {}, message),
    warn: (message, facts) => child.warn(facts ?? {}, message),
    error: (message, facts) => child.error(facts ?? {}, message),
    isEnabled: (level) => child.isLevelEnabled(level),
    mask: maskOf(log),
  }
  shareOutput(log, logger, server)
  return logger
}
