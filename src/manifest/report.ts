/**
 * Collects the problems of one manifest, placing each by its offset. Files that the manifest includes follow its own text,
 * each at a base of its own, so that an offset says which file it is in.
 */
import { type HostErrorCode, hostErrors, type SourcePlace } from "../errors.ts"
import type { Problem } from "./manifestError.ts"

export interface Report {
  readonly file: string
  readonly text: string
  /** Where this file begins among all files of the manifest. */
  readonly base: number
  /** The problems of all files. */
  readonly problems: Problem[]
  /** All files so far, in the order they were read. */
  readonly files: readonly { readonly file: string; readonly text: string }[]
  /** Adds a problem; the same message at the same place counts once. */
  add(code: HostErrorCode, offset: number, message: string, help?: string): void
  /** Of an offset in this file; of the manifest's own report, also of offsets in the files it includes. */
  placeAt(offset: number): SourcePlace
  /** The report of another file of the same manifest. */
  include(file: string, text: string): Report
}

interface Shared {
  readonly problems: Problem[]
  readonly reports: Report[]
  readonly seen: Set<string>
}

export function createReport(file: string, text: string): Report {
  return createPart({ problems: [], reports: [], seen: new Set() }, file, text)
}

function createPart(shared: Shared, file: string, text: string): Report {
  const { problems, reports, seen } = shared
  const starts = lineStartsOf(text)
  const last = reports.at(-1)
  const base = last === undefined ? 0 : last.base + last.text.length + 1
  const report: Report = {
    file,
    text,
    base,
    problems,
    files: reports,
    placeAt(offset) {
      const other = offset > text.length ? reports.findLast((each) => each.base <= base + offset) : undefined
      if (other !== undefined && other !== report) return other.placeAt(base + offset - other.base)
      const line = lineAt(starts, offset)
      return { file, line: line + 1, column: offset - (starts[line] ?? 0) + 1 }
    },
    add(code, offset, message, help = hostErrors[code].help) {
      const id = `${base + offset} ${message}`
      if (seen.has(id)) return
      seen.add(id)
      problems.push({ code, message, help, place: report.placeAt(offset), severity: "error" })
    },
    include: (other, content) => createPart(shared, other, content),
  }
  reports.push(report)
  return report
}

function lineStartsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return starts
}

/** Index of the last line that starts at or before the offset. */
function lineAt(starts: readonly number[], offset: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}
