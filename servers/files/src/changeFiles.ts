/** Writing and moving, inside the roots. Knows nothing of MCP. */
import { rename, rm } from "node:fs/promises"
import path from "node:path"
import { linkNew, writeAtomically } from "./atomicWrite.ts"
import { lstatIn, parentOf, type Target, toRealPath, toTarget, withFolder } from "./containment.ts"
import { errorCode, FileError, missing } from "./fileError.ts"
import type { Location } from "./roots.ts"

export interface ChangeOptions {
  readonly overwrite: boolean
  readonly createParents: boolean
  readonly signal?: AbortSignal | undefined
}

export interface Written {
  readonly created: boolean
  readonly size: number
  /** ISO 8601. */
  readonly modified: string
}

export async function writeFileAt(location: Location, data: Uint8Array, options: ChangeOptions): Promise<Written> {
  const { folder, name } = await toTarget(location, options)
  const { overwrite, signal } = options
  return await withFolder(location, folder, async (base) => {
    const before = await lstatIn(base, name)
    if (before !== undefined && !before.isFile()) {
      throw new FileError(`"${location.path}" is not a file. Choose the path of a file.`)
    }
    if (before !== undefined && !overwrite) throw alreadyThere(location)
    try {
      await writeAtomically(path.join(base, name), data, { overwrite, mode: before?.mode, signal })
    } catch (error) {
      throw errorCode(error) === "EEXIST" ? alreadyThere(location) : error
    }
    const modified = (await lstatIn(base, name))?.mtime ?? new Date()
    return { created: before === undefined, size: data.byteLength, modified: modified.toISOString() }
  })
}

export async function move(from: Location, to: Location, options: ChangeOptions): Promise<"file" | "directory"> {
  const source = await toSource(from)
  const target = await toTarget(to, options)
  if (path.join(target.folder, target.name).startsWith(path.join(source.folder, source.name) + path.sep)) {
    throw new FileError(`"${to.path}" is inside "${from.path}". Choose a path outside it.`)
  }
  return await withFolder(from, source.folder, (sourceBase) =>
    withFolder(to, target.folder, async (targetBase) => {
      const stats = await lstatIn(sourceBase, source.name)
      if (stats === undefined) throw missing(from.path)
      // A link would point elsewhere, perhaps outside, from its new place.
      if (!stats.isFile() && !stats.isDirectory()) {
        throw new FileError(`"${from.path}" is neither a file nor a folder (perhaps a link) and cannot be moved.`)
      }
      const replaced = await lstatIn(targetBase, target.name)
      const isReplaceable = replaced?.isFile() === true && stats.isFile()
      if (replaced !== undefined && !isReplaceable) throw taken(to)
      if (replaced !== undefined && !options.overwrite) throw alreadyThere(to)
      options.signal?.throwIfAborted()
      const paths = [path.join(sourceBase, source.name), path.join(targetBase, target.name)] as const
      if (stats.isDirectory() || options.overwrite) await rename(...paths)
      else {
        await linkNew(...paths)
        await rm(paths[0], { force: true })
      }
      return stats.isDirectory() ? "directory" : "file"
    }),
  )
}

async function toSource(from: Location): Promise<Target> {
  const name = from.segments.at(-1)
  if (name === undefined) throw new FileError(`"${from.path}" is a root and stays where it is.`)
  return { folder: await toRealPath(parentOf(from)), name }
}

function alreadyThere(location: Location): FileError {
  return new FileError(`"${location.path}" exists. Choose another path, or pass overwrite: true to replace it.`)
}

function taken(location: Location): FileError {
  return new FileError(`"${location.path}" exists and cannot be replaced by this. Give a path that is free.`)
}
