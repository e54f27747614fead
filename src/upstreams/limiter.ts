/** Lets so many requests to a server run at once, and so many wait; what comes beyond is refused with BUSY at once. */
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import type { Context } from "../protocol/messages.ts"

export interface Concurrency {
  /** Requests that run at once. */
  readonly running: number
  /** Requests that wait for one of those to end. */
  readonly waiting: number
}

/** How many there are now of each. */
export type Load = Concurrency

type Cancellable = Pick<Context, "signal">

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
  #place({ signal }: Cancellable): Promise<void> {
    if (this.#waiting.size >= this.#most.waiting) {
      return Promise.reject(busy(`it works on ${this.#most.running} already, and ${this.#waiting.size} wait`))
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        signal.removeEventListener("abort", cancel)
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
        reject(busy(`it works on ${this.#most.running} already, and none of them ended within ${this.#waitMs} ms`))
      }, this.#waitMs)
      this.#waiting.add(start)
      signal.addEventListener("abort", cancel)
    })
  }
}

function busy(reason: string): ProtocolError {
  return upstreamError("BUSY", { reason, sent: "no", retryable: true })
}
