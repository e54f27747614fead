/**
 * Locks between processes, as files: a lock is a hard link to a file that says who this process is, so that taking it
 * and naming its owner are one step. No process waits for one that was killed, and no clock decides about a process of
 * this machine. Used by `file.ts`; why not a library: docs/decisions/007-file-store.md.
 *
 * The lock of a dead owner D is removed by whoever holds the right to: the file `<lock>.break.<D>`, which is made once.
 * If the holder W of that right dies too, the right passes to whoever makes `<lock>.break.<W>`, and so on. The holder
 * looks again whether the lock is D's before it removes it: D is dead and never comes back, so that cannot change
 * between looking and removing, except by the holder.
 */
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { hasCode } from "./errors.ts"
import { isRunning, type ProcessFacts, randomId, thisProcess } from "./processes.ts"

/** How long an operation waits for a lock, in milliseconds. */
export const lockWaitMs = 10_000
/** How long a lock is good for: its owner gives up what it has not done by then. */
export const lockHoldMs = 30_000
/** A lock of another machine or container that is older was left behind. More than `lockHoldMs`, and clocks differ. */
export const lockAbandonedMs = 90_000

/** Somebody else kept a lock for longer than one waits. */
export class LockHeldError extends Error {
  readonly pid: number

  constructor(pid: number, waitMs: number) {
    super(`process ${pid} has kept a record locked for ${waitMs / 1000} s`)
    this.name = "LockHeldError"
    this.pid = pid
  }
}

interface Owner extends ProcessFacts {
  readonly id: string
}

/** The locks in a folder. */
export class FileLocks {
  readonly #me: Owner = { id: randomId(), ...thisProcess() }
  readonly #owners: string
  readonly #locks: string
  /** What this process itself does with a lock, one after another. */
  readonly #queues = new Map<string, Promise<void>>()

  readonly #waitMs: number

  private constructor(folder: string, waitMs: number) {
    this.#waitMs = waitMs
    this.#owners = path.join(folder, "owners")
    this.#locks = path.join(folder, "locks")
  }

  /** The folder is made when it is missing. Throws errors of the file system. */
  static async open(folder: string, { waitMs = lockWaitMs } = {}): Promise<FileLocks> {
    const locks = new FileLocks(folder, waitMs)
    for (const each of [locks.#owners, locks.#locks]) await mkdir(each, { recursive: true, mode: 0o700 })
    await locks.#announce()
    return locks
  }

  /** Names files of this process; no other process has it. */
  get id(): string {
    return this.#me.id
  }

  /** Runs `work` while no other caller of any process has this lock. `assertHeld` throws when it took too long. */
  withLock<T>(name: string, work: (assertHeld: () => void) => Promise<T>): Promise<T> {
    const before = this.#queues.get(name) ?? Promise.resolve()
    const run = before.then(() => this.#locked(path.join(this.#locks, name), work))
    // Who comes next waits for the end, whether it went well or not.
    const end = run.then(ignore, ignore)
    this.#queues.set(name, end)
    void end.then(() => this.#queues.get(name) === end && this.#queues.delete(name))
    return run
  }

  /** Whether the process with this id still runs; undefined when nothing is known of it. */
  async isOwnerRunning(id: string): Promise<boolean | undefined> {
    const file = path.join(this.#owners, id)
    const owner = await readOwner(file)
    return owner && !(await this.#isDead(owner, file))
  }

  /** Removes what dead processes left. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#locks)) {
      const [lock, target] = name.split(".break.")
      if (lock === undefined || target === undefined) continue
      const file = path.join(this.#locks, lock)
      const owner = await readOwner(file)
      // The lock is not the target's any more, and never will be again.
      if (owner === undefined || !(await this.#isDead(owner, file)))
        await rm(path.join(this.#locks, name), { force: true })
    }
    for (const id of await readdir(this.#owners)) {
      const file = path.join(this.#owners, id)
      const owner = await readOwner(file)
      if (owner !== undefined && (await this.#isDead(owner, file))) await rm(file, { force: true })
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#queues.values())
    await rm(this.#mine, { force: true })
  }

  get #mine(): string {
    return path.join(this.#owners, this.#me.id)
  }

  async #announce(): Promise<void> {
    await writeFile(`${this.#mine}.new`, JSON.stringify(this.#me), { mode: 0o600 })
    await rename(`${this.#mine}.new`, this.#mine)
  }

  async #locked<T>(lock: string, work: (assertHeld: () => void) => Promise<T>): Promise<T> {
    const since = await this.#acquire(lock)
    try {
      return await work(() => {
        if (performance.now() - since > lockHoldMs) throw new Error("the process stood still while it wrote")
      })
    } finally {
      // Others may have taken a lock for abandoned whose owner stood still.
      if ((await readOwner(lock))?.id === this.#me.id) await rm(lock, { force: true })
    }
  }

  /** Resolves with a time at which nobody had the lock after this process yet, of its own clock. */
  async #acquire(lock: string): Promise<number> {
    const start = performance.now()
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 16)) {
      const before = performance.now()
      if (await this.#claim(lock)) return before
      const owner = await readOwner(lock)
      if (owner === undefined) continue
      if (await this.#isDead(owner, lock)) await this.#break(lock, owner)
      else if (before - start > this.#waitMs) throw new LockHeldError(owner.pid, this.#waitMs)
      else await delay(pauseMs * (0.5 + Math.random()))
    }
  }

  /** True when the file was made; false when it is there. */
  async #claim(file: string): Promise<boolean> {
    try {
      await link(this.#mine, file)
      return true
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false
      if (!hasCode(error, "ENOENT")) throw error
      // Somebody tidied up who could not see this process.
      await this.#announce()
      return false
    }
  }

  /** Removes the lock of a dead owner, if nobody else is about to. */
  async #break(lock: string, dead: Owner): Promise<void> {
    const chain: string[] = []
    for (let target = dead.id; ; ) {
      const right = `${lock}.break.${target}`
      chain.push(right)
      if (await this.#claim(right)) break
      const holder = await readOwner(right)
      if (holder?.id === this.#me.id) break
      if (holder === undefined || !(await this.#isDead(holder, right))) return
      target = holder.id
    }
    if ((await readOwner(lock))?.id === dead.id) await rm(lock, { force: true })
    for (const right of chain) await rm(right, { force: true })
  }

  async #isDead(owner: Owner, file: string): Promise<boolean> {
    if (owner.id === this.#me.id) return false
    const running = isRunning(owner, this.#me)
    if (running !== undefined) return !running
    // Taking and giving back any lock changes the file that all locks of a process are.
    const facts = await unlessMissing(stat(file))
    return facts !== undefined && Date.now() - facts.ctimeMs > lockAbandonedMs
  }
}

const ignore = (): void => undefined

/** Undefined when the file is gone, or is the unfinished one of a process that was killed as it started. */
async function readOwner(file: string): Promise<Owner | undefined> {
  const text = await unlessMissing(readFile(file, "utf8"))
  if (text === undefined || text === "") return undefined
  // Written by `announce` only.
  return JSON.parse(text) as Owner
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    throw error
  }
}
