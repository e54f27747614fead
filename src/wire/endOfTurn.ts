/**
 * What is written to sockets leaves together, when the event loop has heard everybody who had something to say. A process
 * at the other end is woken once for all of it: one write at a time wakes it for each, which costs more than the writes.
 */

let waiting: (() => void)[] = []

/** Calls back before the event loop waits again; in the order of the calls. */
export function atEndOfTurn(work: () => void): void {
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
