/** Reads the sizes of the manifest, `64KiB 4MiB`, as bytes. */
const unitBytes = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

export const sizePattern = /^(\d+)(B|KiB|MiB|GiB)$/

export const sizeWords = "a size such as 512B, 64KiB, 4MiB or 1GiB"

/** Bytes; throws a RangeError that says what is allowed. */
export function parseSize(text: string): number {
  const match = sizePattern.exec(text)
  const bytes = match === null ? Number.NaN : Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes]
  // A comparison with NaN is false, so this also refuses what the pattern did not match.
  if (bytes <= Number.MAX_SAFE_INTEGER) return bytes
  throw new RangeError(`must be ${sizeWords}, given ${JSON.stringify(text)}`)
}

/** Whether `parseSize` reads the text. */
export function isSize(text: string): boolean {
  const match = sizePattern.exec(text)
  return match !== null && Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes] <= Number.MAX_SAFE_INTEGER
}
