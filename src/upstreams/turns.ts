/** Lets requests run side by side, and some only alone: when nothing else runs, and nothing else until they end. */
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"

/** Something that runs alone for longer, in milliseconds, has the others go elsewhere. */
const patienceMs = 2_000

/** The turn did not come: what is running waits for a person or takes long, and the request goes elsewhere. */
class Moved extends Error {}

/** Tries until a turn comes, each time where `attempt` finds one likely; rejects with BUSY when none came in time. */
export async function untilTurn<T>(withinMs: number, attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Moved)) throw error
      if (performance.now() >= until) throw tooLate()
    }
  }
}

interface Cancellable {
  readonly signal: AbortSignal
}

interface Waiting {
  readonly alone: boolean
  readonly start: () => void
  readonly leave: (reason: Error) => void
}

export class Turns {
  #running = 0
  #alone = false
  /** When the last turn began, in milliseconds of the monotonic clock. */
  #since = 0
  readonly #waiting: Waiting[] = []
  readonly #waitMs: number

  /** `waitMs`: how long a turn may take to come. */
  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  /** True while something runs that must run alone. */
  get alone(): boolean {
    return this.#alone
  }

  /** How many run or wait. */
  get load(): number {
    return this.#running + this.#waiting.length
  }

  /** True while something runs alone that takes long. */
  get stuck(): boolean {
    return this.#alone && performance.now() - this.#since >= patienceMs
  }

  /** Runs `work` when its turn comes; rejects without running it when the request is cancelled before. */
  async run<T>(alone: boolean, request: Cancellable, work: () => Promise<T>): Promise<T> {
    await this.#turn(alone, request)
    try {
      return await work()
    } finally {
      this.#running -= 1
      if (this.#running === 0) this.#alone = false
      this.#next()
    }
  }

  /** Sends those who wait elsewhere: they are rejected with `Moved`. */
  move(): void {
    for (const { leave } of this.#waiting.splice(0)) leave(new Moved())
  }

  #free(alone: boolean): boolean {
    return !this.#alone && (!alone || this.#running === 0)
  }

  #turn(alone: boolean, request: Cancellable): Promise<void> {
    // In the order they came: a request that must run alone is not passed by for ever.
    if (this.#waiting.length === 0 && this.#free(alone)) {
      this.#take(alone)
      return Promise.resolve()
    }
    // Read only now: a signal is made on first use.
    const { signal } = request
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener("abort", withdraw)
      }
      const entry: Waiting = {
        alone,
        start: () => {
          end()
          resolve()
        },
        leave: (reason) => {
          end()
          reject(reason)
        },
      }
      const giveUp = (reason: Error): void => {
        const at = this.#waiting.indexOf(entry)
        if (at === -1) return
        this.#waiting.splice(at, 1)
        entry.leave(reason)
        this.#next()
      }
      const withdraw = (): void => giveUp(new ProtocolError(rpcCodes.internalError, "Request cancelled"))
      const until = performance.now() + this.#waitMs
      const look = (): void => {
        if (performance.now() >= until) return giveUp(tooLate())
        if (this.stuck) return giveUp(new Moved())
        timer = setTimeout(look, Math.min(patienceMs, Math.max(1, until - performance.now())))
      }
      let timer = setTimeout(look, Math.min(patienceMs, this.#waitMs))
      this.#waiting.push(entry)
      signal.addEventListener("abort", withdraw)
    })
  }

  #take(alone: boolean): void {
    this.#running += 1
    this.#alone = alone
    this.#since = performance.now()
  }

  #next(): void {
    for (let [first] = this.#waiting; first !== undefined && this.#free(first.alone); [first] = this.#waiting) {
      this.#waiting.shift()
      this.#take(first.alone)
      first.start()
    }
  }
}

function tooLate(): ProtocolError {
  const reason =
    "requests before this one, whose questions or log messages could not be told from its own, have not ended"
  return upstreamError("BUSY", { reason, sent: "no", retryable: true })
}
