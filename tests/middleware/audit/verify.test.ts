/** Every way to tamper with an audit log is found, at its line. */
import { appendFile, copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { filesOf } from "../../../src/middleware/audit/files.ts"
import { writeHead } from "../../../src/middleware/audit/head.ts"
import { type AuditKey, type Fields, makeLine, parseLine } from "../../../src/middleware/audit/line.ts"
import { verifyLog } from "../../../src/middleware/audit/verify.ts"
import { closeAll } from "../files.ts"
import { keys, linesOf, logFile, openLog, rewrite, written } from "./support.ts"

afterEach(closeAll)

const [key, otherKey] = keys as [AuditKey, AuditKey]

/** Lines 1 to 12: the beginning, ten requests, the end. */
async function aLog(settings: Parameters<typeof written>[2] = {}): Promise<string> {
  const file = await logFile()
  await written(file, 10, settings)
  return file
}

describe.each([
  ["without a key", undefined],
  ["with a key", key],
])("%s", (_what, used) => {
  const given = used === undefined ? [] : [used]

  it("a log as it was written is whole", async () => {
    const file = await aLog({ key: used })
    const verified = await verifyLog(file, given)
    expect(verified).toMatchObject({ lines: 12, requests: 10, keyed: used !== undefined, notes: [] })
    expect(verified.broken).toBeUndefined()
    expect(verified.files).toEqual([{ file, lines: 12, first: 1, last: 12 }])
  })

  it.each<[what: string, change: (lines: string[]) => string[], line: number, reason: RegExp]>([
    ["changed", (all) => all.with(4, (all[4] ?? "").replace('"n":4', '"n":5')), 5, /was changed/],
    ["changed in its hash", (all) => all.with(4, (all[4] ?? "").replace(/.{3}"}$/, '000"}')), 5, /was changed/],
    ["emptied", (all) => all.with(4, ""), 5, /no line of an audit log/],
    ["removed", (all) => all.toSpliced(4, 1), 5, /line 5 is missing/],
    ["three removed", (all) => all.toSpliced(4, 3), 5, /lines 5 to 7 are missing/],
    ["removed at the beginning", (all) => all.toSpliced(0, 1), 1, /./],
    ["inserted", (all) => all.toSpliced(4, 0, '{"method":"tools/call"}'), 5, /no line of an audit log/],
    ["repeated", (all) => all.toSpliced(4, 0, all[3] ?? ""), 5, /line 4 comes after line 4/],
    ["moved", (all) => all.toSpliced(4, 1).toSpliced(7, 0, all[4] ?? ""), 5, /line 5 is missing/],
    ["swapped", (all) => all.with(4, all[5] ?? "").with(5, all[4] ?? ""), 5, /line 5 is missing/],
    ["removed at the end", (all) => all.slice(0, -1), 11, /lines 12 to 12 are missing at the end/],
    ["many removed at the end", (all) => all.slice(0, 3), 3, /lines 4 to 12 are missing at the end/],
    ["all removed", () => [], 1, /lines 1 to 12 are missing at the end/],
    ["cut in the last", (all) => all.with(11, (all[11] ?? "").slice(0, 30)), 11, /lines 12 to 12 are missing/],
  ])("a line %s is found", async (_change, change, line, reason) => {
    const file = await aLog({ key: used })
    await rewrite(file, change)
    const { broken } = await verifyLog(file, given)
    expect(broken).toMatchObject({ file, line, reason: expect.stringMatching(reason) })
  })

  it("the host that goes on after that does not make it whole", async () => {
    for (const change of [
      (all: string[]) => all.slice(0, 3),
      (all: string[]) => all.with(11, (all[11] ?? "").replace('"close"', '"cloze"')),
      (all: string[]) => all.with(11, "x"),
    ]) {
      const file = await aLog({ key: used })
      await rewrite(file, change)
      await written(file, 2, { key: used })
      expect((await verifyLog(file, given)).broken, String(change)).toBeDefined()
    }
  })

  it("a head that was removed, changed, or is of an older end", async () => {
    const file = await aLog({ key: used })
    const head = `${file}.head`
    const whole = await readFile(head, "utf8")
    await writeFile(head, whole.replace('"seq":12', '"seq":11'))
    expect((await verifyLog(file, given)).broken).toMatchObject({ file: head, reason: "the head was changed" })
    await writeFile(head, "x")
    expect((await verifyLog(file, given)).broken?.reason).toMatch(/head file is unreadable/)
    await rm(head)
    expect((await verifyLog(file, given)).broken?.reason).toMatch(/head file is missing/)
    await written(file, 1, { key: used })
    expect((await verifyLog(file, given)).broken?.reason).toMatch(/head file is missing when the host opened the log/)
  })

  it("a rotated file that was removed or changed", async () => {
    const file = await aLog({ key: used, maxBytes: 600, keep: 50 })
    const [first, second, third] = await filesOf(file)
    expect((await verifyLog(file, given)).broken).toBeUndefined()
    const copy = `${second?.path}x`
    await copyFile(second?.path ?? "", copy)
    await rm(second?.path ?? "")
    expect((await verifyLog(file, given)).broken).toMatchObject({
      file: third?.path,
      line: 1,
      reason: expect.stringMatching(/missing before it/),
    })
    await copyFile(copy, second?.path ?? "")
    expect((await verifyLog(file, given)).broken).toBeUndefined()
    await rm(first?.path ?? "")
    expect((await verifyLog(file, given)).broken?.reason).toMatch(/missing at the beginning/)
  })
})

describe("who has no key", () => {
  /** Chains all lines anew with what they have: nothing, or a key of their own. */
  async function chainAnew(file: string, change: (value: Fields) => Fields, own: AuditKey | undefined): Promise<void> {
    let last = { seq: 0, hash: "0".repeat(64) }
    const texts = (await linesOf(file)).map((text) => {
      const { seq: _seq, prev: _prev, hash: _hash, key: _key, ...fields } = parseLine(text, null)?.value ?? {}
      const isOpen = fields["event"] === "open"
      const { text: made, ...link } = makeLine(change({ ...fields, ...(isOpen && own && { key: own.id }) }), last, own)
      last = link
      return made
    })
    await rewrite(file, () => texts)
    await writeHead(file, { ...last, first: 1 }, { key: own, sync: false })
  }

  it("can chain a log anew that has none: only a key shows that", async () => {
    const file = await aLog()
    await chainAnew(file, (value) => ({ ...value, n: 0 }), undefined)
    expect((await verifyLog(file, [])).broken).toBeUndefined()
  })

  it.each([
    ["without one", undefined, /made without a key, although one is given/],
    ["with another", otherKey, /made with the key [0-9a-f]{16}, which was not given/],
  ])("cannot chain a log anew that has one, %s", async (_what, own, reason) => {
    const file = await aLog({ key })
    await chainAnew(file, (value) => ({ ...value, n: 0 }), own)
    expect((await verifyLog(file, [key])).broken?.reason).toMatch(reason)
    // Nor does the host take it for its own.
    await written(file, 1, { key })
    expect((await verifyLog(file, [key])).broken).toBeDefined()
  })

  it("cannot verify it either", async () => {
    const file = await aLog({ key })
    expect((await verifyLog(file, [])).broken).toMatchObject({
      file,
      line: 1,
      reason: expect.stringMatching(/which was not given/),
    })
  })

  it("cannot cut the end off and tell of another", async () => {
    const file = await aLog({ key })
    await rewrite(file, (all) => all.slice(0, 5))
    const { seq = 0, hash = "" } = parseLine((await linesOf(file)).at(-1) ?? "", null) ?? {}
    await writeHead(file, { seq, hash, first: 1 }, { key: undefined, sync: false })
    expect((await verifyLog(file, [key])).broken?.reason).toBe("the head was changed")
  })
})

describe("keys that change", () => {
  it("begin another file, and the chain goes on", async () => {
    const file = await aLog()
    await written(file, 3, { key })
    await written(file, 3, { key: otherKey, previousKeys: [key] })
    expect(await filesOf(file)).toHaveLength(3)
    expect((await verifyLog(file, [otherKey, key])).broken).toMatchObject({
      line: 1,
      reason: expect.stringMatching(/without a key/),
    })
    const all = { mayBeginWithoutKey: true }
    const { broken, notes, requests } = await verifyLog(file, [otherKey, key], all)
    expect(broken).toBeUndefined()
    expect(requests).toBe(16)
    expect(notes).toEqual([expect.stringMatching(/first files were made without a key/)])
    // What was without a key is held by what came after.
    const [first] = await filesOf(file)
    await rewrite(first?.path ?? "", (lines) => lines.slice(0, -1))
    expect((await verifyLog(file, [otherKey, key], all)).broken?.reason).toMatch(/missing before it/)
  })

  it("are not left out again", async () => {
    const file = await aLog({ key })
    await written(file, 1)
    const { broken } = await verifyLog(file, [key], { mayBeginWithoutKey: true })
    expect(broken).toMatchObject({ line: 1, reason: expect.stringMatching(/those before with one/) })
  })
})

describe("rotation", () => {
  it("keeps so many files, and a log that begins later is whole", async () => {
    const file = await logFile()
    await written(file, 200, { maxBytes: 4_000, keep: 3 })
    const files = await filesOf(file)
    expect(files).toHaveLength(4)
    const { broken, notes } = await verifyLog(file, [])
    expect(broken).toBeUndefined()
    expect(notes).toEqual([expect.stringMatching(/begins with line \d+: older files were removed/)])
    expect(await readdir(path.dirname(file))).toHaveLength(6)
  })

  it("goes by age too", async () => {
    const file = await logFile()
    const { log } = openLog(file, { maxAgeMs: 0 })
    for (let n = 1; n <= 3; n += 1) await log.append({ method: "tools/call", n })
    await log.close()
    expect((await filesOf(file)).length).toBeGreaterThan(2)
    expect((await verifyLog(file, [])).broken).toBeUndefined()
  })
})

it("what a killed process left is sealed by the next, and nothing else is taken for it", async () => {
  const file = await aLog({ key })
  await appendFile(file, '{"seq":13,"time":"2026-')
  expect(await verifyLog(file, [key])).toMatchObject({
    notes: [expect.stringMatching(/audit\.jsonl:13: the last line is not whole/)],
  })
  await written(file, 1, { key })
  const verified = await verifyLog(file, [key])
  expect(verified.broken).toBeUndefined()
  expect(verified.notes).toEqual([expect.stringMatching(/a killed process left 23 bytes/)])
  await rewrite(file, (all) => all.with(12, '{"seq":13,"time":"2027-'))
  expect((await verifyLog(file, [key])).broken).toMatchObject({ line: 13 })
})
