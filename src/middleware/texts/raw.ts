/** Looks into a result that is still bytes, so that it is parsed only where it may hold what somebody looks for. */
import type { Pieces } from "../../protocol/pieces.ts"

/** True when one of these stands in the bytes, also across the border of two pieces. */
export function mayHold(pieces: Pieces, wanted: readonly Buffer[]): boolean {
  const longest = Math.max(...wanted.map((each) => each.length))
  let before: Buffer | undefined
  for (const piece of pieces) {
    if (wanted.some((each) => piece.includes(each))) return true
    if (before !== undefined && longest > 1) {
      const border = Buffer.concat([before, piece.subarray(0, longest - 1)])
      if (wanted.some((each) => border.includes(each))) return true
    }
    // A piece may be shorter than what is looked for.
    const seen: Buffer = before === undefined || piece.length >= longest ? piece : Buffer.concat([before, piece])
    before = seen.subarray(Math.max(0, seen.length - longest + 1))
  }
  return false
}
