/** What V8 compiled of the command is kept among the caches of the user, and nowhere that others can write. */
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import module from "node:module"
import path from "node:path"
import { afterEach, expect, it } from "vitest"
import { cleanUp, cli, packageServer, project, served, temporaryFolder } from "./support.ts"

afterEach(cleanUp)

/** Since Node 22.1. */
const known = "enableCompileCache" in module

interface Caches {
  readonly folder: string
  readonly files: readonly string[]
}

/** Runs `check` twice with a folder for caches, prepared or not, and says what is kept there afterwards. */
async function kept(
  prepare: (folder: string) => void = () => undefined,
  more: Readonly<Record<string, string>> = {},
): Promise<Caches> {
  const caches = temporaryFolder()
  const folder = path.join(caches, "mcp-host")
  prepare(folder)
  const env = { XDG_CACHE_HOME: caches, ...more }
  const cwd = project(served({ low: packageServer("v1-low") }))
  for (let times = 0; times < 2; times += 1)
    expect(await cli(["check"], { cwd, env })).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("ok"),
    })
  const isFolder = existsSync(folder) && statSync(folder).isDirectory()
  return { folder, files: isFolder ? readdirSync(folder) : [] }
}

it(`is ${known ? "kept, for the version of Node that runs" : "not kept, as this version of Node cannot"}`, async () => {
  const { folder, files } = await kept()
  expect(files).toEqual(known ? [expect.stringContaining(process.version)] : [])
  if (known) expect(statSync(folder).mode & 0o777).toBe(0o700)
})

it("is not kept where others can write, nor behind a link", async () => {
  const open = (folder: string): void => {
    mkdirSync(folder)
    chmodSync(folder, 0o777)
  }
  expect((await kept(open)).files).toEqual([])
  expect((await kept((folder) => symlinkSync(temporaryFolder(), folder))).files).toEqual([])
})

it("is not kept where there is no folder, nor when it is refused or given another", async () => {
  expect((await kept((folder) => writeFileSync(folder, ""))).files).toEqual([])
  expect((await kept(undefined, { NODE_DISABLE_COMPILE_CACHE: "1" })).files).toEqual([])
  const other = temporaryFolder()
  expect((await kept(undefined, { NODE_COMPILE_CACHE: other })).files).toEqual([])
  expect(readdirSync(other).length > 0).toBe(known)
})
