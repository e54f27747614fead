/**
 * Bytes in the pieces they arrived in. A large message is never joined into one Buffer: copying it costs more than
 * everything else that is done with it, and memory outside the heap makes V8 collect the whole heap.
 */
export type Pieces = readonly Buffer[]

export function sizeOf(pieces: Pieces): number {
  let size = 0
  for (const piece of pieces) size += piece.length
  return size
}

/** The bytes in one Buffer; copied only when there are several pieces. */
export function joined(pieces: Pieces): Buffer {
  const [only] = pieces
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces)
}

/** The bytes from `start` to before `end`, both counted from the beginning; views, no copies. */
export function slice(pieces: Pieces, start: number, end = Number.POSITIVE_INFINITY): Buffer[] {
  const found: Buffer[] = []
  let at = 0
  for (const piece of pieces) {
    const from = Math.max(0, start - at)
    const to = Math.min(piece.length, end - at)
    if (from < to) found.push(from === 0 && to === piece.length ? piece : piece.subarray(from, to))
    at += piece.length
    if (at >= end) break
  }
  return found
}
