/** Reads the durations of the manifest, `250ms 10s 5m 1h`, as milliseconds. */
const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

export const durationPattern = /^(\d+)(ms|s|m|h)$/

/** The longest time a Node timer can wait; a longer one would fire at once. */
export const longestDurationMs = 2 ** 31 - 1

export const durationWords = "a duration such as 250ms, 10s, 5m or 1h (at most 596h)"

/** Milliseconds; throws a RangeError that says what is allowed. */
export function parseDuration(text: string): number {
  const match = durationPattern.exec(text)
  const ms = match === null ? Number.NaN : Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
  // A comparison with NaN is false, so this also refuses what the pattern did not match.
  if (ms <= longestDurationMs) return ms
  throw new RangeError(`must be ${durationWords}, given ${JSON.stringify(text)}`)
}

export function isDuration(text: string): boolean {
  const match = durationPattern.exec(text)
  return match !== null && Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] <= longestDurationMs
}
