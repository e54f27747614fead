/** An audit log under what happens to processes and disks. */
import { execFileSync } from "node:child_process"
import { appendFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { filesOf } from "../../../src/middleware/audit/files.ts"
import { retryMs } from "../../../src/middleware/audit/log.ts"
import { verifyLog } from "../../../src/middleware/audit/verify.ts"
import { closeAll, closers, folderOf } from "../files.ts"
import { killWriters } from "./kills/kills.ts"
import { keys, linesOf, logFile, openLog, written } from "./support.ts"

afterEach(closeAll)

/** Long enough for a write to be tried again. */
const patient = { timeout: 20_000 }

it("writes in order, many lines at once, and says when each is written", async () => {
  const file = await logFile()
  const { log } = openLog(file, { key: keys[0] })
  await Promise.all(Array.from({ length: 2_000 }, (_, n) => log.append({ method: "tools/call", n })))
  const numbers = (await linesOf(file)).flatMap((line) => (JSON.parse(line) as { n?: number }).n ?? [])
  expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, n) => n))
  await log.close()
  expect((await verifyLog(file, keys)).broken).toBeUndefined()
})

it("is readable while it is written", async () => {
  const file = await logFile()
  const { log } = openLog(file, { maxBytes: 5_000, keep: 1_000 })
  await log.append({ method: "tools/call" })
  let written = 0
  const writing = (async () => {
    for (; written < 600; written += 1) await log.append({ method: "tools/call", n: written })
  })()
  while (written < 600) expect((await verifyLog(file, [])).broken?.reason).toBeUndefined()
  await writing
})

it("survives kills at any point", { timeout: 120_000 }, async () => {
  const { confirmed, verified } = await killWriters(await logFile(), { kills: 8 })
  expect(verified.broken).toBeUndefined()
  expect(confirmed).toBeGreaterThan(8)
  expect(verified.files.length).toBeGreaterThan(1)
})

it("is sealed at every point a write can be cut, and the chain goes on", async () => {
  const file = await logFile()
  await written(file, 3)
  const head = await readFile(`${file}.head`)
  const whole = (await linesOf(file)).map((line) => `${line}\n`).join("")
  const last = `${JSON.stringify({ seq: 6, n: 4 }).slice(0, -1)},"prev":"${"0".repeat(64)}"`
  for (let cut = 1; cut < last.length; cut += 7) {
    for (const ending of ["", "\n", "\n\n"]) {
      await writeFile(`${file}.head`, head)
      await writeFile(file, `${whole}${last.slice(0, cut)}${ending}`)
      const { log } = openLog(file)
      await log.append({ method: "tools/call", n: 5 })
      await log.close()
      const { broken, lines } = await verifyLog(file, [])
      expect(broken, `cut at ${cut}`).toBeUndefined()
      expect(lines).toBe(8)
    }
  }
})

it("goes on after kills between the steps of a rotation", async () => {
  const file = await logFile()
  await written(file, 5)
  const [first] = await filesOf(file)
  // Renamed, and nothing after that.
  await rename(file, `${first?.path}.000000000001`)
  await written(file, 5)
  expect(await verifyLog(file, [])).toMatchObject({ requests: 10, files: [{ first: 1 }, { first: 8 }] })
  // Another file begun, and its first line cut.
  await rename(file, `${file}.000000000008`)
  await writeFile(file, '{"seq":15,"ti')
  await written(file, 5)
  const { broken, requests } = await verifyLog(file, [])
  expect(broken).toBeUndefined()
  expect(requests).toBe(15)
})

describe("a file that cannot be written", () => {
  it("is refused to a second process, which is told by whom, until the first has left", patient, async () => {
    const file = await logFile()
    const first = openLog(file)
    await first.log.append({ n: 1 })
    const second = openLog(file)
    expect(await second.log.append({ n: 2 })).toBe(
      `process ${process.pid} writes audit.jsonl; give each host a file of its own`,
    )
    expect(second.reports).toHaveLength(1)
    expect(await second.log.ready()).toMatch(/writes audit\.jsonl/)
    await first.log.close()
    await expect.poll(() => second.log.ready(), { timeout: 15_000, interval: 200 }).toBeUndefined()
    expect(second.reports.at(-1)).toBeUndefined()
    await second.log.close()
    // What could not be written was kept.
    expect((await linesOf(file)).filter((line) => line.includes('"n":'))).toHaveLength(2)
    expect((await verifyLog(file, [])).broken).toBeUndefined()
  })

  it("is noticed when somebody takes it away, and the gap is told of", patient, async () => {
    const file = await logFile()
    const { log, reports } = openLog(file)
    for (let n = 0; n < 3; n += 1) await log.append({ n })
    await rm(file)
    const isTold = async (): Promise<boolean> => {
      await log.append({ n: 9 })
      return reports.some((each) => each?.includes("audit.jsonl"))
    }
    await expect.poll(isTold, { timeout: 15_000, interval: 50 }).toBe(true)
    await expect.poll(() => log.ready(), { timeout: 15_000, interval: 200 }).toBeUndefined()
    await log.close()
    expect((await verifyLog(file, [])).broken?.reason).toMatch(/that the head told of were not there/)
  })

  it("keeps what waits, counts what is too much, and says so in the log", patient, async () => {
    const folder = path.join(await folderOf({}), "logs")
    await writeFile(folder, "a file where the folder shall be")
    const file = path.join(folder, "audit.jsonl")
    const { log, reports } = openLog(file)
    expect(await log.append({ n: 0 })).toMatch(/EEXIST|ENOTDIR/)
    expect(reports).toHaveLength(1)
    for (let n = 1; n < 10_005; n += 1) log.add({ n })
    expect(log.waiting).toBe(10_000)
    await rm(folder)
    await expect.poll(() => log.ready(), { timeout: 15_000, interval: retryMs / 4 }).toBeUndefined()
    await log.close()
    const lines = await linesOf(file)
    expect(lines.filter((line) => line.includes('"n":'))).toHaveLength(10_000)
    expect(lines.filter((line) => line.includes('"event":"dropped","count":5'))).toHaveLength(1)
    expect((await verifyLog(file, [])).notes).toEqual([expect.stringMatching(/5 lines could not be written/)])
  })

  const isRoot = process.platform === "linux" && process.getuid?.() === 0
  it.skipIf(!isRoot)("loses nothing on a disk that is full for a while", patient, async () => {
    const disk = path.join(await folderOf({}), "disk")
    await mkdir(disk)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk])
    closers.push(() => execFileSync("umount", [disk]))
    const file = path.join(disk, "audit.jsonl")
    const { log, reports } = openLog(file, { key: keys[0] })
    await log.append({ n: 0 })
    await appendFile(path.join(disk, "filler"), Buffer.alloc(512 * 1024)).catch(() => "full")
    let failure: string | undefined
    let n = 0
    while (failure === undefined) failure = await log.append({ n: ++n, filling: "x".repeat(3_000) })
    expect(failure).toBe("the disk is full (ENOSPC)")
    expect(reports).toEqual([failure])
    await rm(path.join(disk, "filler"))
    await expect.poll(() => log.ready(), { timeout: 15_000, interval: 200 }).toBeUndefined()
    await log.append({ n: ++n })
    await log.close()
    const numbers = (await linesOf(file)).flatMap((line) =>
      [...line.matchAll(/^\{"seq":\d+,"n":(\d+),.*\}$/g)].map(([, each]) => Number(each)),
    )
    expect(numbers).toEqual(Array.from({ length: n + 1 }, (_, each) => each))
    expect((await verifyLog(file, keys)).broken).toBeUndefined()
  })
})
