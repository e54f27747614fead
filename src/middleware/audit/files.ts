/** The files of an audit log: the one that is written, and those before it, named by the first line in each. */
import { readdir } from "node:fs/promises"
import path from "node:path"
import { hasCode } from "../../storage/errors.ts"

export interface LogFile {
  readonly path: string
  /** The first line in it, by its name; undefined for the one that is written. */
  readonly first: number | undefined
}

/** As many digits as keep names in order. */
const digits = 12

export function rotatedName(file: string, first: number): string {
  return `${file}.${String(first).padStart(digits, "0")}`
}

/** Oldest first; the one that is written last, when it is there. */
export async function filesOf(file: string): Promise<LogFile[]> {
  const name = path.basename(file)
  const folder = path.dirname(file)
  const found = (await listing(folder)).flatMap((each): LogFile[] => {
    if (each === name) return [{ path: file, first: undefined }]
    const number = each.startsWith(`${name}.`) ? each.slice(name.length + 1) : ""
    return /^\d{12,15}$/.test(number) ? [{ path: path.join(folder, each), first: Number(number) }] : []
  })
  return found.sort((a, b) => (a.first ?? Number.POSITIVE_INFINITY) - (b.first ?? Number.POSITIVE_INFINITY))
}

async function listing(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, "ENOENT")) return []
    throw error
  }
}
