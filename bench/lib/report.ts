/** Figures as people read them. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function toRatio(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–"
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3)
}

export function toCount(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–"
  return Math.round(value).toLocaleString("en-US")
}

/** Three significant figures at most. */
export function toFigure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–"
  if (Math.abs(value) >= 100) return toCount(value)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}
