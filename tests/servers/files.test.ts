import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { createMcpHandler, type McpServer } from "@modelcontextprotocol/server"
import { afterEach, describe, expect, test, vi } from "vitest"
import { writeFileAt } from "../../servers/files/src/changeFiles.ts"
import { openChecked } from "../../servers/files/src/containment.ts"
import { errorCode, FileError } from "../../servers/files/src/fileError.ts"
import createFilesServer from "../../servers/files/src/index.ts"
import { locate, openRoots } from "../../servers/files/src/roots.ts"
import { searchFiles } from "../../servers/files/src/searchFiles.ts"
import { walk } from "../../servers/files/src/walk.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { soon } from "../upstreams/support.ts"
import { createTestContext, type TestContext } from "./context.ts"

const cleanups: Array<() => Promise<void>> = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function prepare(config: JsonObject): Promise<TestContext> {
  const host = await createTestContext(config)
  cleanups.push(host.close)
  const { directory } = host.context
  await mkdir(path.join(directory, "docs/sub/deep"), { recursive: true })
  await mkdir(path.join(directory, "inbox"))
  await mkdir(path.join(directory, "outside"))
  await writeFile(path.join(directory, "outside/secret.txt"), "secret")
  await writeFile(path.join(directory, "docs/readme.md"), "# Read me\nline two\nline three\n")
  await writeFile(path.join(directory, "docs/sub/a b.txt"), "inner")
  return host
}

async function connect(server: McpServer): Promise<Client> {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair()
  const client = new Client({ name: "test", version: "1.0.0" })
  await server.connect(serverSide)
  await client.connect(clientSide)
  cleanups.push(() => client.close())
  return client
}

async function start(options: JsonObject = {}) {
  const host = await prepare({ roots: { docs: "docs", inbox: "inbox" }, ...options })
  const client = await connect(await createFilesServer(host.context))
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const result = await client.callTool({ name, arguments: args })
    const first = result.content[0]
    return { ...result, text: first?.type === "text" ? first.text : "", data: result.structuredContent as JsonObject }
  }
  const at = (...parts: string[]): string => path.join(host.context.directory, ...parts)
  return { host, client, call, at }
}

describe("configuration", () => {
  test.each([
    [{}, "config.roots"],
    [{ roots: {} }, "config.roots"],
    [{ roots: [] }, "config.roots"],
    [{ roots: "docs" }, "config.roots"],
    [{ roots: { docs: 3 } }, "config.roots.docs"],
    [{ roots: { "a/b": "docs" } }, "config.roots"],
    [{ roots: { docs: "missing" } }, "config.roots.docs"],
    [{ roots: { docs: "docs/readme.md" } }, "config.roots.docs"],
    [{ roots: ["docs"], readOnly: "yes" }, "config.readOnly"],
    [{ roots: ["docs"], maxReadBytes: "many" }, "config.maxReadBytes"],
    [{ roots: ["docs"], maxWriteBytes: -1 }, "config.maxWriteBytes"],
    [{ roots: ["docs"], maxResults: 0 }, "config.maxResults"],
    [{ roots: ["docs"], watch: 1 }, "config.watch"],
    [{ roots: ["docs"], readonly: true }, "readonly"],
  ] as [JsonObject, string][])("%j is refused naming %s", async (config, key) => {
    const host = await prepare(config)
    await expect(createFilesServer(host.context)).rejects.toThrow(key)
  })

  test("a list of roots is named after the folders", async () => {
    const { call } = await start({ roots: ["docs", "./inbox", "docs/../docs"] })
    const { data } = await call("list")
    expect(data["entries"]).toMatchObject([{ path: "docs" }, { path: "inbox" }, { path: "docs-2" }])
  })

  test("readOnly and watch: false leave out what they forbid", async () => {
    const { client } = await start({ readOnly: true, watch: false })
    expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(["list", "info", "search", "read"])
    expect(client.getServerCapabilities()?.resources?.subscribe).toBeFalsy()
  })
})

test("every tool is described whole", async () => {
  const { client } = await start()
  const { tools } = await client.listTools()
  expect(tools.map((tool) => tool.name)).toEqual(["list", "info", "search", "read", "write", "move"])
  for (const tool of tools) {
    const isReading = !["write", "move"].includes(tool.name)
    expect(tool.title, tool.name).toBeTruthy()
    expect(tool.description, tool.name).toBeTruthy()
    expect(tool.outputSchema?.type).toBe("object")
    expect(tool.icons?.[0]?.src).toMatch(/^data:image\/svg\+xml;base64,/)
    expect(tool.annotations).toEqual({
      readOnlyHint: isReading,
      destructiveHint: !isReading,
      idempotentHint: tool.name !== "move",
      openWorldHint: false,
    })
    expect(tool._meta?.["tags"]).toEqual([isReading ? "public" : "write"])
    for (const [key, property] of Object.entries(tool.inputSchema.properties ?? {})) {
      expect((property as JsonObject)["description"], `${tool.name}.${key}`).toBeTruthy()
    }
  }
  expect(client.getInstructions()).toContain("docs, inbox")
})

describe("containment", () => {
  const paths = (directory: string): string[] => [
    "",
    "..",
    "../outside/secret.txt",
    "docs/../outside/secret.txt",
    "docs/sub/../../../outside/secret.txt",
    "docs/sub/../readme.md",
    "docs/..",
    "docs\\..\\..\\outside\\secret.txt",
    "docs/..\\..\\outside\\secret.txt",
    "..\\outside",
    "C:\\Windows\\win.ini",
    "\\\\server\\share",
    "docs/%2e%2e/%2e%2e/outside/secret.txt",
    "docs/%2E%2E%2Foutside%2Fsecret.txt",
    "docs/%252e%252e/outside/secret.txt",
    "docs/..%5c..%5coutside",
    "docs/readme.md\0.txt",
    "docs/readme.md%00",
    "/etc/passwd",
    "//etc/passwd",
    "~/secret",
    "file:///etc/passwd",
    `${directory}/outside/secret.txt`,
    `${directory}/docs/../outside/secret.txt`,
    `${directory}/docs-evil`,
    directory,
    "outside/secret.txt",
    "constructor",
    "__proto__",
    "docs/link.txt",
    "docs/linked/secret.txt",
    "docs/linked",
    "docs/chain/secret.txt",
    "docs/dangling.txt",
    "docs/loop",
    `docs/${"x".repeat(300)}`,
    `docs/${"d/".repeat(3000)}x`,
  ]

  async function startWithLinks() {
    const started = await start()
    const { at } = started
    await symlink(at("outside/secret.txt"), at("docs/link.txt"))
    await symlink(at("outside"), at("docs/linked"))
    await symlink("linked", at("docs/chain"))
    await symlink(at("outside/not-yet.txt"), at("docs/dangling.txt"))
    await symlink("loop", at("docs/loop"))
    await mkdir(at("docs-evil"))
    return started
  }

  const tree = (directory: string): string => execFileSync("find", [directory, "-printf", "%P %y %s\n"]).toString()

  test.each(paths("DIR"))("%j is refused by every tool and resource", async (template) => {
    const { call, client, at, host } = await startWithLinks()
    const given = template.replace("DIR", host.context.directory)
    const before = tree(host.context.directory)
    const calls: [string, Record<string, unknown>][] = [
      ["read", { path: given }],
      ["info", { path: given }],
      ["list", { path: given }],
      ["search", { path: given, name: "*" }],
      ["write", { path: given, content: "pwned" }],
      ["write", { path: given, content: "pwned", createParents: true, overwrite: false }],
      ["move", { from: given, to: "inbox/stolen" }],
      ["move", { from: "docs/readme.md", to: given, overwrite: true }],
      ["move", { from: "docs/readme.md", to: given, overwrite: true, createParents: true }],
    ]
    for (const [tool, args] of calls) {
      const result = await call(tool, args)
      expect(result.isError, `${tool} ${JSON.stringify(args)}`).toBe(true)
      expect(result.content).toHaveLength(1)
      expect(result.text).not.toMatch(/secret$|at .*\.ts:|server failed/)
      if (!given.includes(host.context.directory)) expect(result.text).not.toContain(host.context.directory)
    }
    for (const uri of [
      `files://${given}`,
      `files://${encodeURIComponent(given)}`,
      `files://${given.split("/").map(encodeURIComponent).join("/")}`,
    ]) {
      const contents = await client.readResource({ uri }).then(
        (result) => result.contents,
        () => [],
      )
      // A URL parser resolves plain dots inside the root: what is read then is in the root.
      for (const content of contents) expect(content).toMatchObject({ text: expect.stringContaining("# Read me") })
      await expect(client.subscribeResource({ uri })).rejects.toMatchObject({ code: -32602 })
    }
    expect(tree(host.context.directory)).toBe(before)
    expect(await readFile(at("outside/secret.txt"), "utf8")).toBe("secret")
  })

  test("a folder that is a link outwards is neither listed into nor searched nor written through", async () => {
    const { call, at } = await startWithLinks()
    const { data } = await call("list", { path: "docs", depth: 5 })
    const found = data["entries"] as { path: string; type: string }[]
    expect(found.filter((entry) => entry.type === "symlink").map((entry) => entry.path)).toEqual([
      "docs/chain",
      "docs/dangling.txt",
      "docs/link.txt",
      "docs/linked",
      "docs/loop",
    ])
    expect((await call("search", { text: "secret" })).data["results"]).toEqual([])
    expect((await call("search", { name: "secret*" })).data["results"]).toEqual([])
    const made = await call("write", { path: "docs/linked/new/x.txt", content: "x", createParents: true })
    expect(made.isError).toBe(true)
    expect(await readdir(at("outside"))).toEqual(["secret.txt"])
  })

  test("links that stay inside work, and a write goes through them", async () => {
    const { call, at } = await start()
    await symlink("readme.md", at("docs/alias.md"))
    await symlink("sub", at("docs/short"))
    expect((await call("read", { path: "docs/alias.md" })).text).toContain("# Read me")
    expect((await call("read", { path: "docs/short/a b.txt" })).text).toBe("inner")
    expect((await call("write", { path: "docs/alias.md", content: "new" })).isError).toBeFalsy()
    expect(await readFile(at("docs/readme.md"), "utf8")).toBe("new")
    expect((await call("move", { from: "docs/alias.md", to: "inbox/alias.md" })).isError).toBe(true)
    expect((await call("list", { path: "docs/short" })).data["entries"]).toMatchObject([
      { path: "docs/short/a b.txt" },
      { path: "docs/short/deep" },
    ])
  })

  test("absolute paths inside a root are fine; another root's file is not reached by links", async () => {
    const { call, at } = await start()
    expect((await call("read", { path: at("docs/readme.md") })).data["path"]).toBe("docs/readme.md")
    await symlink(at("docs/readme.md"), at("inbox/cross.md"))
    expect((await call("read", { path: "inbox/cross.md" })).isError).toBe(true)
  })

  test("a folder that is swapped for a link between check and opening never leaks", async () => {
    const { at, host } = await start()
    const roots = await openRoots({ docs: "docs" }, host.context.directory)
    for (const inner of ["docs/swap/in", "outside/in"]) await mkdir(at(inner), { recursive: true })
    await writeFile(at("docs/swap/secret.txt"), "harmless")
    await writeFile(at("docs/swap/in/secret.txt"), "harmless")
    await writeFile(at("outside/in/secret.txt"), "secret")
    await symlink(at("outside"), at("bad"))
    const script = `
      const { renameSync } = require("node:fs")
      const [bad, swap, good] = process.argv.slice(1)
      for (;;) {
        renameSync(swap, good); renameSync(bad, swap)
        renameSync(swap, bad); renameSync(good, swap)
      }`
    const swapping = spawn(process.execPath, ["-e", script, at("bad"), at("docs/swap"), at("good")])
    const exited = once(swapping, "exit")
    const outcomes = new Set<string>()
    for (let round = 0; round < 4000; round += 1) {
      const folder = round % 2 === 0 ? "" : "in/"
      try {
        const { handle } = await openChecked(locate(roots, `docs/swap/${folder}secret.txt`))
        outcomes.add(await handle.readFile("utf8"))
        await handle.close()
      } catch (error) {
        outcomes.add(error instanceof FileError || errorCode(error) !== undefined ? "refused" : String(error))
      }
      const place = locate(roots, `docs/swap/${folder}new${round % 10}.txt`)
      await writeFileAt(place, Buffer.from("x"), { overwrite: true, createParents: false }).catch(() => undefined)
    }
    swapping.kill("SIGKILL")
    await exited
    expect(swapping.exitCode).toBe(null)
    expect([...outcomes].sort()).toEqual(["harmless", "refused"])
    expect((await readdir(at("outside"), { recursive: true })).sort()).toEqual(["in", "in/secret.txt", "secret.txt"])
  })

  test("named pipes and folders are not read, and do not hang", async () => {
    const { call, at } = await start()
    execFileSync("mkfifo", [at("docs/pipe")])
    expect((await call("read", { path: "docs/pipe" })).text).toContain("not a file")
    expect((await call("read", { path: "docs/sub" })).text).toContain("not a file")
    expect((await call("write", { path: "docs/sub", content: "x" })).isError).toBe(true)
    expect((await call("write", { path: "docs/pipe", content: "x" })).isError).toBe(true)
  })
})

describe("read", () => {
  test("lines, in parts", async () => {
    const { call } = await start()
    const whole = await call("read", { path: "docs/readme.md" })
    expect(whole.data).toEqual({
      path: "docs/readme.md",
      content: "# Read me\nline two\nline three\n",
      encoding: "utf-8",
      unit: "lines",
      offset: 0,
      size: 30,
      mimeType: "text/markdown",
    })
    const part = await call("read", { path: "docs/readme.md", offset: 1, limit: 1 })
    expect(part.data).toMatchObject({ content: "line two\n", nextOffset: 2 })
    expect((await call("read", { path: "docs/readme.md", offset: 2, limit: 1 })).data["nextOffset"]).toBeUndefined()
    expect((await call("read", { path: "docs/readme.md", offset: 9 })).data["content"]).toBe("")
  })

  test("the limit cuts at whole lines and whole characters; parts add up to the whole", async () => {
    const { call, at } = await start({ maxReadBytes: 50 })
    const text = Array.from({ length: 30 }, (_, index) => `${index} äöü € 😀`).join("\n")
    await writeFile(at("inbox/long.txt"), text)
    for (const unit of ["lines", "bytes"]) {
      let all = ""
      let offset: unknown = 0
      let parts = 0
      while (offset !== undefined) {
        const { data } = await call("read", { path: "inbox/long.txt", unit, offset })
        const content = String(data["content"])
        expect(data["encoding"]).toBe("utf-8")
        expect(Buffer.byteLength(content)).toBeLessThanOrEqual(50)
        all += content
        offset = data["nextOffset"]
        parts += 1
      }
      expect(all).toBe(text)
      expect(parts).toBeGreaterThan(5)
    }
    await writeFile(at("inbox/wide.txt"), "x".repeat(60))
    expect((await call("read", { path: "inbox/wide.txt" })).text).toContain('unit "bytes"')
  })

  test("lines far into a file of many chunks", async () => {
    const { call, at } = await start()
    await writeFile(at("inbox/many.txt"), Array.from({ length: 50_000 }, (_, index) => `line ${index}`).join("\n"))
    const { data } = await call("read", { path: "inbox/many.txt", offset: 49_998 })
    expect(data["content"]).toBe("line 49998\nline 49999")
    expect(data["nextOffset"]).toBeUndefined()
  })

  test("binary as base64, images as images", async () => {
    const { call, at } = await start()
    const bytes = Buffer.from([0x89, 0, 1, 2, 255])
    await writeFile(at("inbox/x.png"), bytes)
    await writeFile(at("inbox/x.bin"), bytes)
    await writeFile(at("inbox/latin1.txt"), Buffer.from([0x66, 0xe9, 0x0a]))
    const image = await call("read", { path: "inbox/x.png" })
    expect(image.content).toEqual([{ type: "image", mimeType: "image/png", data: bytes.toString("base64") }])
    expect(image.data).toMatchObject({ encoding: "base64", unit: "bytes", content: bytes.toString("base64") })
    const part = await call("read", { path: "inbox/x.bin", offset: 1, limit: 2 })
    expect(part.data).toMatchObject({ content: Buffer.from([0, 1]).toString("base64"), nextOffset: 3 })
    expect(part.content[0]).toMatchObject({ type: "resource", resource: { uri: "files://inbox/x.bin" } })
    expect((await call("read", { path: "inbox/x.bin", unit: "lines" })).isError).toBe(true)
    expect((await call("read", { path: "inbox/latin1.txt" })).data["encoding"]).toBe("base64")
    expect((await call("read", { path: "docs/readme.md", encoding: "base64" })).data["encoding"]).toBe("base64")
  })

  test("what is missing says so", async () => {
    const { call } = await start()
    for (const tool of ["read", "info", "list"]) {
      const result = await call(tool, { path: "docs/none.txt" })
      expect(result.isError).toBe(true)
      expect(result.text).toContain('nothing at "docs/none.txt"')
    }
    expect((await call("read", { path: "nowhere/x" })).text).toContain("Roots: docs, inbox")
    expect((await call("list", { path: "docs/readme.md" })).text).toContain("not a folder")
  })
})

describe("list, info and search", () => {
  test("list goes down, hides, bounds", async () => {
    const { call, at } = await start()
    await writeFile(at("docs/.env"), "x")
    expect((await call("list")).data).toMatchObject({
      entries: [{ path: "docs", type: "directory" }, { path: "inbox" }],
    })
    const listed = async (args: Record<string, unknown>) =>
      ((await call("list", args)).data["entries"] as { path: string }[]).map((entry) => entry.path)
    expect(await listed({ path: "docs" })).toEqual(["docs/readme.md", "docs/sub"])
    expect(await listed({ path: "docs", depth: 3 })).toEqual([
      "docs/readme.md",
      "docs/sub",
      "docs/sub/a b.txt",
      "docs/sub/deep",
    ])
    expect(await listed({ path: "docs/", hidden: true })).toContain("docs/.env")
    expect((await call("list", { path: "docs", limit: 1 })).data).toMatchObject({ entries: [{}], truncated: true })
    expect((await call("list", { path: "inbox" })).data).toEqual({ entries: [], truncated: false })
    expect((await call("list", { path: "docs", limit: 201 })).isError).toBe(true)
  })

  test("info", async () => {
    const { call } = await start()
    const { data } = await call("info", { path: "docs/readme.md" })
    expect(data).toMatchObject({ path: "docs/readme.md", type: "file", size: 30, mimeType: "text/markdown" })
    expect((await call("info", { path: "docs" })).data).toMatchObject({ type: "directory" })
  })

  test("search by name and text", async () => {
    const { call, at } = await start()
    await writeFile(at("docs/sub/deep/code.ts"), "const x = 1\nconst NEEDLE = 2\n")
    await writeFile(at("inbox/code.js"), "needle")
    await writeFile(at("inbox/binary.bin"), Buffer.from("needle\0"))
    const found = async (args: Record<string, unknown>) =>
      ((await call("search", args)).data["results"] as { path: string }[]).map((file) => file.path)
    expect(await found({ name: "*.{ts,js}" })).toEqual(["docs/sub/deep/code.ts", "inbox/code.js"])
    expect(await found({ name: "sub/**/*.ts", path: "docs" })).toEqual(["docs/sub/deep/code.ts"])
    expect(await found({ name: "**/*.ts", path: "docs" })).toEqual(["docs/sub/deep/code.ts"])
    expect(await found({ name: "*/code.ts", path: "docs" })).toEqual([])
    expect(await found({ name: "CODE.??" })).toHaveLength(2)
    expect(await found({ name: "CODE.??", caseSensitive: true })).toEqual([])
    expect(await found({ text: "needle" })).toEqual(["docs/sub/deep/code.ts", "inbox/code.js"])
    expect(await found({ text: "needle", caseSensitive: true })).toEqual(["inbox/code.js"])
    expect(await found({ text: "needle", name: "*.ts" })).toEqual(["docs/sub/deep/code.ts"])
    const { data, text } = await call("search", { text: "needle", path: "docs" })
    expect(data["results"]).toMatchObject([{ matches: [{ line: 2, text: "const NEEDLE = 2" }] }])
    expect(text).toContain("2: const NEEDLE = 2")
    expect((await call("search", { name: "*", limit: 1 })).data).toMatchObject({ results: [{}], truncated: true })
    expect((await call("search", {})).text).toContain("name, text or both")
  })

  test("a hostile glob takes no time", async () => {
    const { call, at } = await start()
    await writeFile(at("inbox", "a".repeat(200)), "")
    // One that is tried in every way takes longer than the universe has lasted.
    for (const name of [`${"*a".repeat(90)}b`, `${"**/".repeat(60)}b`, "{a,b}".repeat(40)])
      expect((await call("search", { name })).data).toMatchObject({ results: [] })
  })

  test("search reports progress and stops when it is cancelled", async () => {
    const { client, at, host } = await start()
    await Promise.all(Array.from({ length: 400 }, (_, index) => writeFile(at("inbox", `f${index}.txt`), "hay")))
    const progress: number[] = []
    await client.callTool(
      { name: "search", arguments: { text: "needle" } },
      { onprogress: (update) => void progress.push(update.progress) },
    )
    expect(progress.length).toBeGreaterThan(0)
    expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))

    const errors = vi.spyOn(host.context.logger, "error")
    const controller = new AbortController()
    const search = client.callTool(
      { name: "search", arguments: { text: "needle" } },
      { signal: controller.signal, onprogress: () => controller.abort("enough") },
    )
    await expect(search).rejects.toThrow("enough")
    expect((await client.callTool({ name: "list" })).isError).toBeFalsy()
    expect(errors).not.toHaveBeenCalled()
  })

  test("a cancelled search stops where it is, in the middle of a folder", async () => {
    const { host } = await start()
    const roots = await openRoots({ docs: "docs" }, host.context.directory)
    const controller = new AbortController()
    const search = searchFiles(locate(roots, "docs"), {
      caseSensitive: false,
      hidden: false,
      maxResults: 10,
      maxFileBytes: 10,
      signal: controller.signal,
      onProgress: async () => controller.abort(new Error("enough")),
    })
    await expect(search).rejects.toThrow("enough")
    const entries = walk(locate(roots, "docs"), { depth: 1, hidden: false, signal: controller.signal })
    await expect(entries.next()).rejects.toThrow("enough")
  })
})

describe("write and move", () => {
  test("write creates, replaces, refuses", async () => {
    const { call, at } = await start({ maxWriteBytes: 20 })
    const created = await call("write", { path: "inbox/new.txt", content: "hello" })
    expect(created.data).toMatchObject({ path: "inbox/new.txt", created: true, size: 5 })
    expect(created.content[1]).toMatchObject({ type: "resource_link", uri: "files://inbox/new.txt" })
    await chmod(at("inbox/new.txt"), 0o640)
    expect((await call("write", { path: "inbox/new.txt", content: "again" })).data["created"]).toBe(false)
    expect((await stat(at("inbox/new.txt"))).mode & 0o777).toBe(0o640)
    const kept = await call("write", { path: "inbox/new.txt", content: "no", overwrite: false })
    expect(kept.text).toContain("overwrite: true")
    expect(await readFile(at("inbox/new.txt"), "utf8")).toBe("again")
    expect((await call("write", { path: "inbox/new.txt", content: "x".repeat(21) })).text).toContain("limit is 20")
    await call("write", { path: "inbox/b.bin", content: Buffer.from([0, 255]).toString("base64"), encoding: "base64" })
    expect(await readFile(at("inbox/b.bin"))).toEqual(Buffer.from([0, 255]))
    expect((await call("write", { path: "inbox/b.bin", content: "?!", encoding: "base64" })).isError).toBe(true)
    expect((await call("write", { path: "inbox/x/y.txt", content: "" })).text).toContain("createParents")
    expect((await call("write", { path: "inbox/x/y/z.txt", content: "", createParents: true })).isError).toBeFalsy()
    expect((await call("write", { path: "inbox/new.txt/z", content: "", createParents: true })).isError).toBe(true)
    expect((await call("write", { path: "inbox", content: "" })).text).toContain("is a root")
    expect((await readdir(at("inbox"))).sort()).toEqual(["b.bin", "new.txt", "x"])
  })

  test("concurrent writes leave one whole content and no temporary files", async () => {
    const { call, at } = await start()
    const contents = Array.from({ length: 20 }, (_, index) => String(index % 10).repeat(50_000))
    await Promise.all(contents.map((content) => call("write", { path: "inbox/a.txt", content })))
    expect(contents).toContain(await readFile(at("inbox/a.txt"), "utf8"))
    expect(await readdir(at("inbox"))).toEqual(["a.txt"])
    const results = await Promise.all(
      contents.map((content) => call("write", { path: "inbox/once.txt", content, overwrite: false })),
    )
    expect(results.filter((result) => !result.isError)).toHaveLength(1)
    expect((await readdir(at("inbox"))).sort()).toEqual(["a.txt", "once.txt"])
  })

  test("writing does not change the content behind a hard link", async () => {
    const { call, at } = await start()
    await link(at("outside/secret.txt"), at("docs/hard.txt"))
    await call("write", { path: "docs/hard.txt", content: "mine" })
    expect(await readFile(at("outside/secret.txt"), "utf8")).toBe("secret")
  })

  test("move renames files and folders, across roots, and replaces only when asked", async () => {
    const { call, at } = await start()
    expect((await call("move", { from: "docs/readme.md", to: "inbox/r.md" })).data).toEqual({
      from: "docs/readme.md",
      to: "inbox/r.md",
      type: "file",
    })
    await writeFile(at("docs/other.md"), "other")
    expect((await call("move", { from: "docs/other.md", to: "inbox/r.md" })).text).toContain("overwrite: true")
    expect((await call("move", { from: "docs/other.md", to: "inbox/r.md", overwrite: true })).isError).toBeFalsy()
    expect(await readFile(at("inbox/r.md"), "utf8")).toBe("other")
    expect((await call("move", { from: "docs/sub", to: "docs/sub/deep/in" })).text).toContain("is inside")
    expect((await call("move", { from: "docs/sub", to: "inbox/r.md", overwrite: true })).isError).toBe(true)
    expect((await call("move", { from: "inbox/r.md", to: "docs/sub", overwrite: true })).isError).toBe(true)
    expect((await call("move", { from: "docs/sub", to: "inbox/q/sub", createParents: true })).data["type"]).toBe(
      "directory",
    )
    expect(await readFile(at("inbox/q/sub/a b.txt"), "utf8")).toBe("inner")
    expect((await call("move", { from: "docs/none", to: "inbox/x" })).text).toContain("nothing at")
    expect((await call("move", { from: "docs", to: "inbox/x" })).text).toContain("is a root")
    expect(await readdir(at("docs"))).toEqual([])
  })
})

describe("resources", () => {
  test("top-level files are listed, all are readable, variables complete", async () => {
    const { client, at } = await start()
    await writeFile(at("inbox/b#1?.bin"), Buffer.from([0, 1]))
    const { resources } = await client.listResources()
    expect(resources).toMatchObject([
      {
        uri: "files://docs/readme.md",
        name: "docs/readme.md",
        title: "readme.md",
        mimeType: "text/markdown",
        size: 30,
      },
      { uri: "files://inbox/b%231%3F.bin", _meta: { tags: ["public"] } },
    ])
    const read = async (uri: string) => (await client.readResource({ uri })).contents[0]
    expect(await read("files://docs/readme.md")).toMatchObject({
      mimeType: "text/markdown",
      text: expect.stringMatching(/^# Read me/),
    })
    expect(await read("files://docs/sub/a%20b.txt")).toMatchObject({ mimeType: "text/plain", text: "inner" })
    expect(await read("files://inbox/b%231%3F.bin")).toMatchObject({ blob: "AAE=" })
    expect(await read("files://inbox/b#1?.bin")).toMatchObject({ blob: "AAE=" })
    for (const uri of ["files://docs/none", "files://none/x", "files://docs/sub", "files://docs/%zz"])
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32602 })
    const complete = async (name: string, value: string, args?: Record<string, string>) =>
      (
        await client.complete({
          ref: { type: "ref/resource", uri: "files://{root}/{+path}" },
          argument: { name, value },
          ...(args === undefined ? {} : { context: { arguments: args } }),
        })
      ).completion.values
    expect(await complete("root", "")).toEqual(["docs", "inbox"])
    expect(await complete("root", "in")).toEqual(["inbox"])
    expect(await complete("path", "", { root: "docs" })).toEqual(["readme.md", "sub/"])
    expect(await complete("path", "sub/a", { root: "docs" })).toEqual(["sub/a b.txt"])
    expect(await complete("path", "../", { root: "docs" })).toEqual([])
    expect(await complete("path", "none/", { root: "docs" })).toEqual([])
    expect(await complete("path", "", { root: "nope" })).toEqual([])
    expect(await complete("path", "")).toEqual([])
  })

  test("too large for one read", async () => {
    const { client } = await start({ maxReadBytes: 10 })
    await expect(client.readResource({ uri: "files://docs/readme.md" })).rejects.toThrow("limit is 10")
  })

  test("subscribers hear of every way a file changes, once per save, until they unsubscribe", async () => {
    const { client, call, at, host } = await start()
    const updated: string[] = []
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updated.push(params.uri))
    const uri = "files://docs/sub/a%20b.txt"
    await client.subscribeResource({ uri })
    // At once, as far as the watcher can see: between emptying and writing a busy machine may take its time.
    writeFileSync(at("docs/sub/other.txt"), "not subscribed")
    writeFileSync(at("docs/sub/a b.txt"), "from outside")
    await vi.waitFor(() => expect(updated).toEqual([uri]), soon)
    await call("write", { path: "docs/sub/a b.txt", content: "by rename" })
    await vi.waitFor(() => expect(updated).toEqual([uri, uri]), soon)
    writeFileSync(at("docs/sub/a b.txt"), "still watched after the rename")
    await vi.waitFor(() => expect(updated).toHaveLength(3), soon)
    await rm(at("docs/sub/a b.txt"))
    await vi.waitFor(() => expect(updated).toHaveLength(4), soon)
    writeFileSync(at("docs/sub/a b.txt"), "back")
    await vi.waitFor(() => expect(updated).toHaveLength(5), soon)
    await client.unsubscribeResource({ uri })
    await writeFile(at("docs/sub/a b.txt"), "quiet")
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(updated).toHaveLength(5)
    await client.subscribeResource({ uri })
    await host.close()
    expect(updated).toHaveLength(5)
  })

  test("list_changed when top-level files come and go, not when they change", async () => {
    const { client, call, at } = await start()
    let changes = 0
    client.setNotificationHandler("notifications/resources/list_changed", () => {
      changes += 1
    })
    await call("write", { path: "docs/readme.md", content: "replaced" })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(changes).toBe(0)
    await call("write", { path: "docs/new.md", content: "new" })
    await vi.waitFor(() => expect(changes).toBe(1), soon)
    await rm(at("docs/new.md"))
    await vi.waitFor(() => expect(changes).toBe(2), soon)
  })
})

test("serves revision 2026-07-28", async () => {
  const host = await prepare({ roots: ["docs"] })
  const handler = createMcpHandler(() => createFilesServer(host.context))
  cleanups.push(() => handler.close())
  const transport = new StreamableHTTPClientTransport(new URL("http://test.local/mcp"), {
    fetch: (url, init) => handler.fetch(new Request(url, init)),
  })
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } })
  await client.connect(transport)
  cleanups.push(() => client.close())
  const written = await client.callTool({ name: "write", arguments: { path: "docs/a.txt", content: "A" } })
  expect(written.structuredContent).toMatchObject({ path: "docs/a.txt", created: true })
  expect((await client.listResources()).resources).toHaveLength(2)
})

test("a root that cannot be used says why", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "files-roots-"))
  const loop = path.join(folder, "loop")
  await symlink(loop, loop)
  await expect(openRoots({ docs: loop }, folder)).rejects.toThrow(/config\.roots\.docs: .*loop cannot be read: ELOOP/)
  await expect(openRoots({ docs: "none" }, folder)).rejects.toThrow(/none is not a folder\. Create it/)
  await rm(folder, { recursive: true })
})
