/**
 * From a location to the disk without leaving the root, whatever links there are and whoever swaps folders meanwhile.
 *
 * First the real path must be inside the root. Then the folder is opened, and everything is done in the folder that is
 * held open: on Linux through `/proc/self/fd`, where its path is checked once more and nothing can take its place
 * afterwards. Elsewhere Node has no such way, so a swap at exactly the wrong moment stays possible there.
 */
import { constants, type Stats } from "node:fs"
import { type FileHandle, lstat, mkdir, open, readlink, realpath } from "node:fs/promises"
import path from "node:path"
import { errorCode, FileError, missing, outside } from "./fileError.ts"
import type { Location, Root } from "./roots.ts"

/** A name in a real folder; `folder` is inside the root. */
export interface Target {
  readonly folder: string
  readonly name: string
}

/** The real path of something that exists. Throws when it doesn't, or when links lead out of the root. */
export async function toRealPath(location: Location): Promise<string> {
  try {
    const real = await realpath(path.join(location.root.folder, ...location.segments))
    if (!isInside(location.root, real)) throw outside(location.path)
    return real
  } catch (error) {
    // A link to nowhere looks like a missing file here; who writes finds out in `toTarget`.
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) throw missing(location.path)
    if (errorCode(error) === "ELOOP") throw outside(location.path)
    throw error
  }
}

/** Runs `task` with a path to the folder that stays the path to this very folder while it runs. */
export async function withFolder<T>(
  location: Location,
  folder: string,
  task: (base: string) => Promise<T>,
): Promise<T> {
  const check = (actual: string): void => {
    if (!isInside(location.root, actual)) throw outside(location.path)
  }
  if (process.platform !== "linux") {
    check(await realpath(folder))
    return await task(folder)
  }
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const held = `/proc/self/fd/${handle.fd}`
    check(await readlink(held))
    return await task(held)
  } finally {
    await handle.close()
  }
}

/** Opens an existing file or folder for reading. The caller closes the handle. */
export async function openChecked(location: Location): Promise<{ handle: FileHandle; stats: Stats }> {
  const real = await toRealPath(location)
  const isRoot = real === location.root.folder
  // O_NONBLOCK: a named pipe must not hang us.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const openIn = (base: string): Promise<FileHandle> => open(path.join(base, path.basename(real)), flags)
  try {
    const handle = isRoot ? await open(real, flags) : await withFolder(location, path.dirname(real), openIn)
    try {
      return { handle, stats: await handle.stat() }
    } catch (error) {
      await handle.close()
      throw error
    }
  } catch (error) {
    if (errorCode(error) === "ELOOP") throw outside(location.path) // A link since we looked.
    if (errorCode(error) === "ENXIO") throw new FileError(`"${location.path}" is not a file.`)
    throw error
  }
}

/** About the entry itself: of a link it tells about the link. Undefined when there is none. */
export async function statEntry(location: Location): Promise<Stats | undefined> {
  const name = location.segments.at(-1)
  if (name === undefined) return await lstatIn(location.root.folder, "")
  try {
    const folder = await toRealPath(parentOf(location))
    return await withFolder(location, folder, (base) => lstatIn(base, name))
  } catch (error) {
    if (error instanceof FileError || errorCode(error) !== undefined) return undefined // Vanished or swapped.
    throw error
  }
}

/** Where a new or replaced file goes. Links that stay inside are followed; links to nowhere are refused. */
export async function toTarget(
  location: Location,
  options: { readonly createParents?: boolean } = {},
): Promise<Target> {
  const name = location.segments.at(-1)
  if (name === undefined) throw new FileError(`"${location.path}" is a root. Give the path of a file in it.`)
  const parent = parentOf(location)
  const folder = options.createParents ? await makeFolders(parent) : await toExistingFolder(parent, location.path)
  const stats = await withFolder(location, folder, (base) => lstatIn(base, name))
  if (!stats?.isSymbolicLink()) return { folder, name }
  const real = await toRealPath(location).catch(() => {
    throw outside(location.path)
  })
  return { folder: path.dirname(real), name: path.basename(real) }
}

export async function lstatIn(folder: string, name: string): Promise<Stats | undefined> {
  try {
    return await lstat(path.join(folder, name))
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined
    throw error
  }
}

export function parentOf(location: Location): Location {
  const segments = location.segments.slice(0, -1)
  return { ...location, segments, path: [location.root.name, ...segments].join("/") }
}

async function toExistingFolder(parent: Location, whole: string): Promise<string> {
  try {
    return await toRealPath(parent)
  } catch (error) {
    if (!(error instanceof FileError && error.isMissing)) throw error
    throw new FileError(`The folder of "${whole}" does not exist. Pass createParents: true to create it.`, {
      isMissing: true,
    })
  }
}

/** Creates what is missing one folder at a time, checking each: `mkdir -p` would follow links. */
async function makeFolders(location: Location): Promise<string> {
  const { root, segments } = location
  let folder = root.folder
  for (const [index, segment] of segments.entries()) {
    const made = segments.slice(0, index + 1)
    const place: Location = { root, segments: made, path: [root.name, ...made].join("/") }
    await withFolder(location, folder, async (base) => {
      await mkdir(path.join(base, segment)).catch((error: unknown) => {
        if (errorCode(error) !== "EEXIST") throw error
      })
    })
    folder = await toRealPath(place).catch(() => {
      throw outside(place.path)
    })
    if (!(await lstat(folder)).isDirectory()) throw new FileError(`"${place.path}" is not a folder.`)
  }
  return folder
}

function isInside(root: Root, real: string): boolean {
  const relative = path.relative(root.folder, real)
  return relative === "" || !(relative === ".." || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
}
