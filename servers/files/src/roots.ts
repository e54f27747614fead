/**
 * The allowed folders, and the only way from a client's text to a place in them: `<root>/<folders>/<file>`, or an
 * absolute path inside a root. This is about text; what is on disk (links, races) is the business of `containment.ts`.
 */
import { realpath, stat } from "node:fs/promises"
import path from "node:path"
import { FileError, outside } from "./fileError.ts"

export interface Root {
  readonly name: string
  /** Real path: absolute, without links. */
  readonly folder: string
}

/** A path that is inside a root by its text. What is on disk is still to be checked. */
export interface Location {
  readonly root: Root
  /** Below the root; empty for the root itself. */
  readonly segments: readonly string[]
  /** As clients write it: `<root>/<folders>/<file>`. */
  readonly path: string
}

const maxPathLength = 4096
const maxNameBytes = 255
/** Dots, separators and NUL in percent-encoding: never needed in a plain path, often an attempt to hide one. */
const encodedTrick = /%(?:25)*(?:2e|2f|5c|00)/i

/** Throws an Error that names a root that is not a folder. */
export async function openRoots(folders: Readonly<Record<string, string>>, directory: string): Promise<Root[]> {
  return await Promise.all(
    Object.entries(folders).map(async ([name, given]) => {
      const folder = path.resolve(directory, given)
      const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error)
      if (!(found instanceof Error) && found.isDirectory()) return { name, folder: await realpath(folder) }
      if (found instanceof Error && found.code !== "ENOENT" && found.code !== "ENOTDIR")
        throw new Error(`files: config.roots.${name}: ${folder} cannot be read: ${found.message}.`, { cause: found })
      throw new Error(`files: config.roots.${name}: ${folder} is not a folder. Create it or correct the path.`)
    }),
  )
}

/** Reads a client's path. Throws a FileError for anything that is not plainly inside a root. */
export function locate(roots: readonly Root[], given: string): Location {
  if (given.length > maxPathLength) throw new FileError(`The path is longer than ${maxPathLength} characters.`)
  if (given.includes("\0")) throw new FileError("The path contains a NUL character.")
  if (encodedTrick.test(given)) throw new FileError(`"${given}" is percent-encoded. Give the plain path.`)
  if (given.includes("\\") && path.sep !== "\\") throw new FileError(`"${given}" contains "\\". Separate with "/".`)
  if (path.isAbsolute(given)) return locateAbsolute(roots, given)
  const [name = "", ...rest] = given.split(/[/\\]/)
  const root = roots.find((candidate) => candidate.name === name)
  if (root !== undefined) return toLocation(root, rest, given)
  const names = roots.map((candidate) => candidate.name).join(", ")
  throw new FileError(
    `"${shorten(given)}" does not begin with a root. Roots: ${names}. Example: ${roots[0]?.name}/file`,
  )
}

export function childOf({ root, segments }: Location, name: string): Location {
  return toLocation(root, [...segments, name], name)
}

function locateAbsolute(roots: readonly Root[], given: string): Location {
  for (const root of roots) {
    if (given === root.folder) return toLocation(root, [], given)
    const start = root.folder.endsWith(path.sep) ? root.folder : root.folder + path.sep
    if (given.startsWith(start)) return toLocation(root, given.slice(start.length).split(/[/\\]/), given)
  }
  throw outside(given)
}

function toLocation(root: Root, given: readonly string[], whole: string): Location {
  const segments = given.filter((segment) => segment !== "" && segment !== ".")
  if (segments.includes("..")) throw new FileError(`"${shorten(whole)}" contains "..". Give the path from its root.`)
  if (process.platform === "win32" && segments.some((segment) => segment.includes(":"))) throw outside(whole)
  if (segments.some((segment) => Buffer.byteLength(segment) > maxNameBytes)) {
    throw new FileError(`"${shorten(whole)}" has a name of more than ${maxNameBytes} bytes.`)
  }
  return { root, segments, path: [root.name, ...segments].join("/") }
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`
}
