/** What is remembered from one start to the next, and when it is not. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { ServerEntry } from "../../src/manifest/types.ts"
import { createCatalogueCache } from "../../src/upstreams/catalogueCache.ts"
import { closeAll } from "../fixtures/harness.ts"
import { createClient, createContext } from "../wire/support.ts"
import {
  create,
  type EntryOptions,
  entryOf,
  type LogLine,
  packageTarget,
  ready,
  soon,
  stdioTarget,
  type TestUpstream,
  temporaryFolder,
} from "./support.ts"

afterEach(closeAll)

const slow = (env: Record<string, string> = {}, options: EntryOptions = {}): ServerEntry =>
  entryOf(stdioTarget("slow-start.mjs", { env: { DELAY: "0", ...env } }), options)

interface Start extends TestUpstream {
  readonly cacheLog: LogLine[]
  sweep(): Promise<void>
}

interface StartOptions {
  readonly version?: string
  readonly secrets?: readonly string[]
}

/** One start of a host over this folder. */
function start(folder: string, entry: ServerEntry, { version = "1", secrets = [] }: StartOptions = {}): Start {
  const cacheLog: LogLine[] = []
  const write =
    (level: string) =>
    (message: string, facts?: Readonly<Record<string, unknown>>): void =>
      void cacheLog.push({ level, message, facts })
  const logger = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") }
  const cache = createCatalogueCache({ folder, manifest: "/m/mcp-host.yaml", version, secrets, logger })
  return { ...create(entry, { cache }), cacheLog, sweep: () => cache.sweep() }
}

/** Starts, lists, closes: the cache is filled. */
async function fill(folder: string, entry: ServerEntry, options?: StartOptions): Promise<void> {
  const { upstream } = start(folder, entry, options)
  await ready(upstream)
  await upstream.close()
}

const fileIn = async (folder: string): Promise<string> => {
  const files = await readdir(folder)
  expect(files).toHaveLength(1)
  return path.join(folder, files[0] ?? "")
}
const edit = async (file: string, change: (text: string) => string): Promise<void> =>
  writeFile(file, change(await readFile(file, "utf8")))
const names = ({ upstream }: TestUpstream, client = createClient()): unknown[] | undefined =>
  upstream.listing(client)?.tool.map(({ name }) => name)
const warnings = ({ log }: TestUpstream): string[] =>
  log.filter(({ level }) => level === "warn").map((each) => each.message)

describe("a server seen before", () => {
  const entries: readonly [string, EntryOptions][] = [
    ["per-client", { session: "per-client" }],
    ["shared", { session: "shared" }],
    ["per-call", { session: "per-call" }],
  ]
  it.each(entries)("is listed before it is up, and calls wait for it: %s", async (_, options) => {
    const folder = path.join(await temporaryFolder(), "deep", "cache")
    const entry = slow({ DELAY: "400", TOOLS: "3" }, options)
    await fill(folder, entry)
    const again = start(folder, entry)
    const client = createClient()
    again.upstream.start(undefined)
    await again.upstream.prepare(client)
    expect(again.upstream.state.state).toBe("starting")
    expect(names(again)).toEqual(["echo", "tool_1", "tool_2"])
    expect(again.upstream.info(client)).toEqual({
      serverInfo: expect.objectContaining({ name: "recording-fixture", "x-info": "kept" }),
      capabilities: { tools: { listChanged: true, "x-tools": true }, experimental: { "x-feature": {} } },
      instructions: "Instructions of recording-fixture.",
    })
    const request = { method: "tools/call", params: { name: "tool_1", arguments: {} } }
    const { value } = await again.upstream.handle(request, createContext({ client }))
    expect(value).toMatchObject({ structuredContent: { received: {} } })
    // A call with a session of its own is answered by that.
    if (options.session !== "per-call") expect(again.upstream.state.state).toBe("ready")
    await vi.waitFor(() => expect(again.upstream.state.state).toBe("ready"), soon)
    // What is there is what was remembered: nobody hears of a change.
    expect(again.events.map(({ type }) => type)).toEqual(["state"])
    expect(warnings(again)).toEqual([])
  })

  it("waits for what is not remembered: another client's capabilities or generation", async () => {
    const folder = await temporaryFolder()
    const entry = slow({ DELAY: "300", TOOLS: "2" })
    await fill(folder, entry)
    const again = start(folder, entry)
    again.upstream.start(undefined)
    await again.upstream.prepare(createClient({ key: "able", capabilities: { roots: {} } }))
    expect(again.upstream.state.state).toBe("ready")
    await again.upstream.close()
    const third = start(folder, entry)
    third.upstream.start(undefined)
    await third.upstream.prepare(createClient({ key: "able", capabilities: { roots: {} } }))
    expect(third.upstream.state.state).toBe("starting")
    await third.upstream.prepare(createClient({ key: "modern", era: "modern" }))
    expect(third.upstream.state.state).toBe("ready")
  })

  it("is verified for every client that saw what was remembered", async () => {
    const folder = await temporaryFolder()
    const entry = slow({ DELAY: "200", TOOLS: "2" })
    const able = createClient({ key: "able", capabilities: { roots: {} } })
    const first = start(folder, entry)
    await ready(first.upstream)
    await first.upstream.prepare(able)
    await first.upstream.close()
    await edit(await fileIn(folder), (text) => text.replaceAll("tool_1", "tool_old"))
    const again = start(folder, entry)
    again.upstream.start(undefined)
    await again.upstream.prepare(able)
    expect(names(again, able)).toEqual(["echo", "tool_old"])
    await vi.waitFor(() => expect(names(again, able)).toEqual(["echo", "tool_1"]), soon)
    await again.upstream.close()
    expect(await readFile(await fileIn(folder), "utf8")).not.toContain("tool_old")
  })

  it("that has changed is announced once and remembered anew, imported or mounted", async () => {
    for (const mode of ["mount", "import"] as const) {
      const folder = await temporaryFolder()
      const entry = slow({ DELAY: "100", TOOLS: "2" }, { mode })
      await fill(folder, entry)
      const file = await fileIn(folder)
      await edit(file, (text) => text.replaceAll("tool_1", "tool_old"))
      const again = start(folder, entry)
      await ready(again.upstream)
      expect(names(again)).toEqual(["echo", "tool_1"])
      expect(again.events.filter(({ type }) => type === "changed")).toHaveLength(1)
      await again.upstream.close()
      expect(await readFile(file, "utf8")).not.toContain("tool_old")
    }
  })

  it("stays listed as remembered when it does not come up", async () => {
    const folder = await temporaryFolder()
    const record = path.join(folder, "record")
    const entry = slow({ TOOLS: "2", RECORD_FILE: record })
    const cache = path.join(folder, "cache")
    await fill(cache, entry)
    // The server dies of not being able to write its record.
    await writeFile(record, "")
    await rm(record)
    await mkdir(record)
    const again = start(cache, entry)
    again.upstream.start(undefined)
    await vi.waitFor(() => expect(again.upstream.state.state).toBe("backoff"), soon)
    expect(names(again)).toEqual(["echo", "tool_1"])
  })

  it("may be a package", async () => {
    const folder = await temporaryFolder()
    const entry = entryOf(packageTarget("v2-mcp"))
    await fill(folder, entry)
    const again = start(folder, entry)
    again.upstream.start(undefined)
    expect(again.upstream.state.state).toBe("starting")
    expect(names(again)).toContain("echo")
    await vi.waitFor(() => expect(again.upstream.state.state).toBe("ready"), soon)
  })
})

describe("a file", () => {
  it("is readable by its owner only and holds nothing secret, nor does its name", async () => {
    const folder = path.join(await temporaryFolder(), "cache")
    const entry = slow({ TOOLS: "2", TOKEN: "s3cr3t-token" }, { config: { password: "s3cr3t-word" } })
    await fill(folder, entry)
    const file = await fileIn(folder)
    expect(file + (await readFile(file, "utf8"))).not.toMatch(/s3cr3t/)
    expect(path.basename(file)).toMatch(/^[0-9a-f]{16}-[0-9a-f]{64}\.catalogue\.json$/)
    if (process.platform === "win32") return
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it("is not written, and goes, when the server repeats a secret", async () => {
    const folder = await temporaryFolder()
    const entry = slow({ FIXTURE_NAME: 'my "secret" name' })
    await fill(folder, entry)
    await fileIn(folder)
    const again = start(folder, entry, { secrets: ['my "secret" name'] })
    await ready(again.upstream)
    await again.upstream.close()
    expect(await readdir(folder)).toEqual([])
    expect(warnings(again)).toEqual([expect.stringContaining("repeats a secret")])
  })

  it.each([
    ["no JSON", () => '{"format":2,"secret'],
    ["empty", () => ""],
    ["another format", (text: string) => text.replace('"format":2', '"format":0')],
    ["JSON of somebody else", () => '["catalogue"]'],
    ["without its base", (text: string) => text.replace(/"base":"[^"]*(\\"[^"]*)*"/, '"base":"none"')],
    [
      "with tools that are none",
      (text: string) => text.replace(/"tool":\[.*?\],"prompt"/, '"tool":[{"x":1}],"prompt"'),
    ],
    ["with a kind missing", (text: string) => text.replace('"prompt":', '"other":')],
  ])("that is %s is ignored with a warning and written again", async (_, spoil) => {
    const folder = await temporaryFolder()
    const entry = slow({ TOOLS: "2" })
    await fill(folder, entry)
    const file = await fileIn(folder)
    const good = await readFile(file, "utf8")
    await edit(file, spoil)
    expect(await readFile(file, "utf8")).not.toBe(good)
    const again = start(folder, entry)
    again.upstream.start(undefined)
    expect(names(again)).toBeUndefined()
    expect(warnings(again)).toEqual(["its cached catalogue is ignored"])
    expect(JSON.stringify(again.log)).not.toContain('"secret')
    await ready(again.upstream)
    await again.upstream.close()
    expect(await readFile(file, "utf8")).toBe(good)
  })

  it("that cannot be read or written takes nothing down", async () => {
    const folder = await temporaryFolder()
    const entry = slow({ TOOLS: "2" })
    await fill(folder, entry)
    const file = await fileIn(folder)
    await rm(file)
    await mkdir(path.join(file, "in the way"), { recursive: true })
    const again = start(folder, entry)
    await ready(again.upstream)
    await again.upstream.close()
    expect(warnings(again)).toEqual([
      "its cached catalogue is ignored",
      "its catalogue could not be written to the cache",
    ])
    expect(await readdir(folder)).toEqual([path.basename(file)])
  })

  it("is of one configuration and one version, and the others go", async () => {
    const folder = await temporaryFolder()
    const entry = slow({ TOOLS: "2" })
    await fill(folder, entry)
    const foreign = ["notes.txt", `${"0".repeat(16)}-${"0".repeat(64)}.catalogue.json`]
    for (const name of foreign) await writeFile(path.join(folder, name), "")
    const others: readonly [ServerEntry, StartOptions][] = [
      [entry, { version: "2" }],
      [slow({ TOOLS: "2", TOKEN: "new" }), {}],
      [slow({ TOOLS: "2" }, { session: "shared" }), {}],
      [slow({ TOOLS: "2" }, { mode: "import" }), {}],
      [slow({ TOOLS: "2" }, { key: "other" }), {}],
      [entryOf(stdioTarget("slow-start.mjs", { env: { DELAY: "0", TOOLS: "2" }, era: "legacy" })), {}],
    ]
    for (const [other, options] of others) {
      const { upstream } = start(folder, other, options)
      upstream.start(undefined)
      expect(upstream.listing(undefined)).toBeUndefined()
      await upstream.close()
    }
    const same = start(folder, entry)
    await same.sweep()
    expect(await readdir(folder)).toHaveLength(3)
    const changed = start(folder, slow({ TOOLS: "3" }))
    await changed.sweep()
    expect((await readdir(folder)).sort()).toEqual([...foreign].sort())
    expect(changed.cacheLog).toEqual([])
  })
})
