/**
 * A store in a folder, one file for each record, for all processes of a machine. A record is replaced by writing a new
 * file, flushing it to the disk and renaming it over the old one, so that at any point there is the old record or the
 * new one. Whoever changes a record holds its lock; reading needs none.
 *
 *   <folder>/records/<2 digits>/<hash of the key>   a record: key, version, expiry and value, as JSON
 *   <folder>/locks, <folder>/owners                 `fileLocks.ts`
 *   <folder>/tmp                                    files that are being written
 */
import { createHash } from "node:crypto"
import { mkdir, readdir, rename, rm } from "node:fs/promises"
import path from "node:path"
import { HostError } from "../errors.ts"
import { isHostError, ProtocolError } from "../protocol/errors.ts"
import type { JsonValue } from "../protocol/json.ts"
import { add } from "./counter.ts"
import { hasCode, reasonOf, storeUnavailable } from "./errors.ts"
import { FileLocks, lockAbandonedMs } from "./fileLocks.ts"
import { ageOf, flushFolder, readRecord, type StoredRecord, writeFlushed } from "./fileRecords.ts"
import { randomId } from "./processes.ts"
import { countCall } from "./rate.ts"
import { noVersion, type OpenStore, type RateRule } from "./store.ts"

/** How often records are looked for that have expired and that nobody asks for. */
const sweepEveryMs = 60 * 60 * 1000

/** Before the keys of rates, which are no entries. */
const ratePrefix = "\u0000rate\u0000"

export interface FileStoreOptions {
  /** In messages. */
  readonly name: string
  /** Absolute; made when it is missing. Belongs to one user of the machine, and to this store alone. */
  readonly folder: string
  /** Told what went wrong where nobody waits for it. */
  readonly warn: (message: string) => void
  readonly now?: () => number
}

/** Throws a `HostError` when the folder cannot be used, -31008 when the disk is full. */
export async function openFileStore({ now = Date.now, ...options }: FileStoreOptions): Promise<OpenStore> {
  const { name, folder } = options
  try {
    for (const each of ["records", "tmp"]) await mkdir(path.join(folder, each), { recursive: true, mode: 0o700 })
    return new FileStore({ ...options, now }, await FileLocks.open(folder))
  } catch (error) {
    if (hasCode(error, "ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE"))
      throw storeUnavailable(name, reasonOf(error), "no")
    throw new HostError("STORE_UNUSABLE", `store ${name}: the folder ${folder} cannot be used: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

/** What a change of a record comes to: nothing, its end, or another record. */
type Change<T> = { readonly result: T; readonly next?: Omit<StoredRecord, "key" | "version"> | "none" }

class FileStore implements OpenStore {
  readonly atomic = true
  readonly #name: string
  readonly #folder: string
  readonly #warn: (message: string) => void
  readonly #now: () => number
  readonly #locks: FileLocks
  readonly #sweeping: NodeJS.Timeout
  /** Folders that are known to be there. */
  readonly #made = new Set<string>()
  #written = 0
  #sweep: Promise<void>

  constructor({ name, folder, warn, now }: Required<FileStoreOptions>, locks: FileLocks) {
    this.#name = name
    this.#warn = warn
    this.#folder = folder
    this.#now = now
    this.#locks = locks
    this.#sweep = this.#tidy()
    this.#sweeping = setInterval(() => {
      this.#sweep = this.#tidy()
    }, sweepEveryMs).unref()
  }

  async get(key: string): Promise<JsonValue | undefined> {
    return (await this.#guard(() => this.#read(key)))?.value
  }

  async getVersioned(key: string): Promise<{ value: JsonValue | undefined; version: string }> {
    const record = await this.#guard(() => this.#read(key))
    return { value: record?.value, version: record?.version ?? noVersion }
  }

  set(
    key: string,
    value: JsonValue,
    { ttlMs, ifVersion }: { ttlMs?: number | undefined; ifVersion?: string | undefined } = {},
  ): Promise<boolean> {
    return this.#change(key, (record) => {
      if (ifVersion !== undefined && ifVersion !== (record?.version ?? noVersion)) return { result: false }
      return { result: true, next: { value, ...this.#expiry(ttlMs) } }
    })
  }

  take(key: string): Promise<JsonValue | undefined> {
    return this.#change(key, (record) => ({ result: record?.value, next: "none" }))
  }

  increment(key: string, by = 1, ttlMs?: number): Promise<number> {
    return this.#change(key, (record) => {
      const sum = add(key, record?.value, by)
      const { expiresAt } = record ?? {}
      const expiry = record === undefined ? this.#expiry(ttlMs) : expiresAt === undefined ? {} : { expiresAt }
      return { result: sum, next: { value: sum, ...expiry } }
    })
  }

  /** By the clock of the machine, which its processes share and outlives them. */
  rate(key: string, rule: RateRule): Promise<number> {
    return this.#change(ratePrefix + key, (record) => {
      const { waitMs, next } = countCall(record?.value, rule, this.#now())
      return { result: waitMs, ...(next !== undefined && { next: { value: next.state, ...this.#expiry(next.ttlMs) } }) }
    })
  }

  delete(key: string): Promise<boolean> {
    return this.#change(key, (record) => ({ result: record !== undefined, next: "none" }))
  }

  keys(prefix = ""): Promise<string[]> {
    return this.#guard(async () => {
      const keys: string[] = []
      for await (const { record, expired } of this.#records())
        if (!expired && record.key.startsWith(prefix) && !record.key.startsWith(ratePrefix)) keys.push(record.key)
      return keys.sort()
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping)
    await this.#sweep
    await this.#guard(() => this.#locks.close())
  }

  #expiry(ttlMs: number | undefined): { expiresAt?: number } {
    return ttlMs === undefined ? {} : { expiresAt: this.#now() + ttlMs }
  }

  /** The record, unless it has expired. */
  async #read(key: string): Promise<StoredRecord | undefined> {
    const record = await readRecord(this.#fileOf(key))
    return record === undefined || this.#hasExpired(record) ? undefined : record
  }

  #hasExpired({ expiresAt }: StoredRecord): boolean {
    return expiresAt !== undefined && expiresAt <= this.#now()
  }

  #fileOf(key: string): string {
    const hash = createHash("sha256").update(JSON.stringify(key)).digest("hex")
    return path.join(this.#folder, "records", hash.slice(0, 2), hash)
  }

  #change<T>(key: string, decide: (record: StoredRecord | undefined) => Change<T>): Promise<T> {
    const file = this.#fileOf(key)
    return this.#guard(() =>
      this.#locks.withLock(path.basename(file), async (assertHeld) => {
        const { result, next } = decide(await this.#read(key))
        if (next === "none") await this.#remove(file, assertHeld)
        else if (next !== undefined) {
          // The version is a name for this write: no other write of any process ever gets it.
          await this.#write(file, { key, version: randomId(), ...next }, assertHeld)
        }
        return result
      }),
    )
  }

  async #write(file: string, record: StoredRecord, assertHeld: () => void): Promise<void> {
    const folder = path.dirname(file)
    if (!this.#made.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await flushFolder(path.dirname(folder))
      this.#made.add(folder)
    }
    this.#written += 1
    const temporary = path.join(this.#folder, "tmp", `${this.#locks.id}.${this.#written}`)
    try {
      await writeFlushed(temporary, record)
      assertHeld()
      await rename(temporary, file)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await this.#flush(folder)
  }

  async #remove(file: string, assertHeld: () => void): Promise<void> {
    assertHeld()
    try {
      await rm(file)
    } catch (error) {
      if (hasCode(error, "ENOENT")) return
      throw error
    }
    await this.#flush(path.dirname(file))
  }

  /** Only then does a power cut not undo what was done. */
  async #flush(folder: string): Promise<void> {
    try {
      await flushFolder(folder)
    } catch (error) {
      throw storeUnavailable(this.#name, reasonOf(error), "maybe")
    }
  }

  /** All records there are. */
  async *#records(): AsyncGenerator<{
    readonly record: StoredRecord
    readonly expired: boolean
  }> {
    const root = path.join(this.#folder, "records")
    for (const part of await readdir(root)) {
      for (const name of await readdir(path.join(root, part))) {
        const file = path.join(root, part, name)
        const record = await readRecord(file)
        if (record !== undefined) yield { record, expired: this.#hasExpired(record) }
      }
    }
  }

  /** Removes expired records and what killed processes left. Never rejects. */
  async #tidy(): Promise<void> {
    try {
      for await (const { record, expired } of this.#records()) if (expired) await this.#change(record.key, dropped)
      const folder = path.join(this.#folder, "tmp")
      for (const name of await readdir(folder)) {
        const file = path.join(folder, name)
        const running = await this.#locks.isOwnerRunning(name.split(".")[0] ?? "")
        if (running === false || (await ageOf(file)) > lockAbandonedMs) await rm(file, { force: true })
      }
      await this.#locks.sweep()
    } catch (error) {
      this.#warn(`store ${this.#name} could not be tidied up: ${reasonOf(error)}`)
    }
  }

  /** Errors of the file system become -31008. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof TypeError || (error instanceof ProtocolError && isHostError(error))) throw error
      throw storeUnavailable(this.#name, reasonOf(error), "no")
    }
  }
}

/** Deletes the record if it has expired by then: it is undefined in that case. */
function dropped(record: StoredRecord | undefined): Change<undefined> {
  return record === undefined ? { result: undefined, next: "none" } : { result: undefined }
}
