/**
 * Keeps the pieces of a message until it is whole, without copying them. Only small ones are joined, once, so that a
 * message arriving byte by byte costs no more than one arriving whole.
 */
import { joined, type Pieces } from "../protocol/pieces.ts"

/** Pieces below this size are joined, in bytes: handing one on costs as much as copying so many. */
const smallBytes = 16 * 1024
/** Small pieces kept before they are joined: each has a price in memory beside its bytes, which may be one. */
const maxSmall = 1_024
/** Bytes of small pieces that are joined into one. */
const joinedBytes = 64 * 1024

export class PieceCollector {
  #pieces: Buffer[] = []
  /** Small pieces behind them, not joined yet. */
  #small: Buffer[] = []
  #smallBytes = 0
  #size = 0

  /** Bytes kept. */
  get size(): number {
    return this.#size
  }

  add(piece: Buffer): void {
    this.#size += piece.length
    if (piece.length >= smallBytes) {
      this.#join()
      this.#pieces.push(piece)
      return
    }
    if (piece.length === 0) return
    this.#smallBytes += piece.length
    if (this.#small.push(piece) === maxSmall || this.#smallBytes >= joinedBytes) this.#join()
  }

  /** Everything kept, which is kept no longer. */
  take(): Pieces {
    if (this.#size === 0) return []
    this.#join()
    const pieces = this.#pieces
    this.clear()
    return pieces
  }

  clear(): void {
    this.#pieces = []
    this.#small = []
    this.#smallBytes = 0
    this.#size = 0
  }

  #join(): void {
    if (this.#smallBytes === 0) return
    this.#pieces.push(joined(this.#small))
    this.#small = []
    this.#smallBytes = 0
  }
}
