/**
 * The standard error of a child: always drained, so that a child never waits for it; its end is kept, to explain how the
 * child ended; and logged line by line, at a rate that a child cannot drown the host's log with.
 */
import { joined, type Pieces } from "../protocol/pieces.ts"
import { LineSplitter } from "../wire/lineSplitter.ts"
import type { LineBudget } from "./lineBudget.ts"

/** What is kept of it. */
const keptBytes = 64 * 1024
/** Longer lines are not logged. */
const maxLineBytes = 64 * 1024

export class ErrorOutput {
  readonly #budget: LineBudget
  readonly #lines: LineSplitter
  #ring: Buffer | undefined
  #written = 0
  /** True while nothing is logged, until the line that begins after the budget is there again. */
  #skipping = false
  /** True when what was skipped ends within a line. */
  #torn = false

  constructor(budget: LineBudget) {
    this.#budget = budget
    const log = (line: Pieces): void => {
      const text = joined(line).toString("utf8").trim()
      if (text !== "") this.#budget.log(text)
    }
    this.#lines = new LineSplitter(maxLineBytes, log, () => this.#budget.leaveOut(1))
  }

  push(chunk: Buffer): void {
    this.#keep(chunk)
    if (!this.#skipping) this.#lines.push(chunk)
    else if (this.#budget.exhausted) this.#budget.leaveOut(newlines(chunk))
    else this.#resume(chunk)
    if (!this.#budget.exhausted) return
    this.#lines.clear()
    this.#skipping = true
    this.#torn = chunk.at(-1) !== 10
  }

  #resume(chunk: Buffer): void {
    const from = this.#torn ? chunk.indexOf(10) + 1 : 0
    if (this.#torn && from === 0) return
    if (this.#torn) this.#budget.leaveOut(1)
    this.#skipping = false
    this.#lines.push(chunk.subarray(from))
  }

  end(): void {
    this.#lines.end()
  }

  /** The end of what it wrote, in whole lines, not masked. */
  get text(): string {
    const ring = this.#ring
    if (ring === undefined) return ""
    if (this.#written <= keptBytes) return ring.toString("utf8", 0, this.#written)
    const at = this.#written % keptBytes
    const kept = Buffer.concat([ring.subarray(at), ring.subarray(0, at)])
    // Half a line may hold half a secret, which nobody would know for one.
    const whole = kept.indexOf(10) + 1
    return whole === 0 ? "" : kept.toString("utf8", whole)
  }

  /** The last line that is not empty. */
  get lastLine(): string {
    const text = this.text.trimEnd()
    return text.slice(text.lastIndexOf("\n") + 1).trim()
  }

  #keep(chunk: Buffer): void {
    this.#ring ??= Buffer.allocUnsafeSlow(keptBytes)
    const piece = chunk.subarray(Math.max(0, chunk.length - keptBytes))
    const copied = piece.copy(this.#ring, this.#written % keptBytes)
    piece.copy(this.#ring, 0, copied)
    this.#written += piece.length
  }
}

/** Counted byte by byte: lines of a flood may be empty, and a search for each costs more than looking at all. */
function newlines(chunk: Buffer): number {
  let count = 0
  for (let at = 0; at < chunk.length; at += 1) if (chunk[at] === 10) count += 1
  return count
}
