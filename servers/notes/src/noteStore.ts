/** Notes as Markdown files in one folder. Knows nothing of MCP. */
import { createHash } from "node:crypto"
import { constants } from "node:fs"
import { mkdir, open, readdir, realpath, rm } from "node:fs/promises"
import path from "node:path"
import { removeLeftovers, writeAtomically } from "./atomicWrite.ts"
import { announce, type ChangeListener, inTurn, onChange } from "./folderState.ts"
import { errorCode, NoteError } from "./noteError.ts"
import { fromFileName, parseNoteName, toFileName } from "./noteNames.ts"

export interface Note {
  readonly name: string
  /** The first heading, or the name. */
  readonly title: string
  readonly text: string
  /** In bytes. */
  readonly size: number
  /** ISO 8601. */
  readonly modified: string
  /** Changes exactly when the text does. */
  readonly etag: string
}

export interface ChangeOptions {
  /** The etag the note must still have. */
  readonly ifMatch?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface NoteStore {
  /** All names, sorted. */
  names(): Promise<string[]>
  /** All notes, sorted by name. A note that vanishes or is too large meanwhile is left out. */
  all(signal?: AbortSignal): AsyncIterable<Note>
  read(name: string): Promise<Note>
  write(name: string, text: string, options?: ChangeOptions): Promise<{ note: Note; created: boolean }>
  append(name: string, text: string, options?: ChangeOptions): Promise<{ note: Note; created: boolean }>
  delete(name: string, options?: ChangeOptions): Promise<void>
  /** Hears of changes by every store of this process over this folder; returns the function that stops it. */
  onChange(listener: ChangeListener): () => void
}

/** Opens the folder, creating it when it is missing. */
export async function openNoteStore(dir: string, maxBytes: number): Promise<NoteStore> {
  await mkdir(dir, { recursive: true })
  const folder = await realpath(dir)
  await removeLeftovers(folder)
  const read = (name: string): Promise<Note> => readNote(folder, parseNoteName(name), maxBytes)
  const change = (given: string, options: ChangeOptions, next: (old: string | undefined) => string) => {
    const name = parseNoteName(given)
    const file = path.join(folder, toFileName(name))
    return inTurn(file, async () => {
      options.signal?.throwIfAborted()
      const old = await existing(read(name))
      assertUnchanged(name, old, options.ifMatch)
      const data = Buffer.from(next(old?.text))
      if (data.byteLength > maxBytes) throw tooLarge(name, data.byteLength, maxBytes)
      await writeAtomically(file, data, options.signal)
      const created = old === undefined
      announce(folder, { kind: created ? "created" : "updated", name })
      return { note: await read(name), created }
    })
  }
  return {
    names: () => listNames(folder),
    all: (signal) => readAll(folder, read, signal),
    read,
    write: (name, text, options = {}) => change(name, options, () => text),
    append: (name, text, options = {}) => change(name, options, (old) => joinLines(old, text)),
    delete: async (given, options = {}) => {
      const name = parseNoteName(given)
      const file = path.join(folder, toFileName(name))
      await inTurn(file, async () => {
        options.signal?.throwIfAborted()
        assertUnchanged(name, await read(name), options.ifMatch)
        await rm(file)
        announce(folder, { kind: "deleted", name })
      })
    },
    onChange: (listener) => onChange(folder, listener),
  }
}

async function listNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isFile() ? (fromFileName(entry.name) ?? []) : [])).sort()
}

async function* readAll(
  folder: string,
  read: (name: string) => Promise<Note>,
  signal?: AbortSignal,
): AsyncGenerator<Note> {
  for (const name of await listNames(folder)) {
    signal?.throwIfAborted()
    try {
      yield await read(name)
    } catch (error) {
      if (!(error instanceof NoteError)) throw error // A NoteError: gone meanwhile, or too large. See `all`.
    }
  }
}

async function readNote(folder: string, name: string, maxBytes: number): Promise<Note> {
  const file = path.join(folder, toFileName(name))
  try {
    // O_NOFOLLOW: a link that someone put into the folder leads nowhere. O_NONBLOCK: a named pipe does not hang us.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { size, mtime } = await handle.stat()
      if (size > maxBytes) throw tooLarge(name, size, maxBytes)
      const data = await handle.readFile()
      const text = data.toString("utf8")
      return { name, title: titleOf(text) ?? name, text, size, modified: mtime.toISOString(), etag: etagOf(data) }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw missing(name)
    if (["ELOOP", "EISDIR", "ENXIO"].includes(errorCode(error) ?? "")) {
      throw new NoteError(`"${name}" is not a regular file in the notes folder. Choose another name.`)
    }
    throw error
  }
}

async function existing(reading: Promise<Note>): Promise<Note | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof NoteError && error.isMissing) return undefined
    throw error
  }
}

function assertUnchanged(name: string, note: Note | undefined, ifMatch: string | undefined): void {
  if (ifMatch === undefined || note?.etag === ifMatch) return
  if (note === undefined) throw missing(name, "Leave out ifMatch to create it.")
  throw new NoteError(
    `The note "${name}" has changed: its etag is ${note.etag}, not ${ifMatch}. Read it again, redo your change on the new text, then send its etag as ifMatch.`,
  )
}

function joinLines(old: string | undefined, text: string): string {
  if (old === undefined || old === "") return text
  return old.endsWith("\n") ? old + text : `${old}\n${text}`
}

/** The first ATX heading outside fenced code. */
function titleOf(text: string): string | undefined {
  let isCode = false
  for (const line of text.split("\n")) {
    if (/^ {0,3}(?:```|~~~)/.test(line)) isCode = !isCode
    const heading = isCode ? undefined : /^ {0,3}#{1,6}[ \t]+(.*)$/.exec(line.trimEnd())?.[1]
    const title = heading?.replace(/[ \t]#+$/, "").trim()
    if (title !== undefined && title !== "") return title
  }
  return undefined
}

function etagOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex").slice(0, 16)
}

function missing(name: string, next = "Use list or search to find the name you mean."): NoteError {
  return new NoteError(`There is no note "${name}". ${next}`, { isMissing: true })
}

function tooLarge(name: string, size: number, maxBytes: number): NoteError {
  return new NoteError(
    `The note "${name}" would hold ${size} bytes; the limit is ${maxBytes}. Split it into several notes.`,
  )
}
