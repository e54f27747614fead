/** Files as resources `files://<root>/<path>`: the top-level files are listed, every file can be read. */
import {
  ProtocolError,
  ProtocolErrorCode,
  type Resource,
  ResourceNotFoundError,
  ResourceTemplate,
} from "@modelcontextprotocol/server"
import { openChecked, statEntry } from "./containment.ts"
import { FileError } from "./fileError.ts"
import type { FilesServer } from "./filesServer.ts"
import { fromUri, toUri } from "./fileUris.ts"
import { icons } from "./icons.ts"
import { mimeTypeOf } from "./mimeTypes.ts"
import { decodeText, isTextSample } from "./readContent.ts"
import { locate, type Root } from "./roots.ts"
import { describeFailure } from "./toolErrors.ts"
import { type Entry, walk } from "./walk.ts"

export function registerResources(files: FilesServer): void {
  const { server, roots, config } = files
  const template = new ResourceTemplate("files://{root}/{+path}", {
    list: async () => {
      const entries = await topLevelFiles(roots, config.maxResults)
      const resources = await Promise.all(entries.map(toResource))
      return { resources: resources.filter((resource) => resource !== undefined) }
    },
    complete: {
      root: (value) => roots.map((root) => root.name).filter((name) => name.startsWith(value)),
      path: (value, completion) => completePath(roots, completion?.arguments?.["root"], value),
    },
  })
  server.registerResource(
    "file",
    template,
    { title: "File", description: "One file of the allowed folders", icons: icons.file, _meta: { tags: ["public"] } },
    async (uri) => ({ contents: [await readResource(files, uri.href)] }),
  )
}

/** Bounded over all roots together; without hidden files. */
export async function topLevelFiles(roots: readonly Root[], limit: number): Promise<Entry[]> {
  const found: Entry[] = []
  for (const root of roots) {
    for await (const entry of walk(locate(roots, root.name), { depth: 1, hidden: false })) {
      if (found.length === limit) return found
      if (entry.type === "file") found.push(entry)
    }
  }
  return found
}

/** Resource requests have no `isError`: their failures are protocol errors, without paths of the host. */
export async function withProtocolErrors<T>(files: FilesServer, uri: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    if (error instanceof FileError && error.isMissing) throw new ResourceNotFoundError(uri)
    const code = error instanceof FileError ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError
    throw new ProtocolError(code, describeFailure(error, files.logger), { uri })
  }
}

async function readResource(files: FilesServer, uri: string) {
  return await withProtocolErrors(files, uri, async () => {
    const location = fromUri(files.roots, uri)
    const { handle, stats } = await openChecked(location)
    try {
      const { maxReadBytes } = files.config
      if (!stats.isFile()) throw new FileError(`"${location.path}" is not a file.`)
      if (stats.size > maxReadBytes) {
        throw new FileError(
          `"${location.path}" has ${stats.size} bytes; the limit is ${maxReadBytes}. Use the tool read for a part of it.`,
        )
      }
      const data = await handle.readFile()
      const text = isTextSample(data) ? decodeText(data) : undefined
      const mimeType = mimeTypeOf(location.segments.at(-1) ?? "")
      if (text !== undefined) return { uri, mimeType: mimeType ?? "text/plain", text }
      return { uri, mimeType: mimeType ?? "application/octet-stream", blob: data.toString("base64") }
    } finally {
      await handle.close()
    }
  })
}

async function toResource({ location, name }: Entry): Promise<Resource | undefined> {
  const stats = await statEntry(location)
  if (stats === undefined) return undefined // Vanished meanwhile.
  const mimeType = mimeTypeOf(name)
  return {
    uri: toUri(location),
    name: location.path,
    title: name,
    size: stats.size,
    annotations: { lastModified: stats.mtime.toISOString() },
    ...(mimeType === undefined ? {} : { mimeType }),
  }
}

/** Entries of the folder that the value names so far; folders end in `/`, to be completed further. */
async function completePath(roots: readonly Root[], rootName: string | undefined, value: string): Promise<string[]> {
  const root = rootName === undefined && roots.length === 1 ? roots[0]?.name : rootName
  if (root === undefined) return []
  const folder = value.slice(0, value.lastIndexOf("/") + 1)
  const start = value.slice(folder.length)
  const values: string[] = []
  try {
    const hidden = start.startsWith(".")
    for await (const entry of walk(locate(roots, `${root}/${folder}`), { depth: 1, hidden })) {
      const ending = entry.type === "directory" ? "/" : ""
      if (entry.name.startsWith(start) && entry.type !== "other") values.push(folder + entry.name + ending)
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error // A FileError: the value names no folder, so nothing completes it.
  }
  return values
}
