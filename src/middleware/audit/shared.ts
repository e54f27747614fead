/** Audit logs that run in this process, by file: several middleware may write one, and after a reload the next goes on. */
import { AuditLog, type LogSettings } from "./log.ts"

interface Shared {
  readonly log: AuditLog
  users: number
}

const running = new Map<string, Shared>()
/** Logs that close: whoever opens one again waits. */
const closing = new Map<string, Promise<void>>()

export interface SharedLog {
  readonly log: AuditLog
  /** Resolves when nobody before writes the file any more. */
  readonly free: Promise<void>
  /** Closes the log when nobody else uses it. */
  release(): Promise<void>
}

/** The log of a file; from now on with these settings. */
export function shareLog(file: string, settings: LogSettings): SharedLog {
  const shared = running.get(file) ?? { log: new AuditLog(file, settings), users: 0 }
  running.set(file, shared)
  shared.users += 1
  shared.log.settings = settings
  return {
    log: shared.log,
    free: closing.get(file) ?? Promise.resolve(),
    async release() {
      shared.users -= 1
      if (shared.users > 0) return
      running.delete(file)
      const closed = shared.log.close().finally(() => closing.get(file) === closed && closing.delete(file))
      closing.set(file, closed)
      await closed
    },
  }
}
