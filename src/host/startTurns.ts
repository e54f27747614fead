/** Lets servers start a few at a time, in the order they ask. Whoever takes long gives its place to the next. */
import type { Upstream } from "../upstreams/upstream.ts"

export interface StartTurnsOptions {
  /** Places: how many may be starting at once. */
  readonly most: number
  /** How long one may hold its place, in milliseconds. */
  readonly longestMs: number
}

/** Each call asks for a place, to be held until `ended`; what it gives resolves when the place is there. */
export function createStartTurns({ most, longestMs }: StartTurnsOptions): (ended: Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = []
  let free = most
  const admit = (): void => {
    if (free === 0) return
    const next = waiting.shift()
    if (next === undefined) return
    free -= 1
    next()
  }
  const hold = async (ended: Promise<void>): Promise<void> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, longestMs).unref()
    })
    await Promise.race([ended, late])
    clearTimeout(timer)
    free += 1
    admit()
  }
  return (ended) =>
    new Promise((resolve) => {
      waiting.push(() => {
        resolve()
        // It never rejects: neither do the promises it waits for.
        void hold(ended)
      })
      admit()
    })
}

/** Resolves when the first attempt has ended, well or badly. */
export function leftStarting(upstream: Upstream): Promise<void> {
  if (upstream.state.state !== "starting") return Promise.resolve()
  return new Promise((resolve) => {
    const stop = upstream.on(() => {
      if (upstream.state.state === "starting") return
      stop()
      resolve()
    })
  })
}
