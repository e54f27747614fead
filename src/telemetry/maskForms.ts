/** How a secret looks when all of it was turned into something else: its bytes in another notation. For the masker. */

export interface Form {
  readonly text: string
  /** In base64, the characters before and after may hold bits of it too. */
  readonly partial?: { readonly before: boolean; readonly after: boolean }
}

/** The secret as it is, and its bytes in hexadecimal, in decimal, and in base64 wherever they stand there. */
export function formsOf(secret: string): Form[] {
  const bytes = Buffer.from(secret, "utf8")
  const hex = bytes.toString("hex")
  const pairs = hex.match(/../g) ?? []
  return [
    { text: secret },
    ...[hex, pairs.join(" "), pairs.join(":")].flatMap((text) => [{ text }, { text: text.toUpperCase() }]),
    // As JSON has the bytes of a buffer.
    { text: bytes.join(",") },
    { text: bytes.join(", ") },
    ...[0, 1, 2].flatMap((before) => base64Of(bytes, before)),
  ]
}

/** In base64 three bytes are four characters, so that a text looks in three ways, by how many bytes are before it. */
function base64Of(bytes: Buffer, before: number): Form[] {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes])
    .toString("base64")
    .replaceAll("=", "")
  const first = Math.ceil((before * 8) / 6)
  const end = Math.floor(((before + bytes.length) * 8) / 6)
  const text = encoded.slice(first, end)
  const partial = { before: (before * 8) % 6 !== 0, after: ((before + bytes.length) * 8) % 6 !== 0 }
  const url = text.replaceAll("+", "-").replaceAll("/", "_")
  return url === text
    ? [{ text, partial }]
    : [
        { text, partial },
        { text: url, partial },
      ]
}
