/** Aligned columns for people. */
import type { Colors } from "./terminal.ts"

export interface TableOptions {
  readonly colors: Colors
  /** Columns of the terminal: the last column of the table is cut to fit. Undefined: nothing is cut. */
  readonly width: number | undefined
}

const gap = "  "
const shortestLast = 12

export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { colors, width }: TableOptions,
): string {
  const lines = [header, ...rows].map((row) => row.map(onOneLine))
  const widths = header.map((_, column) => Math.max(...lines.map((line) => lengthOf(line[column] ?? ""))))
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + gap.length, 0)
  const room = width === undefined ? undefined : Math.max(shortestLast, width - before)
  const shown = lines.map((line) =>
    line
      .map((cell, column) => (column === line.length - 1 ? cut(cell, room) : padded(cell, widths[column] ?? 0)))
      .join(gap)
      .trimEnd(),
  )
  return shown.map((line, index) => (index === 0 ? colors.dim(line) : line)).join("\n")
}

/** Text of a server on one line, without what could steer the terminal. */
export function onOneLine(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, " ").trim()
}

function lengthOf(text: string): number {
  return [...text].length
}

function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - lengthOf(text)))
}

function cut(text: string, room: number | undefined): string {
  if (room === undefined || lengthOf(text) <= room) return text
  return `${[...text].slice(0, room - 1).join("")}…`
}
