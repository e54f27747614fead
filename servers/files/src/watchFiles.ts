/** Watches files through their folders: a file that is replaced by rename keeps being watched. */
import { type FSWatcher, watch } from "node:fs"
import path from "node:path"

export interface FileWatch {
  /** Calls `onChange` soon after the file changes, appears or goes; a second call with the same key replaces the first. */
  add(key: string, file: string, onChange: () => void): void
  remove(key: string): void
  /** Idempotent. */
  close(): void
}

interface Watched {
  readonly folder: string
  /** Name within the folder; undefined: anything in it. */
  readonly name: string | undefined
  readonly onChange: () => void
  timer?: NodeJS.Timeout
}

/** One save is several events. */
const debounceMs = 100

/** `file` ending in a separator watches the names in that folder. `onError` hears of watches that ended by themselves. */
export function createFileWatch(onError: (error: Error) => void): FileWatch {
  const watched = new Map<string, Watched>()
  const watchers = new Map<string, FSWatcher>()
  const open = (folder: string): FSWatcher => {
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      for (const item of watched.values()) {
        if (item.folder === folder && (name === null || (item.name ?? name) === name)) schedule(item)
      }
    })
    return watcher.on("error", (error) => {
      watcher.close()
      watchers.delete(folder)
      onError(error)
    })
  }
  const remove = (key: string): void => {
    const item = watched.get(key)
    if (item === undefined) return
    watched.delete(key)
    clearTimeout(item.timer)
    if ([...watched.values()].some(({ folder }) => folder === item.folder)) return
    watchers.get(item.folder)?.close()
    watchers.delete(item.folder)
  }
  return {
    add: (key, file, onChange) => {
      remove(key)
      const isFolder = file.endsWith(path.sep)
      const folder = isFolder ? path.resolve(file) : path.dirname(file)
      if (!watchers.has(folder)) watchers.set(folder, open(folder))
      watched.set(key, { folder, name: isFolder ? undefined : path.basename(file), onChange })
    },
    remove,
    close: () => {
      for (const key of [...watched.keys()]) remove(key)
    },
  }
}

function schedule(item: Watched): void {
  if (item.timer !== undefined) return
  item.timer = setTimeout(() => {
    delete item.timer
    item.onChange()
  }, debounceMs).unref()
}
