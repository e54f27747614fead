/** Reads the files of an audit log as lines of bytes, oldest first, also while it is written and rotated. */
import { type FileHandle, open } from "node:fs/promises"
import { hasCode } from "../../storage/errors.ts"
import { filesOf } from "./files.ts"

export interface OpenedFile {
  readonly path: string
  readonly lines: AsyncIterable<Buffer>
}

/** Which file is next is looked up when it is its turn: the one that is written may have been renamed. */
export async function* openedFiles(file: string): AsyncGenerator<OpenedFile> {
  const read = new Set<string>()
  for (;;) {
    const next = (await filesOf(file)).find(({ path }) => !read.has(path))
    if (next === undefined) return
    const handle = await openUnlessGone(next.path)
    const isLast = next.first === undefined
    try {
      // What is open as the last file may have been renamed meanwhile, with others before it.
      const isStill = !isLast || (await filesOf(file)).every(({ path }) => path === file || read.has(path))
      if (!isStill) continue
      read.add(next.path)
      if (handle !== undefined) yield { path: next.path, lines: linesIn(handle) }
    } finally {
      await handle?.close()
    }
    if (isLast) return
  }
}

async function openUnlessGone(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r")
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    throw error
  }
}

/** Lines without their line breaks; the last may have had none. */
async function* linesIn(handle: FileHandle): AsyncGenerator<Buffer> {
  let before: Buffer[] = []
  const chunks: AsyncIterable<Buffer> = handle.createReadStream({ highWaterMark: 256 * 1024, autoClose: false })
  for await (const chunk of chunks) {
    let start = 0
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
      yield before.length === 0 ? chunk.subarray(start, at) : Buffer.concat([...before, chunk.subarray(start, at)])
      before = []
      start = at + 1
    }
    if (start < chunk.length) before.push(chunk.subarray(start))
  }
  if (before.length > 0) yield Buffer.concat(before)
}
