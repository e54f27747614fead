/** Watching files: what counts is their content, from the moment somebody began to read them. */
import { appendFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { expect, onTestFinished, test, vi } from "vitest"
import { markOf, type Watching, watchFiles } from "../../src/manifest/watch.ts"
import { folder } from "./support.ts"

interface Bench {
  readonly at: (name: string) => string
  readonly watching: Watching
  readonly changed: ReturnType<typeof vi.fn>
}

async function bench(files: Record<string, string>): Promise<Bench> {
  const base = await folder(files)
  const changed = vi.fn()
  const watching = watchFiles(changed)
  onTestFinished(() => watching.close())
  return { at: (name) => join(base, name), watching, changed }
}

const soon = { timeout: 8_000, interval: 20 }
/** Longer than events take to be gathered. */
const quietMs = 400

test("an edit that came between reading a file and following it is told", async () => {
  const { at, watching, changed } = await bench({ "a.yaml": "" })
  const marks = new Map([[at("a.yaml"), markOf(at("a.yaml"))]])
  writeFileSync(at("a.yaml"), "whole")
  watching.follow([at("a.yaml")], marks)
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), soon)
  await delay(quietMs)
  expect(changed).toHaveBeenCalledTimes(1)
})

test("following anew forgets nothing that was known, and hears of what comes", async () => {
  const { at, watching, changed } = await bench({ "a.yaml": "one" })
  watching.follow([at("a.yaml"), at("not-there.yaml")])
  watching.follow([at("a.yaml"), at("not-there.yaml")])
  await delay(quietMs)
  expect(changed).not.toHaveBeenCalled()
  writeFileSync(at("not-there.yaml"), "now")
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), soon)
  writeFileSync(at("b.yaml"), "two")
  renameSync(at("b.yaml"), at("a.yaml"))
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2), soon)
  rmSync(at("a.yaml"))
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(3), soon)
})

test("files of a pattern come and go, in folders that do too", async () => {
  const { at, watching, changed } = await bench({ "more/a.yaml": "one" })
  watching.follow([at("more/*.yaml")])
  writeFileSync(at("more/b.yaml"), "two")
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), soon)
  rmSync(at("more"), { recursive: true })
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2), soon)
  mkdirSync(at("more"))
  writeFileSync(at("more/c.yaml"), "three")
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(3), soon)
})

test("nothing is told of what was only touched, of other files, or after the end", async () => {
  const { at, watching, changed } = await bench({ "a.yaml": "one", "other.yaml": "" })
  watching.follow([at("a.yaml")])
  utimesSync(at("a.yaml"), new Date(), new Date())
  appendFileSync(at("other.yaml"), "more")
  await delay(quietMs)
  expect(changed).not.toHaveBeenCalled()
  watching.close()
  writeFileSync(at("a.yaml"), "two")
  await delay(quietMs)
  expect(changed).not.toHaveBeenCalled()
})
