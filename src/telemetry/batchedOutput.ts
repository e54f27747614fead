/**
 * Lines to a file descriptor, written together: a system call for each would cost more than all else about it. A line that
 * comes alone is written at the end of its turn of the event loop; more, within some milliseconds. What is left when the
 * process ends in order is written then. Used by the log where it is read by programs.
 */
import { pino } from "pino"

/** Characters that are written at once, in the middle of a turn too. */
const most = 65_536
/** Least time between two writes of less, in milliseconds. */
const leastMs = 10

export function createBatchedOutput(descriptor: number): { write(line: string): void } {
  const output = pino.destination({ dest: descriptor, sync: true })
  // A list: joining it takes a quarter of what lines added to each other cost, which are made one text only at the end.
  let lines: string[] = []
  let characters = 0
  let isAwaited = false
  let written = Number.NEGATIVE_INFINITY
  const flush = (): void => {
    isAwaited = false
    if (characters === 0) return
    const text = lines.join("")
    lines = []
    characters = 0
    output.write(text)
    written = performance.now()
  }
  const schedule = (): void => {
    const waitMs = written + leastMs - performance.now()
    // The process may end meanwhile.
    if (waitMs > 0) setTimeout(flush, waitMs).unref()
    else setImmediate(flush)
  }
  process.on("exit", flush)
  return {
    write(line) {
      lines.push(line)
      characters += line.length
      if (characters >= most) flush()
      else if (!isAwaited) {
        isAwaited = true
        schedule()
      }
    },
  }
}
