/** Goes through folders, breadth first and sorted by name. Never follows links. */
import type { Dirent } from "node:fs"
import { readdir } from "node:fs/promises"
import { toRealPath, withFolder } from "./containment.ts"
import { errorCode, FileError } from "./fileError.ts"
import { childOf, type Location } from "./roots.ts"

export type EntryType = "file" | "directory" | "symlink" | "other"

export interface Entry {
  readonly location: Location
  readonly name: string
  readonly type: EntryType
}

export interface WalkOptions {
  /** 1: the folder's own entries only. */
  readonly depth: number
  /** Also names that begin with a dot, and `node_modules`. */
  readonly hidden: boolean
  readonly signal?: AbortSignal | undefined
}

export async function* walk(start: Location, options: WalkOptions): AsyncGenerator<Entry> {
  let folders = [start]
  for (let depth = 1; depth <= options.depth && folders.length > 0; depth += 1) {
    const next: Location[] = []
    for (const folder of folders) {
      options.signal?.throwIfAborted()
      for (const entry of await readFolder(folder, folder === start)) {
        if (!options.hidden && isHidden(entry.name)) continue
        yield entry
        if (entry.type === "directory") next.push(entry.location)
      }
    }
    folders = next
  }
}

export function isHidden(name: string): boolean {
  return name.startsWith(".") || name === "node_modules"
}

async function readFolder(location: Location, isStart: boolean): Promise<Entry[]> {
  try {
    const real = await toRealPath(location)
    const entries = await readEntries(location, real)
    return entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) => ({ location: childOf(location, entry.name), name: entry.name, type: typeOf(entry) }))
  } catch (error) {
    if (isStart && errorCode(error) === "ENOTDIR") {
      throw new FileError(`"${location.path}" is not a folder. Use read or info for a file.`)
    }
    // Below the start a folder may vanish or be closed to us meanwhile; the rest still counts.
    const canSkip = error instanceof FileError || ["EACCES", "ENOENT", "EPERM"].includes(errorCode(error) ?? "")
    if (isStart || !canSkip) throw error
    return []
  }
}

function readEntries(location: Location, real: string): Promise<Dirent[]> {
  return withFolder(location, real, (base) => readdir(base, { withFileTypes: true }))
}

function typeOf(entry: Dirent): EntryType {
  if (entry.isFile()) return "file"
  if (entry.isDirectory()) return "directory"
  return entry.isSymbolicLink() ? "symlink" : "other"
}
