/**
 * Watches files for another content. Folders are watched, not files: editors and deployments replace files, and a watched
 * file that was replaced is heard of no more. What counts is the content: nothing is said of files that were only touched.
 */
import { createHash } from "node:crypto"
import { existsSync, type FSWatcher, readFileSync, statSync, watch } from "node:fs"
import { dirname } from "node:path"
import { filesOf } from "./include.ts"

/** Events within this time are one change, in milliseconds. */
const settleMs = 100

/** Paths, each with the mark of what it held when somebody began to read it. */
export type Marks = ReadonlyMap<string, string>

export interface Watching {
  /**
   * From now on these paths count, and no others: files, there or not, and patterns of `include`. What has changed since they
   * were marked counts too: a file may be written while it is loaded. Without a mark, what was known of a path before is known.
   */
  follow(paths: Iterable<string>, marks?: Marks): void
  close(): void
}

/** Calls back after the content of a file, or the files of a pattern, have become others. */
export function watchFiles(changed: () => void): Watching {
  let known: Marks = new Map()
  let timer: NodeJS.Timeout | undefined
  const watchers = new Map<string, FSWatcher>()
  const look = (): void => {
    timer = undefined
    // A folder that was replaced is another folder.
    rewatch()
    const found = new Map([...known.keys()].map((path) => [path, markOf(path)]))
    const isSame = [...found].every(([path, mark]) => known.get(path) === mark)
    known = found
    if (!isSame) changed()
  }
  const lookSoon = (): void => {
    timer ??= setTimeout(look, settleMs).unref()
  }
  const stop = (): void => {
    for (const watcher of watchers.values()) watcher.close()
    watchers.clear()
  }
  const rewatch = (): void => {
    stop()
    for (const folder of foldersOf(known.keys())) {
      try {
        const watcher = watch(folder, { persistent: false }, lookSoon)
        // A folder that goes away; the one above it tells.
        watcher.on("error", () => watcher.close())
        watchers.set(folder, watcher)
      } catch (error) {
        // It went away just now, or may not be read: nothing in it can be loaded either.
        if ((error as NodeJS.ErrnoException).code === undefined) throw error
      }
    }
  }
  return {
    follow(paths, marks = new Map()) {
      const before = known
      known = new Map([...paths].map((path) => [path, marks.get(path) ?? before.get(path) ?? markOf(path)]))
      rewatch()
      // Of what came before the folders were watched nobody tells.
      lookSoon()
    },
    close() {
      clearTimeout(timer)
      stop()
    },
  }
}

/** The folders in which something may come, go or change; of one that is not there, the next above it that is. */
function foldersOf(paths: Iterable<string>): Set<string> {
  const folders = [...paths].flatMap((path) => {
    const found = filesOf(path).map(dirname)
    const star = path.indexOf("*")
    return star === -1 ? found : [dirname(`${path.slice(0, star)}x`), ...found]
  })
  return new Set(folders.flatMap((folder) => (existsSync(folder) ? [folder, dirname(folder)] : [existing(folder)])))
}

function existing(folder: string): string {
  let path = folder
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path)
  return path
}

/** What a file holds, or the files of a pattern, as a text that is another when that is. */
export function markOf(path: string): string {
  const hash = createHash("sha256")
  for (const file of filesOf(path)) hash.update(`${file}\0`).update(contentOf(file)).update("\0")
  return hash.digest("hex")
}

function contentOf(file: string): Buffer | string {
  try {
    // What is read from a pipe is gone for who loads it.
    return statSync(file).isFile() ? readFileSync(file) : "no file"
  } catch (error) {
    // What is wrong with it is what counts; loading it will say so.
    return String((error as NodeJS.ErrnoException).code)
  }
}
