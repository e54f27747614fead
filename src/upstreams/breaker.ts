/** Notices that a server's calls fail one after the other, and that a process ends again and again. */
import { ProtocolError, wireErrors } from "../protocol/errors.ts"

/** Calls that fail in a row until a server counts as troubled. */
const maxFailures = 5
/** So many ends of a process within this time, in milliseconds, are a crash loop. */
const maxEnds = 5
const loopMs = 60_000

const troubling: ReadonlySet<number> = new Set([
  wireErrors.UPSTREAM_TIMEOUT.code,
  wireErrors.UPSTREAM_PROTOCOL.code,
  wireErrors.UPSTREAM_UNAVAILABLE.code,
])

export class Breaker {
  readonly #tripped: (reason: string) => void
  #failures = 0

  constructor(tripped: (reason: string) => void) {
    this.#tripped = tripped
  }

  /** Takes the outcome of a call: an answer, also an error of the server's own, shows that it works. */
  note(error: unknown): void {
    if (!(error instanceof ProtocolError && troubling.has(error.code))) {
      this.#failures = 0
      return
    }
    this.#failures += 1
    if (this.#failures < maxFailures) return
    this.#failures = 0
    this.#tripped(`its last ${maxFailures} calls failed: ${error.message}`)
  }
}

export class CrashLoop {
  #ends: number[] = []
  /** Processes that the next attempt may start: as many as the last. */
  #next = 1

  /**
   * An attempt has ended, and with it as many processes: where both generations are tried there may be two. The last of
   * them may have outlived the others, which ended at `before`.
   */
  ended(processes = 1, now = performance.now(), before = now): void {
    this.#next = Math.max(1, processes)
    this.#ends.push(...Array.from({ length: this.#next - 1 }, () => before), now)
    this.#ends = this.#recent(now)
  }

  /** Processes that an attempt may start now, whatever the last one started. */
  left(now = performance.now()): number {
    return Math.max(1, maxEnds - this.#recent(now).length)
  }

  /** True while it has ended too often to be started again soon. */
  isLooping(now = performance.now()): boolean {
    return this.#recent(now).length + this.#next > maxEnds
  }

  /** How long it is until it may be started again, in milliseconds. */
  restMs(now = performance.now()): number {
    const recent = this.#recent(now)
    const oldest = recent[recent.length + this.#next - maxEnds - 1]
    return oldest === undefined ? 0 : oldest + loopMs - now
  }

  #recent(now: number): number[] {
    return this.#ends.filter((end) => now - end < loopMs)
  }
}
