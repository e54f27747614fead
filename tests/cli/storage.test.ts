/** Stores from the command line: what packages keep between runs, wrong keys, rotation. */
import { writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, expect, it } from "vitest"
import { stringify } from "yaml"
import { cleanUp, cli, packageServer, project } from "./support.ts"

afterEach(cleanUp)

/** Several runs of the command line, one after another. */
const patient = { timeout: 120_000 }
const [key, nextKey] = ["a".repeat(40), "b".repeat(40)] as const

/** Two servers of one package, which counts in its store. */
function projectWith(storage: object): { cwd: string; rewrite: (storage: object) => void } {
  const counter = packageServer("counter")
  const manifest = (stores: object): object => ({ storage: stores, servers: { one: counter, two: counter } })
  const cwd = project(manifest(storage))
  return { cwd, rewrite: (stores) => writeFileSync(path.join(cwd, "mcp-host.yaml"), stringify(manifest(stores))) }
}

it("a package's store lasts, and is its own", patient, async () => {
  const { cwd } = projectWith({ default: { type: "file", path: "./store" } })
  const count = async (name: string): Promise<string> => (await cli(["call", `${name}_count`], { cwd })).stdout
  expect(await count("one")).toBe("1\n")
  expect(await count("one")).toBe("2\n")
  expect(await count("two")).toBe("1\n")
})

it("without a section, data is among the user's", patient, async () => {
  const { cwd } = projectWith({})
  const env = { XDG_DATA_HOME: path.join(cwd, "share"), LOCALAPPDATA: path.join(cwd, "share") }
  for (const n of ["1\n", "2\n"]) expect((await cli(["call", "one_count"], { cwd, env })).stdout).toBe(n)
})

it("a wrong key ends run and check --connect, and rotation lets a new one in", patient, async () => {
  const { cwd, rewrite } = projectWith({ default: { type: "file", path: "./store", encrypt: key } })
  expect((await cli(["call", "one_count"], { cwd })).stdout).toBe("1\n")
  rewrite({ default: { type: "file", path: "./store", encrypt: nextKey } })
  for (const args of [
    ["run", "--port", "0"],
    ["check", "--connect"],
  ]) {
    const { code, stderr } = await cli(args, { cwd })
    expect(code).toBe(1)
    expect(stderr).toMatch(/error STORE_WRONG_KEY: store default opens with the key [0-9a-f]{16}; the manifest gives/)
    expect(stderr).not.toContain(nextKey)
  }
  expect((await cli(["storage", "rotate"], { cwd })).code).toBe(1)
  rewrite({ default: { type: "file", path: "./store", encrypt: nextKey, previousKeys: [key] } })
  expect(await cli(["storage", "rotate"], { cwd })).toMatchObject({
    code: 0,
    stdout: "default: 1 record encrypted anew, 0 records had the current key\n",
  })
  rewrite({ default: { type: "file", path: "./store", encrypt: nextKey } })
  expect((await cli(["call", "one_count"], { cwd })).stdout).toBe("2\n")
})

it("names the stores there are", async () => {
  const { cwd } = projectWith({ main: { type: "memory" } })
  expect(await cli(["storage", "rotate", "mian"], { cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no store "mian" .*\nhelp: Name one of main\./),
  })
  expect(await cli(["storage", "rotate"], { cwd })).toMatchObject({ code: 0, stdout: "No store is encrypted.\n" })
})

it("says which package a store needs, before anything listens", async () => {
  const { cwd } = projectWith({ default: { uri: "mysql://root:hunter2@127.0.0.1/x" } })
  const { code, stderr } = await cli(["run", "--port", "0"], { cwd })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /STORE_PACKAGE_MISSING: store default needs @keyv\/mysql.*\nhelp: Run: npm install keyv@\S+ @keyv\/mysql@\S+\n/,
  )
  expect(stderr).not.toContain("hunter2")
})
