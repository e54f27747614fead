/**
 * Kills processes that write to one file store, at random points, and looks after each kill whether every record is
 * whole, none is older than what was confirmed, nothing is readable on the disk, and nobody is held up.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as delay } from "node:timers/promises"
import { isJsonObject } from "../../../src/protocol/json.ts"
import { openEncrypted } from "../../../src/storage/encrypted.ts"
import { openFileStore } from "../../../src/storage/file.ts"

const root = path.resolve(import.meta.dirname, "../../..")

export interface KillOptions {
  /** The store's; empty. */
  readonly folder: string
  readonly kills: number
  /** Run what is built: starts faster. Default: the sources. */
  readonly built?: boolean
  onKill?(count: number): void
}

export interface KillReport {
  readonly kills: number
  /** Operations the processes confirmed. */
  readonly operations: number
  /** Kills in the middle of an operation. */
  readonly amidst: number
}

/** Two processes at a time share the store. Throws what is wrong. */
export async function killWriters({ folder, kills, built = false, onKill }: KillOptions): Promise<KillReport> {
  const books = createBooks()
  let left = kills
  let amidst = 0
  const lane = async (name: string): Promise<void> => {
    while (left > 0) {
      left -= 1
      const writer = startWriter({ folder, name, built })
      const ended = once(writer, "close")
      const reading = books.follow(name, writer)
      await Promise.race([reading.begun, ended])
      // An operation takes some milliseconds: any point of a few of them.
      await delay(Math.random() * 60)
      writer.kill("SIGKILL")
      await ended
      await reading.done
      if (books.isOpen(name)) amidst += 1
      await checkDisk(folder)
      onKill?.(kills - left)
    }
  }
  await Promise.all([lane("one"), lane("two")])
  const operations = await books.check(folder)
  return { kills, operations, amidst }
}

export interface WriterOptions {
  readonly folder: string
  readonly name: string
  readonly built?: boolean
  readonly rounds?: number
}

export function startWriter({ folder, name, built = false, rounds }: WriterOptions): ChildProcess {
  const script = path.join(import.meta.dirname, "writer.mjs")
  const code = path.join(root, built ? "dist" : "src")
  const loader = built ? [] : ["--import", "tsx"]
  const args = [
    ...loader,
    script,
    code,
    built ? "js" : "ts",
    folder,
    name,
    ...(rounds === undefined ? [] : [`${rounds}`]),
  ]
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], cwd: root })
}

/** What the processes said they did. */
export function createBooks() {
  const confirmed = new Map<string, number>()
  const begun = new Map<string, number>()
  const taken = new Set<string>()
  const open = new Map<string, string | undefined>()
  let operations = 0
  const note = (book: Map<string, number>, what: string, n: string | undefined): void => {
    book.set(what, n === undefined ? (book.get(what) ?? 0) + 1 : Number(n))
  }
  const read = (name: string, line: string): void => {
    const [word, what = "", key = what, n] = line.split(" ")
    if (word === "begin") {
      open.set(name, key)
      note(begun, key, n)
    } else if (word === "end") {
      open.delete(name)
      operations += 1
      note(confirmed, key, n)
    } else if (word === "taken") {
      if (taken.has(what)) throw new Error(`${what} was taken twice`)
      taken.add(what)
    } else if (word !== "closed") throw new Error(`${name} says: ${line}`)
  }
  return {
    isOpen: (name: string) => open.has(name),
    follow(name: string, writer: ChildProcess) {
      open.delete(name)
      let start = (): void => undefined
      const begins = new Promise<void>((resolve) => {
        start = resolve
      })
      const done = (async () => {
        for await (const line of createInterface({ input: writer.stdout! })) {
          start()
          // A line that the kill cut off says nothing.
          if (/^(begin|end) (set \S+ \d+|count|add)$|^taken [0-9a-f-]{36}$|^closed$|^warning/.test(line))
            read(name, line)
        }
      })()
      return { begun: begins, done }
    },
    /** Compares what is in the store with what was begun and confirmed; resolves with the number of operations. */
    async check(folder: string): Promise<number> {
      const file = await openFileStore({ name: "killed", folder, warn: fail })
      const store = await openEncrypted(file, { name: "killed", encrypt: "k".repeat(40), previousKeys: [] })
      try {
        for (const key of await store.keys()) {
          const value = await store.get(key)
          if (key === "ticket") continue
          const n = isJsonObject(value) ? Number(value["n"]) : Number(value)
          const text = isJsonObject(value) ? String(value["text"]) : ""
          if (isJsonObject(value) && text !== `PLAINTEXT-${"x".repeat((n * 97) % 5000)}-END`)
            fail(`${key} is not whole`)
          const least = confirmed.get(key === "sum" ? "add" : key) ?? 0
          const most = begun.get(key === "sum" ? "add" : key) ?? 0
          if (n < least || n > most) fail(`${key} is ${n}, begun ${most}, confirmed ${least}`)
        }
        for (const key of confirmed.keys())
          if ((await store.get(key === "add" ? "sum" : key)) === undefined) fail(`${key} is gone`)
        // No lock of a dead process is in the way.
        for (const key of ["count", "sum"]) await store.increment(key, 0)
        return operations
      } finally {
        await store.close()
      }
    },
  }
}

function fail(message: string): never {
  throw new Error(message)
}

/** Every file there is now: whole records, and no word of them readable. */
async function checkDisk(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name)
    if (/PLAIN/.test(file)) fail(`${file} names a key`)
    if (!entry.isFile()) continue
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      // The other process may just have replaced it.
      if (error.code === "ENOENT") return "{}"
      throw error
    })
    if (/PLAIN|x{20}/.test(text)) fail(`${file} is readable`)
    const isRecord = path.relative(folder, file).startsWith("records")
    if (isRecord && !isJsonObject(JSON.parse(text))) fail(`${file} is no record`)
  }
}
