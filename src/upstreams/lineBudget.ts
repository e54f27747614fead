/** How much of their standard error the children of one server may log: so much in a second, and then how much was not. */
import type { MaskingLogger } from "./serverLogger.ts"

/** Lines of one server that are logged in a second. */
const maxLinesPerSecond = 100
const maxLogLineBytes = 8 * 1024

export class LineBudget {
  readonly #logger: MaskingLogger
  #left = maxLinesPerSecond
  #leftOut = 0
  #second: NodeJS.Timeout | undefined

  constructor(logger: MaskingLogger) {
    this.#logger = logger
  }

  get exhausted(): boolean {
    return this.#left === 0
  }

  log(line: string): void {
    if (this.#left === 0) return this.leaveOut(1)
    this.#begin()
    this.#left -= 1
    const text = this.#logger.mask?.(line) ?? line
    this.#logger.info(text.slice(0, maxLogLineBytes), { stream: "stderr" })
  }

  leaveOut(lines: number): void {
    if (lines === 0) return
    this.#begin()
    this.#leftOut += lines
  }

  #begin(): void {
    this.#second ??= setTimeout(() => this.#end(), 1_000).unref()
  }

  #end(): void {
    const lines = this.#leftOut
    this.#second = undefined
    this.#left = maxLinesPerSecond
    this.#leftOut = 0
    if (lines > 0) this.#logger.warn(`left out ${lines} lines of its standard error`, { lines })
  }
}
