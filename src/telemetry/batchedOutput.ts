/**
 * Lines to a file descriptor, written once in a turn of the event loop: a line each would cost a system call each. What is
 * left when the process ends in order is written then. Used by the log where it is read by programs.
 */
import { pino } from "pino"

/** Characters that are written at once, in the middle of a turn too. */
const most = 65_536

export function createBatchedOutput(descriptor: number): { write(line: string): void } {
  const output = pino.destination({ dest: descriptor, sync: true })
  let lines = ""
  let isAwaited = false
  const flush = (): void => {
    isAwaited = false
    if (lines === "") return
    const text = lines
    lines = ""
    output.write(text)
  }
  process.on("exit", flush)
  return {
    write(line) {
      lines += line
      if (lines.length >= most) flush()
      else if (!isAwaited) {
        isAwaited = true
        setImmediate(flush)
      }
    },
  }
}
