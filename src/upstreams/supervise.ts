/**
 * Keeps one connection of a server open: attempts until it is there, waits for its end, and attempts again, less and less
 * often while it does not last. Somebody who needs the server has the next attempt made at once.
 */
import pRetry, { AbortError } from "p-retry"
import { messageOf } from "../errors.ts"
import { CrashLoop } from "./breaker.ts"
import type { LiveSession } from "./liveSession.ts"
import { isHopeless, sleep, until } from "./retrying.ts"

/** Shortest and longest wait between attempts, in milliseconds. */
export const backoff = { minTimeout: 200, maxTimeout: 30_000, factor: 2, randomize: true } as const
/** A connection that lasted less than this counts as failed: attempts then wait longer and longer. */
const stableMs = 10_000
/** Least time between a failed attempt and the next one that a request causes. */
const wakeRestMs = 1_000

export interface Supervised {
  /** Opens the connection and makes it ready. `most`: the processes it may start for that. */
  attempt(most: number): Promise<LiveSession>
  /** Resolves when it has ended. */
  ended(live: LiveSession): Promise<void>
  /** Told of every attempt that failed. `looping`: it has failed too often to be tried again soon. */
  failed(error: unknown, looping: boolean): void
  /** Connections that were begun up to now. */
  begun(): number
  /** True when an attempt starts a process: one that keeps ending is then left alone for a while. */
  readonly isProcess: boolean
  /** Aborts when the host closes. */
  readonly signal: AbortSignal
}

export class Supervisor {
  readonly #server: Supervised
  readonly #crashes = new CrashLoop()
  /** Ends the wait for the next attempt; undefined while there is none. */
  #hurry: (() => void) | undefined
  /** Ends the rest; undefined while there is none. */
  #wake: (() => void) | undefined
  #rest: Promise<void> | undefined
  #givenUp = false
  #failures = 0
  /** Processes that the last attempt started. */
  #processes = 1
  #lastFailed = Number.NEGATIVE_INFINITY

  constructor(server: Supervised) {
    this.#server = server
  }

  /** Resolves when the host closes, or when there is no point in trying. */
  async run(): Promise<void> {
    const { signal } = this.#server
    let atOnce = true
    while (!signal.aborted && !this.#givenUp) {
      if (this.#rest !== undefined) await until(this.#rest, signal)
      const live = await this.#connect(atOnce)
      atOnce = live === undefined
      if (live === undefined) continue
      const began = performance.now()
      await this.#server.ended(live)
      if (live.closedByHost || performance.now() - began > stableMs) this.#failures = 0
      else this.#failures += 1
      // One that died of being probed counts too.
      if (!live.closedByHost) this.#crashes.ended(this.#processes, performance.now(), began)
    }
  }

  /** After the connection has ended, no attempt is made until `wake`. */
  rest(): void {
    this.#rest ??= new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Has an attempt made now; false when one has just failed, it ends again and again, or there is no point. */
  wake(): boolean {
    if (this.#givenUp) return false
    if (this.#wake !== undefined) {
      this.#wake()
      this.#wake = undefined
      this.#rest = undefined
      return true
    }
    // An attempt is being made.
    if (this.#hurry === undefined) return true
    if (this.#isLooping || performance.now() - this.#lastFailed < wakeRestMs) return false
    this.#hurry()
    return true
  }

  get #isLooping(): boolean {
    return this.#server.isProcess && this.#crashes.isLooping()
  }

  /** The longer it has failed, the longer the wait. */
  get #waitMs(): number {
    return Math.min(backoff.maxTimeout, backoff.minTimeout * 2 ** this.#failures)
  }

  /** Attempts until the server is ready; undefined when the wait is cut short, or there is no point in trying. */
  async #connect(atOnce: boolean): Promise<LiveSession | undefined> {
    const hurried = new AbortController()
    const hurry = (): void => hurried.abort()
    const signal = AbortSignal.any([this.#server.signal, hurried.signal])
    this.#hurry = hurry
    if (this.#isLooping) await sleep(this.#crashes.restMs(), signal)
    else if (!atOnce && this.#failures > 0) await sleep(this.#waitMs / 2, signal)
    const attempt = (): Promise<LiveSession> => {
      this.#hurry = undefined
      return this.#attempt().finally(() => {
        this.#hurry = hurry
      })
    }
    const options = {
      ...backoff,
      minTimeout: this.#waitMs,
      signal,
      retries: Number.POSITIVE_INFINITY,
      // What ends again and again rests first.
      shouldRetry: () => !this.#isLooping,
    }
    try {
      return await pRetry(attempt, options)
    } catch (error) {
      // What went wrong was told by then.
      this.#givenUp = isHopeless(error)
      return undefined
    } finally {
      if (!hurried.signal.aborted) this.#hurry = undefined
    }
  }

  async #attempt(): Promise<LiveSession> {
    const { isProcess } = this.#server
    const before = this.#server.begun()
    const attempt = this.#server.attempt(isProcess ? this.#crashes.left() : Number.POSITIVE_INFINITY)
    try {
      return await attempt.finally(() => {
        this.#processes = this.#server.begun() - before
      })
    } catch (error) {
      this.#failures += 1
      this.#crashes.ended(this.#processes)
      this.#lastFailed = performance.now()
      this.#server.failed(error, this.#isLooping)
      if (isHopeless(error) && error instanceof Error) throw new AbortError(error)
      throw new Error(messageOf(error))
    }
  }
}
