/**
 * The two clocks of a request: idle time, which progress sets back and a person's thinking stops, and total time,
 * which nothing moves. Whichever ends first calls `expired` once.
 */
import type { UpstreamErrorFacts } from "../protocol/errors.ts"

export interface Limits {
  readonly idleMs: number
  readonly totalMs: number
}

export class Deadline {
  readonly #began = performance.now()
  readonly #limits: Limits
  readonly #expired: (facts: UpstreamErrorFacts) => void
  readonly #idle: NodeJS.Timeout
  /** Until something extends the idle clock that one ends first, so this one starts only then. */
  #total: NodeJS.Timeout | undefined
  #pauses = 0

  constructor(limits: Limits, expired: (facts: UpstreamErrorFacts) => void) {
    this.#limits = limits
    this.#expired = expired
    this.#idle = setTimeout(() => this.#idleEnded(), this.#idleMs)
  }

  /** Something happened: the idle clock starts again. */
  extend(): void {
    this.#startTotal()
    this.#idle.refresh()
  }

  /** The upstream waits for an answer of ours: the idle clock stops until the same number of resumes. */
  pause(): void {
    this.#startTotal()
    this.#pauses += 1
  }

  resume(): void {
    this.#pauses -= 1
    this.#idle.refresh()
  }

  stop(): void {
    clearTimeout(this.#idle)
    if (this.#total !== undefined) clearTimeout(this.#total)
  }

  get #idleMs(): number {
    return Math.min(this.#limits.idleMs, this.#limits.totalMs)
  }

  #idleEnded(): void {
    if (this.#pauses > 0) return
    this.#expired({ reason: `no answer within ${this.#idleMs} ms`, sent: "maybe", retryable: true })
  }

  #startTotal(): void {
    const { totalMs } = this.#limits
    this.#total ??= setTimeout(
      () => this.#expired({ reason: `no answer within ${totalMs} ms altogether`, sent: "maybe", retryable: true }),
      Math.max(0, totalMs - (performance.now() - this.#began)),
    )
  }
}
