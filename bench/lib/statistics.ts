/** Medians and spreads of what the rounds gave. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** Half the distance between the quartiles, as a share of the median: how far the rounds lie apart. */
export function spread(values: readonly number[]): number {
  if (values.length < 3) return 0
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] as number
  return (at(0.75) - at(0.25)) / 2 / median(sorted)
}

/** The median of `values[i] / bases[i]`, over the rounds in which both were measured. */
export function ratioOf(
  values: readonly (number | undefined)[],
  bases: readonly (number | undefined)[],
): number | undefined {
  const ratios = values.flatMap((value, round) => {
    const base = bases[round]
    return value === undefined || base === undefined || base === 0 ? [] : [value / base]
  })
  return ratios.length === 0 ? undefined : median(ratios)
}

export function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : median(known)
}
