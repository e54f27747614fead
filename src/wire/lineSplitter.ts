/** Splits a byte stream into lines, which come in the pieces they arrived in: what has arrived is not copied. */
import type { Pieces } from "../protocol/pieces.ts"
import { PieceCollector } from "./pieceCollector.ts"

export class LineSplitter {
  readonly #maxBytes: number
  readonly #line: (pieces: Pieces) => void
  readonly #tooLong: () => void
  /** The beginning of the line. */
  readonly #begun = new PieceCollector()
  /** True while the rest of a line that was too long arrives. */
  #skipping = false

  /** `tooLong` is called when a line exceeds `maxBytes`; the line is dropped and the next one taken again. */
  constructor(maxBytes: number, line: (pieces: Pieces) => void, tooLong: () => void) {
    this.#maxBytes = maxBytes
    this.#line = line
    this.#tooLong = tooLong
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at)
      from = at + 1
      // Most lines come whole.
      if (this.#begun.size === 0 && !this.#skipping && end.length <= this.#maxBytes) {
        this.#line([end])
        continue
      }
      this.#keep(end)
      const skipped = this.#skipping
      this.#skipping = false
      if (!skipped) this.#line(this.#begun.take())
    }
    // A view of a whole chunk would no longer be known for one.
    if (from < chunk.length) this.#keep(from === 0 ? chunk : chunk.subarray(from))
  }

  /** What arrived after the last newline; given as a line when the stream ends. */
  end(): void {
    if (this.#begun.size > 0) this.#line(this.#begun.take())
  }

  /** Forgets what arrived after the last newline. */
  clear(): void {
    this.#begun.clear()
  }

  #keep(piece: Buffer): void {
    if (this.#skipping) return
    this.#begun.add(piece)
    if (this.#begun.size <= this.#maxBytes) return
    this.#begun.clear()
    this.#skipping = true
    this.#tooLong()
  }
}
