/** The file store between processes: what they do to one record at the same time, and what one that dies leaves. */
import { once } from "node:events"
import { link, mkdir, readdir, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { expect, it } from "vitest"
import { FileLocks } from "../../src/storage/fileLocks.ts"
import { isRunning, thisProcess } from "../../src/storage/processes.ts"
import { createBooks, killWriters, startWriter } from "./kills/kills.ts"
import { fileStore, onEnd, temporaryFolder } from "./support.ts"

it("several processes lose no step of one another", { timeout: 120_000 }, async () => {
  const folder = await temporaryFolder()
  const books = createBooks()
  const rounds = 25
  const writers = ["one", "two", "three"].map((name) => {
    const writer = startWriter({ folder, name, rounds })
    return { ended: once(writer, "close"), reading: books.follow(name, writer) }
  })
  for (const { ended, reading } of writers) {
    expect(await ended).toEqual([0, null])
    await reading.done
  }
  // Nobody was killed: each count is exactly what was confirmed.
  expect(await books.check(folder)).toBe(writers.length * rounds * 3)
})

it("survives kills at any point of a write", { timeout: 600_000 }, async () => {
  const kills = Number(process.env["MCP_HOST_KILLS"] ?? 12)
  const report = await killWriters({ folder: await temporaryFolder(), kills })
  expect(report.amidst).toBeGreaterThan(0)
})

/** What a process that was killed leaves: who it was. */
async function deadOwner(folder: string, id: string): Promise<string> {
  const file = path.join(folder, "owners", id)
  await mkdir(path.dirname(file), { recursive: true })
  // The number of no process: above what Linux gives out.
  await writeFile(file, JSON.stringify({ id, ...thisProcess(), pid: 2 ** 30 }))
  return file
}

it("takes the locks of dead processes, also of those that died over taking one", async () => {
  const folder = await temporaryFolder()
  const locks = await FileLocks.open(folder)
  onEnd(() => locks.close())
  const place = path.join(folder, "locks")
  await link(await deadOwner(folder, "d1"), path.join(place, "record"))
  await link(await deadOwner(folder, "d2"), path.join(place, "record.break.d1"))
  await link(await deadOwner(folder, "d3"), path.join(place, "record.break.d2"))
  expect(await locks.withLock("record", async () => "mine")).toBe("mine")
  expect(await readdir(place)).toEqual([])
})

it("tidies up after dead processes, and leaves what is still needed", async () => {
  const folder = await temporaryFolder()
  const locks = await FileLocks.open(folder)
  onEnd(() => locks.close())
  const place = path.join(folder, "locks")
  await link(await deadOwner(folder, "d1"), path.join(place, "held"))
  await link(await deadOwner(folder, "d2"), path.join(place, "held.break.d1"))
  await link(path.join(folder, "owners", "d2"), path.join(place, "gone.break.d1"))
  await locks.sweep()
  expect((await readdir(place)).sort()).toEqual(["held", "held.break.d1"])
  expect(await readdir(path.join(folder, "owners"))).toEqual([locks.id])
  expect(await locks.withLock("held", async () => "mine")).toBe("mine")
})

it("gives a lock to one at a time, and goes on after a failure", async () => {
  const folder = await temporaryFolder()
  const [a, b] = [await FileLocks.open(folder), await FileLocks.open(folder)]
  for (const each of [a, b]) onEnd(() => each.close())
  let inside = 0
  const work = async (): Promise<void> => {
    inside += 1
    expect(inside).toBe(1)
    await new Promise((resolve) => setImmediate(resolve))
    inside -= 1
    throw new Error("on purpose")
  }
  const all = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? a : b).withLock("x", work)))
  expect(all.map((each) => (each.status === "rejected" ? String(each.reason) : each.status))).toEqual(
    Array.from({ length: 20 }, () => "Error: on purpose"),
  )
  expect(await readdir(path.join(folder, "locks"))).toEqual([])
})

it("goes on when somebody removed the file that says who it is", async () => {
  const folder = await temporaryFolder()
  const store = await fileStore(folder)
  onEnd(() => store.close())
  await store.set("a", 1)
  for (const id of await readdir(path.join(folder, "owners"))) await rm(path.join(folder, "owners", id))
  expect(await store.increment("a")).toBe(2)
})

it("knows which processes run", () => {
  const here = thisProcess()
  expect(isRunning(here, here)).toBe(true)
  expect(isRunning({ ...here, pid: 2 ** 30 }, here)).toBe(false)
  expect(isRunning({ ...here, space: "another machine" }, here)).toBeUndefined()
  // The number was given to another process since.
  if (here.started !== "") expect(isRunning({ ...here, started: "1" }, here)).toBe(false)
})
