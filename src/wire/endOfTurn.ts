/**
 * What is written to sockets leaves together, when the event loop has heard everybody who had something to say. A process
 * at the other end is woken once for all of it: one write at a time wakes it for each, which costs more than the writes.
 * A request that is alone in the process has nobody to wait for.
 */

let waiting: (() => void)[] = []
let requests = 0

/** A request of a client is on its way through the process until `requestLeft`. */
export function requestCame(): void {
  requests += 1
}

export function requestLeft(): void {
  requests -= 1
}

/** Calls back before the event loop waits again, in the order of the calls; at once for the one request there is. */
export function atEndOfTurn(work: () => void): void {
  if (requests === 1 && waiting.length === 0) return work()
  if (waiting.push(work) === 1) setImmediate(doAll)
}

function doAll(): void {
  const all = waiting
  waiting = []
  for (const work of all) {
    try {
      work()
    } catch (error) {
      // The others are done all the same; this one is for whoever hears of errors that nobody caught.
      process.nextTick(() => {
        throw error
      })
    }
  }
}
