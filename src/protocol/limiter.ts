/**
 * Lets so many requests run at once, and so many wait; what comes beyond is refused with BUSY at once. Servers with a
 * `concurrency` have one, and the middleware `concurrency` has one for each of those it keeps apart.
 */

import { onCancelled } from "./cancellation.ts"
import { ProtocolError, rpcCodes, upstreamError } from "./errors.ts"
import type { Context } from "./messages.ts"

export interface Concurrency {
  /** Requests that run at once. */
  readonly running: number
  /** Requests that wait for one of those to end. */
  readonly waiting: number
}

/** How many there are now of each. */
export type Load = Concurrency

type Cancellable = Pick<Context, "signal" | "cancellation">

export class Limiter {
  readonly #most: Concurrency
  readonly #waitMs: number
  /** In the order they came. */
  readonly #waiting = new Set<() => void>()
  #running = 0

  /** `waitMs`: how long a request may wait. */
  constructor(most: Concurrency, waitMs: number) {
    this.#most = most
    this.#waitMs = waitMs
  }

  get load(): Load {
    return { running: this.#running, waiting: this.#waiting.size }
  }

  async run<T>(request: Cancellable, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most.running) this.#running += 1
    else await this.#place(request)
    try {
      return await work()
    } finally {
      // The place goes to the one that has waited longest, or is free.
      const [next] = this.#waiting
      if (next === undefined) this.#running -= 1
      else next()
    }
  }

  /** Resolves when a request that ends leaves its place to this one. */
  #place(request: Cancellable): Promise<void> {
    if (this.#waiting.size >= this.#most.waiting) {
      return Promise.reject(
        busy(`the limit of ${this.#most.running} at once is reached, and ${this.#waiting.size} wait`),
      )
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        stopListening()
        this.#waiting.delete(start)
      }
      const start = (): void => {
        leave()
        resolve()
      }
      const cancel = (): void => {
        leave()
        reject(new ProtocolError(rpcCodes.internalError, "Request cancelled"))
      }
      const timer = setTimeout(() => {
        leave()
        reject(
          busy(
            `the limit of ${this.#most.running} at once is reached, and no place got free within ${this.#waitMs} ms`,
          ),
        )
      }, this.#waitMs)
      this.#waiting.add(start)
      const stopListening = onCancelled(request, cancel)
    })
  }
}

function busy(reason: string): ProtocolError {
  return upstreamError("BUSY", { reason, sent: "no", retryable: true })
}
