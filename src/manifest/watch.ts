/**
 * Watches files for another content. Folders are watched, not files: editors and deployments replace files, and a watched
 * file that was replaced is heard of no more. What counts is the content: nothing is said of files that were only touched.
 */
import { createHash } from "node:crypto"
import { existsSync, type FSWatcher, readFileSync, watch } from "node:fs"
import { dirname } from "node:path"
import { filesOf } from "./include.ts"

/** Events within this time are one change, in milliseconds. */
const settleMs = 100

export interface Watching {
  /** From now on these paths count, and no others: files, there or not, and patterns of `include`. Their content now is what is known. */
  follow(paths: Iterable<string>): void
  close(): void
}

/** Calls back after the content of a file, or the files of a pattern, have become others. */
export function watchFiles(changed: () => void): Watching {
  let paths: readonly string[] = []
  let known = ""
  let timer: NodeJS.Timeout | undefined
  const watchers = new Map<string, FSWatcher>()
  const look = (): void => {
    timer = undefined
    // A folder that was replaced is another folder.
    rewatch()
    const found = fingerprint(paths)
    if (found === known) return
    known = found
    changed()
  }
  const stop = (): void => {
    for (const watcher of watchers.values()) watcher.close()
    watchers.clear()
  }
  const rewatch = (): void => {
    stop()
    for (const folder of foldersOf(paths)) {
      try {
        const watcher = watch(folder, { persistent: false }, () => {
          timer ??= setTimeout(look, settleMs).unref()
        })
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
    follow(next) {
      paths = [...new Set(next)].sort()
      known = fingerprint(paths)
      rewatch()
    },
    close() {
      clearTimeout(timer)
      stop()
    },
  }
}

/** The folders in which something may come, go or change; of one that is not there, the next above it that is. */
function foldersOf(paths: readonly string[]): Set<string> {
  const folders = paths.flatMap((path) => {
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

function fingerprint(paths: readonly string[]): string {
  const hash = createHash("sha256")
  for (const path of paths) {
    for (const file of filesOf(path)) hash.update(`${file}\0`).update(contentOf(file)).update("\0")
  }
  return hash.digest("hex")
}

function contentOf(file: string): Buffer | string {
  try {
    return readFileSync(file)
  } catch (error) {
    // What is wrong with it is what counts; loading it will say so.
    return String((error as NodeJS.ErrnoException).code)
  }
}
