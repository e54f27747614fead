/** Files that are replaced whole or not at all, whatever happens in between. */
import { randomUUID } from "node:crypto"
import { link, lstat, open, rename, rm } from "node:fs/promises"
import path from "node:path"
import { errorCode } from "./fileError.ts"

export interface WriteOptions {
  /** False: fails with EEXIST when the file exists. */
  readonly overwrite: boolean
  /** Permissions of the file that is replaced. */
  readonly mode?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Writes beside the target, flushes to the disk, renames. The caller has checked the folder. */
export async function writeAtomically(file: string, data: Uint8Array, options: WriteOptions): Promise<void> {
  const folder = path.dirname(file)
  const temporary = path.join(folder, `.files-${process.pid}-${randomUUID()}.tmp`)
  try {
    const handle = await open(temporary, "wx") // Exclusive: never follows a link.
    try {
      if (options.mode !== undefined) await handle.chmod(options.mode & 0o777)
      await handle.writeFile(data)
      await handle.sync()
    } finally {
      await handle.close()
    }
    options.signal?.throwIfAborted()
    await (options.overwrite ? rename(temporary, file) : linkNew(temporary, file))
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(folder)
}

/** Gives an existing file a further name that must be new: unlike rename, link never replaces. */
export async function linkNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errorCode(error) ?? "")) throw error
    // A file system without hard links: look, then rename.
    if (!(await isMissing(to))) throw Object.assign(new Error("exists"), { code: "EEXIST" })
    await rename(from, to)
  }
}

/** Only what is surely not there: a name that cannot be looked at may be somebody's file. */
async function isMissing(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return false
  } catch (error) {
    if (errorCode(error) === "ENOENT") return true
    throw error
  }
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
