/**
 * Lines to a file descriptor, written once in a turn of the event loop: a line each would cost a system call each. What is
 * left when the process ends in order is written then. Used by the log where it is read by programs.
 */
import { pino } from "pino"

/** Characters that are written at once, in the middle of a turn too. */
const most = 65_536

export function createBatchedOutput(descriptor: number): { write(line: string): void } {
  const output = pino.destination({ dest: descriptor, sync: true })
  // A list: joining it takes a quarter of what lines added to each other cost, which are made one text only at the end.
  let lines: string[] = []
  let characters = 0
  let isAwaited = false
  const flush = (): void => {
    isAwaited = false
    if (characters === 0) return
    const text = lines.join("")
    lines = []
    characters = 0
    output.write(text)
  }
  process.on("exit", flush)
  return {
    write(line) {
      lines.push(line)
      characters += line.length
      if (characters >= most) flush()
      else if (!isAwaited) {
        isAwaited = true
        setImmediate(flush)
      }
    },
  }
}
