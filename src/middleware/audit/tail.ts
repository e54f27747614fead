/** Finds where an audit log ends: its last whole line, and what a killed process left behind it. */
import { createHash } from "node:crypto"
import { type FileHandle, open } from "node:fs/promises"
import { hasCode } from "../../storage/errors.ts"
import { filesOf } from "./files.ts"
import { type AuditKey, keyIdOf, type Line, type Link, noHash, parseLine } from "./line.ts"

/** How much of the end is looked at first; more when no line is found in it. */
const windowBytes = 256 * 1024

/** What is behind the last whole line. */
export interface Rest {
  readonly bytes: number
  readonly sha256: string
  /** True when a line in it was whole once: no kill does that. */
  readonly damaged: boolean
}

export interface Tail {
  readonly last: Link
  readonly rest: Rest | undefined
  /** The file that is written, when it is there and not empty. */
  readonly current: CurrentFile | undefined
  /** The first line there is; undefined without any. */
  readonly first: number | undefined
}

export interface CurrentFile {
  readonly size: number
  readonly endsWhole: boolean
  /** Its first whole line. */
  readonly first: Line | undefined
}

export type KeyOf = (id: string) => AuditKey | undefined

export async function findTail(file: string, keyOf: KeyOf): Promise<Tail> {
  const files = await filesOf(file)
  let current: CurrentFile | undefined
  let rest: Rest | undefined
  for (const each of files.toReversed()) {
    const end = await endOf(each.path, keyOf)
    if (each.first === undefined && end.size > 0) current = end
    rest ??= end.rest
    if (end.last === undefined) continue
    const oldest = files[0]?.first ?? end.first?.seq
    return { last: end.last, rest, current, first: oldest }
  }
  return { last: { seq: 0, hash: noHash }, rest, current, first: undefined }
}

interface End extends CurrentFile {
  readonly last: Line | undefined
  readonly rest: Rest | undefined
}

async function endOf(file: string, keyOf: KeyOf): Promise<End> {
  let handle: FileHandle
  try {
    handle = await open(file, "r")
  } catch (error) {
    if (hasCode(error, "ENOENT"))
      return { size: 0, endsWhole: true, first: undefined, last: undefined, rest: undefined }
    throw error
  }
  try {
    const { size } = await handle.stat()
    const first = firstLine(await bytesAt(handle, 0, Math.min(size, windowBytes)), keyOf)
    const key = first === undefined ? undefined : keyFor(first, keyOf)
    for (let window = windowBytes; ; window *= 4) {
      const from = Math.max(0, size - window)
      const bytes = await bytesAt(handle, from, size - from)
      const found = lastLine(bytes, { key, keyOf, whole: from === 0 })
      if (found.last === undefined && from > 0) continue
      return { size, endsWhole: size === 0 || bytes.at(-1) === lineBreak, first, ...found }
    }
  } finally {
    await handle.close()
  }
}

const lineBreak = 0x0a

/** The key that a line names; null for one that is not known. */
export function keyFor(line: Line, keyOf: KeyOf): AuditKey | undefined | null {
  const id = keyIdOf(line)
  return id === undefined ? undefined : (keyOf(id) ?? null)
}

function firstLine(bytes: Buffer, keyOf: KeyOf): Line | undefined {
  for (const { text } of linesOf(bytes)) {
    const line = openLine(text, keyOf)
    if (line !== undefined) return line
  }
  return undefined
}

/** An `open` line says itself which key it was made with. */
export function openLine(text: string, keyOf: KeyOf): Line | undefined {
  if (!text.includes('"event":"open"')) return undefined
  const unchecked = parseLine(text, null)
  if (unchecked?.value["event"] !== "open") return undefined
  const line = parseLine(text, keyFor(unchecked, keyOf))
  return line?.fits === false ? undefined : line
}

interface Search {
  readonly key: AuditKey | undefined | null
  readonly keyOf: KeyOf
  /** Whether the bytes begin with a line. */
  readonly whole: boolean
}

function lastLine(bytes: Buffer, { key, keyOf, whole }: Search): Pick<End, "last" | "rest"> {
  const lines = linesOf(bytes)
  let damaged = false
  for (let at = lines.length - 1; at >= (whole ? 0 : 1); at -= 1) {
    const { text, end } = lines[at] as TextLine
    const line = openLine(text, keyOf) ?? parseLine(text, key)
    if (line !== undefined && line.fits !== false) return { last: line, rest: restOf(bytes.subarray(end), damaged) }
    damaged ||= line !== undefined
  }
  return { last: undefined, rest: whole ? restOf(bytes, damaged) : undefined }
}

/** Without the line break that ends it, which may be put there before it is sealed. */
export function restOf(bytes: Buffer, damaged: boolean): Rest | undefined {
  const rest = bytes.at(-1) === lineBreak ? bytes.subarray(0, -1) : bytes
  if (rest.length === 0) return undefined
  return { bytes: rest.length, sha256: createHash("sha256").update(rest).digest("hex"), damaged }
}

export interface TextLine {
  readonly text: string
  /** Where it begins, and where the next one does. */
  readonly start: number
  readonly end: number
}

export function linesOf(bytes: Buffer): TextLine[] {
  const lines: TextLine[] = []
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(lineBreak, start)
    const stop = found === -1 ? bytes.length : found
    const end = found === -1 ? stop : stop + 1
    lines.push({ text: bytes.toString("utf8", start, stop), start, end })
    start = end
  }
  return lines
}

async function bytesAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, from + filled)
    if (bytesRead === 0) return bytes.subarray(0, filled)
    filled += bytesRead
  }
  return bytes
}
