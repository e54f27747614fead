/**
 * What all servers of this process share per folder: turns for writing, and news of changes. The host may run one
 * server per client over the same folder; a client must hear of what another client changed.
 */
export interface NoteChange {
  readonly kind: "created" | "updated" | "deleted"
  readonly name: string
}

export type ChangeListener = (change: NoteChange) => void

const turns = new Map<string, Promise<unknown>>()
const listeners = new Map<string, Set<ChangeListener>>()

/** Runs `task` after all earlier tasks with this key have ended, however they ended. */
export function inTurn<T>(key: string, task: () => Promise<T>): Promise<T> {
  const result = (turns.get(key) ?? Promise.resolve()).then(task)
  const ended = result.then(
    () => undefined,
    () => undefined, // The caller receives the failure through `result`; the next in turn does not care.
  )
  turns.set(key, ended)
  void ended.then(() => turns.get(key) === ended && turns.delete(key)) // Cannot reject.
  return result
}

export function announce(folder: string, change: NoteChange): void {
  for (const listener of listeners.get(folder) ?? []) listener(change)
}

/** Returns the function that stops listening. */
export function onChange(folder: string, listener: ChangeListener): () => void {
  const ofFolder = listeners.get(folder) ?? new Set()
  listeners.set(folder, ofFolder.add(listener))
  return () => {
    ofFolder.delete(listener)
    if (ofFolder.size === 0) listeners.delete(folder)
  }
}
