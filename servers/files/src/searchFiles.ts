/** Search by name and by content: bounded in files, matches and bytes, and stoppable at every file. */
import { openChecked } from "./containment.ts"
import { errorCode, FileError } from "./fileError.ts"
import { createGlob } from "./glob.ts"
import { decodeText, isTextSample } from "./readContent.ts"
import type { Location } from "./roots.ts"
import { type Entry, type EntryType, walk } from "./walk.ts"

export interface SearchOptions {
  /** Glob for the name, or for the path below the start when it has a `/`. */
  readonly name?: string | undefined
  /** Text that a line must contain. */
  readonly text?: string | undefined
  readonly caseSensitive: boolean
  readonly hidden: boolean
  readonly maxResults: number
  /** Larger files are not searched for text. */
  readonly maxFileBytes: number
  readonly signal: AbortSignal
  /** Told how many entries were looked at, now and then. */
  readonly onProgress: (scanned: number) => Promise<void>
}

export interface FoundFile {
  readonly path: string
  readonly type: EntryType
  /** Matching lines, from line 1; empty when only the name was searched for. */
  readonly matches: { line: number; text: string }[]
}

export interface Found {
  readonly results: FoundFile[]
  readonly scanned: number
  /** True when there may be more than what is here. */
  readonly truncated: boolean
}

const maxDepth = 32
const maxEntries = 50_000
const maxMatchesPerFile = 5
const maxLineLength = 200
const progressIntervalMs = 200

export async function searchFiles(start: Location, options: SearchOptions): Promise<Found> {
  const matchesName = options.name === undefined ? () => true : createGlob(options.name, !options.caseSensitive)
  const results: FoundFile[] = []
  let scanned = 0
  let reportedAt = Number.NEGATIVE_INFINITY
  for await (const entry of walk(start, { depth: maxDepth, hidden: options.hidden, signal: options.signal })) {
    options.signal.throwIfAborted()
    if (results.length === options.maxResults || scanned === maxEntries) return { results, scanned, truncated: true }
    scanned += 1
    if (performance.now() - reportedAt >= progressIntervalMs) {
      reportedAt = performance.now()
      await options.onProgress(scanned)
    }
    if (!matchesName(entry.location.segments.slice(start.segments.length))) continue
    const matches = options.text === undefined ? [] : await searchText(entry, options.text, options)
    if (options.text !== undefined && matches.length === 0) continue
    results.push({ path: entry.location.path, type: entry.type, matches })
  }
  return { results, scanned, truncated: false }
}

async function searchText(entry: Entry, text: string, options: SearchOptions): Promise<FoundFile["matches"]> {
  if (entry.type !== "file") return []
  const content = await readText(entry.location, options.maxFileBytes)
  const fold = (line: string): string => (options.caseSensitive ? line : line.toLowerCase())
  const wanted = fold(text)
  const matches: FoundFile["matches"] = []
  if (content === undefined || !fold(content).includes(wanted)) return matches
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    const at = fold(line).indexOf(wanted)
    if (at === -1) continue
    const from = Math.max(0, at - maxLineLength / 4)
    matches.push({ line: index + 1, text: line.slice(from, from + maxLineLength).trim() })
    if (matches.length === maxMatchesPerFile) break
  }
  return matches
}

/** Undefined for what cannot be searched: too large, binary, vanished, not ours to read. */
async function readText(location: Location, maxBytes: number): Promise<string | undefined> {
  try {
    const { handle, stats } = await openChecked(location)
    try {
      if (!stats.isFile() || stats.size > maxBytes) return undefined
      const data = await handle.readFile()
      return isTextSample(data) ? decodeText(data) : undefined
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof FileError || ["EACCES", "ENOENT", "EPERM"].includes(errorCode(error) ?? "")) return undefined
    throw error
  }
}
