/** Files that are replaced whole or not at all, whatever happens in between. */
import { randomUUID } from "node:crypto"
import { open, readdir, rename, rm } from "node:fs/promises"
import path from "node:path"

const prefix = ".note-"
const suffix = ".tmp"
const temporaryName = /^\.note-(\d+)-[0-9a-f-]+\.tmp$/
/** Temporary files this process is writing now. */
const inUse = new Set<string>()

/** Writes beside the target, flushes to the disk, renames. Until the rename `signal` can still stop it. */
export async function writeAtomically(file: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
  const folder = path.dirname(file)
  const temporary = `${prefix}${process.pid}-${randomUUID()}${suffix}`
  const temporaryFile = path.join(folder, temporary)
  inUse.add(temporary)
  try {
    const handle = await open(temporaryFile, "wx")
    try {
      await handle.writeFile(data)
      await handle.sync()
    } finally {
      await handle.close()
    }
    signal?.throwIfAborted()
    await rename(temporaryFile, file)
  } catch (error) {
    await rm(temporaryFile, { force: true })
    throw error
  } finally {
    inUse.delete(temporary)
  }
  await syncFolder(folder)
}

/** Removes what a process that died in the middle of a write left behind; returns how many files. */
export async function removeLeftovers(folder: string): Promise<number> {
  const leftovers = (await readdir(folder)).filter((file) => {
    const pid = temporaryName.exec(file)?.[1]
    if (pid === undefined) return false
    return Number(pid) === process.pid ? !inUse.has(file) : !isAlive(Number(pid))
  })
  await Promise.all(leftovers.map((file) => rm(path.join(folder, file), { force: true })))
  return leftovers.length
}

/** Makes the rename itself durable, where the platform can (Windows cannot open folders). */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
