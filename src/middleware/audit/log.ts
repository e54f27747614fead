/**
 * An audit log that is written: takes entries in the order in which they come, chains them, and appends what has come
 * meanwhile in one write. One process writes a file at a time; whoever finds it taken is told by whom. After a failed
 * write it looks at what the disk has, and goes on from there. Used by `audit.ts` beside this folder.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises"
import path from "node:path"
import { messageOf } from "../../errors.ts"
import { reasonOf } from "../../storage/errors.ts"
import { flushFolder } from "../../storage/fileRecords.ts"
import { filesOf, rotatedName } from "./files.ts"
import { writeHead } from "./head.ts"
import { type AuditKey, type Fields, type Link, makeLine, noHash } from "./line.ts"
import { recover } from "./recover.ts"
import { type Seat, takeSeat } from "./seat.ts"

/** Entries written at once. */
const maxBatch = 512
/** Entries that are kept while the file cannot be written; later ones are counted and lost. */
export const maxWaiting = 10_000
/** Least time between two attempts to write after one has failed. */
export const retryMs = 1_000
/** How far behind the head may be. */
const headMs = 200

export interface LogSettings {
  readonly key: AuditKey | undefined
  /** Keys that earlier files may have been made with. */
  readonly previousKeys: readonly AuditKey[]
  readonly maxBytes: number
  readonly maxAgeMs: number | undefined
  /** Files besides the one that is written. */
  readonly keep: number
  /** Whether every write is flushed to the disk. */
  readonly sync: boolean
  /** Told when writing begins to fail, and when it works again. */
  readonly report: (failure: string | undefined) => void
}

interface Waiting {
  readonly fields: Fields
  done?: ((failure: string | undefined) => void) | undefined
  /** The line it may have become in a write that failed. */
  seq?: number
}

export class AuditLog {
  readonly file: string
  settings: LogSettings
  #waiting: Waiting[] = []
  #dropped = 0
  #writing: Promise<void> | undefined
  #seat: Seat | undefined
  #handle: FileHandle | undefined
  #last: Link = { seq: 0, hash: noHash }
  #keyId: string | undefined
  #size = 0
  #since = 0
  /** The first line that is kept, and the first of the file that is written. */
  #first = 1
  #firstOfFile = 1
  #headSeq = -1
  #headWanted = false
  #headTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined
  #failure: { readonly reason: string; readonly at: number } | undefined

  constructor(file: string, settings: LogSettings) {
    this.file = file
    this.settings = settings
  }

  /** Entries that are not written yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** True when the last write went well. */
  get isReady(): boolean {
    return this.#handle !== undefined && this.#failure === undefined
  }

  /** Opens it if it is not; resolves with why it cannot be written, if so. */
  async ready(): Promise<string | undefined> {
    if (this.isReady) return undefined
    if (this.#failure !== undefined && performance.now() - this.#failure.at < retryMs) return this.#failure.reason
    await this.#run()
    return this.#failure?.reason
  }

  /** Resolves when the entry is written, or with why it is not. */
  append(fields: Fields): Promise<string | undefined> {
    return new Promise((resolve) => this.add(fields, resolve))
  }

  /** The same for callers that do not wait. */
  add(fields: Fields, done?: Waiting["done"]): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#dropped += 1
      done?.(this.#failure?.reason ?? `${maxWaiting} lines wait to be written`)
      return
    }
    this.#waiting.push({ fields, done })
    const resting = this.#failure === undefined ? 0 : this.#failure.at + retryMs - performance.now()
    if (resting <= 0) void this.#run()
    else if (done !== undefined) this.#settle(this.#failure?.reason)
  }

  /** Writes what waits, says that this is the end, and lets other processes have the file. */
  async close(): Promise<void> {
    clearTimeout(this.#retryTimer)
    if (this.#waiting.length > 0) await this.#run()
    await this.#writing
    if (this.isReady) {
      this.#waiting.push({ fields: { time: now(), event: "close" } })
      this.#headWanted = true
      await this.#run()
    }
    const lost = this.#waiting.length + this.#dropped
    if (lost > 0) this.settings.report(`${lost} lines were never written to ${this.file}`)
    clearTimeout(this.#headTimer)
    clearTimeout(this.#retryTimer)
    await this.#shut()
    await this.#seat?.leave()
    this.#seat = undefined
  }

  /** One run at a time; who comes meanwhile is served by the one that runs, or by the next. */
  #run(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
      if (this.#waiting.length > 0 && this.#failure === undefined) void this.#run()
    })
    return this.#writing
  }

  async #write(): Promise<void> {
    // What ends in the same turn of the event loop goes into one write.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      do {
        const handle = await this.#opened()
        await this.#writeBatch(handle)
        if (this.#headWanted) await this.#writeHead(handle)
      } while (this.#waiting.length > 0)
      if (this.#failure === undefined) return
      this.#failure = undefined
      this.settings.report(undefined)
    } catch (error) {
      this.#failed(error)
      await this.#shut()
    }
  }

  async #writeBatch(handle: FileHandle): Promise<void> {
    if (this.#dropped > 0) {
      this.#waiting.unshift({ fields: { time: now(), event: "dropped", count: this.#dropped } })
      this.#dropped = 0
    }
    const batch = this.#waiting.slice(0, maxBatch)
    let last = this.#last
    const texts = batch.map((each) => {
      const { text, ...link } = makeLine(each.fields, last, this.settings.key)
      each.seq = link.seq
      last = link
      return `${text}\n`
    })
    await this.#append(handle, texts.join(""), last)
    this.#waiting.splice(0, batch.length)
    for (const { done } of batch) done?.(undefined)
  }

  async #append(handle: FileHandle, text: string, last: Link): Promise<void> {
    if (text === "") return
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
    if (this.settings.sync) await handle.datasync()
    this.#size += bytes.length
    this.#last = last
    this.#headTimer ??= setTimeout(() => {
      this.#headTimer = undefined
      this.#headWanted = true
      if (this.isReady) void this.#run()
    }, headMs).unref()
  }

  /** The file, open and with room in it. */
  async #opened(): Promise<FileHandle> {
    if (this.#handle === undefined) return this.#open()
    const { maxBytes, maxAgeMs, key } = this.settings
    const isFull = this.#size >= maxBytes || (maxAgeMs !== undefined && Date.now() - this.#since >= maxAgeMs)
    if (!isFull && this.#keyId === key?.id) return this.#handle
    return this.#rotate()
  }

  async #open(): Promise<FileHandle> {
    await mkdir(path.dirname(this.file), { recursive: true })
    this.#seat ??= await takeSeat(this.file, this.settings.report)
    const { key, previousKeys } = this.settings
    const found = await recover(this.file, key === undefined ? previousKeys : [key, ...previousKeys])
    // What this process wrote is known without a head.
    const gone = this.#last.seq > found.last.seq ? { gap: { ...this.#last } } : {}
    this.#last = found.last
    this.#first = found.first
    this.#keyId = key?.id
    // Lines of a write that failed in its middle are there.
    this.#waiting = this.#waiting.filter((each) => {
      const isThere = each.seq !== undefined && each.seq <= found.last.seq
      if (isThere) each.done?.(undefined)
      delete each.seq
      return !isThere
    })
    const { current } = found
    // A file is of one key.
    const isOther = current !== undefined && current.keyId !== key?.id
    if (isOther) await rename(this.file, rotatedName(this.file, current.first))
    // Before the first line, so that there is no line without a head.
    if (found.isNew) await writeHead(this.file, { ...this.#last, first: 1 }, this.settings)
    const { first = this.#last.seq + 1, size = 0, since = Date.now(), endsWhole = true } = (!isOther && current) || {}
    this.#firstOfFile = first
    this.#size = size
    this.#since = since
    return this.#begin({ reason: "start", ...gone, ...found.facts }, endsWhole ? "" : "\n")
  }

  /** Begins to write, with a line that says so. */
  async #begin(facts: Fields, before = ""): Promise<FileHandle> {
    const handle = await open(this.file, "a", 0o600)
    this.#handle = handle
    const { key } = this.settings
    const fields = { time: now(), event: "open", pid: process.pid, ...(key !== undefined && { key: key.id }), ...facts }
    const { text, ...link } = makeLine(fields, this.#last, key)
    await this.#append(handle, `${before}${text}\n`, link)
    if (this.settings.sync) await flushFolder(path.dirname(this.file))
    return handle
  }

  async #rotate(): Promise<FileHandle> {
    const files = await filesOf(this.file)
    const rotated = files.filter(({ first }) => first !== undefined)
    await this.#shut()
    const first = this.#firstOfFile
    await rename(this.file, rotatedName(this.file, first))
    const kept = [...rotated.map((each) => each.first ?? first), first].slice(-this.settings.keep)
    this.#first = kept[0] ?? first
    this.#firstOfFile = this.#last.seq + 1
    this.#since = Date.now()
    this.#size = 0
    this.#keyId = this.settings.key?.id
    const handle = await this.#begin({ reason: "rotated" })
    // What is removed is known to be gone before it is.
    await this.#writeHead(handle)
    for (const each of rotated) if ((each.first ?? 0) < this.#first) await rm(each.path, { force: true })
    return handle
  }

  async #writeHead(handle: FileHandle): Promise<void> {
    this.#headWanted = false
    if (this.#headSeq === this.#last.seq) return
    const [there, written] = await Promise.all([stat(this.file), handle.stat()])
    if (there.ino !== written.ino) throw new Error(`${this.file} was replaced by somebody else`)
    const { seq, hash } = this.#last
    await writeHead(this.file, { seq, hash, first: this.#first }, this.settings)
    this.#headSeq = seq
  }

  #failed(error: unknown): void {
    const reason = (error as { code?: unknown }).code === undefined ? messageOf(error) : reasonOf(error)
    if (this.#failure === undefined) this.settings.report(reason)
    this.#failure = { reason, at: performance.now() }
    this.#settle(reason)
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => void this.#run(), retryMs).unref()
  }

  /** Nobody waits for what cannot be written now; it stays to be written later. */
  #settle(reason: string | undefined): void {
    for (const each of this.#waiting) {
      each.done?.(reason)
      each.done = undefined
    }
  }

  async #shut(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    try {
      await handle?.close()
    } catch (error) {
      this.settings.report(reasonOf(error))
    }
  }
}

const now = (): string => new Date().toISOString()
