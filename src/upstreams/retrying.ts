/** When to try again, and how to wait for it. */
import { HostError } from "../errors.ts"
import { ProtocolError, wireErrors } from "../protocol/errors.ts"

/** Failures that trying again cannot mend: refused credentials, a package that cannot be loaded. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof ProtocolError) return error.code === wireErrors.UPSTREAM_AUTH.code
  return error instanceof HostError
}

/** Resolves after that time, or when the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  return until(late, signal).finally(() => clearTimeout(timer))
}

/** Resolves with the work, or when the signal aborts. */
export function until(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const done = (): void => {
      signal.removeEventListener("abort", done)
      resolve()
    }
    signal.addEventListener("abort", done)
    work.then(done, reject)
  })
}

/** Something that others wait for, once. */
export class Gate {
  readonly ended: Promise<void>
  isOver = false
  #resolve = (): void => undefined

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  end(): void {
    this.isOver = true
    this.#resolve()
  }
}
