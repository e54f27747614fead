/** Whether a tool answered that it failed, without parsing what need not be. */
import type { McpResult } from "../protocol/messages.ts"
import { joined, type Pieces, slice } from "../protocol/pieces.ts"

export function hasFailed(result: McpResult): boolean {
  const { bytes } = result
  // A name can be written with escapes, too.
  if (bytes !== undefined && !mentions(bytes, '"isError"') && !mentions(bytes, "\\u")) return false
  return result.value["isError"] === true
}

/** Whether a text stands in the bytes, across pieces too. */
function mentions(pieces: Pieces, text: string): boolean {
  let end = 0
  return pieces.some((piece) => {
    end += piece.length
    return piece.includes(text) || joined(slice(pieces, end - text.length + 1, end + text.length - 1)).includes(text)
  })
}
