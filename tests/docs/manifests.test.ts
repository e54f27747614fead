import path from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { loadManifest } from "../../src/manifest/load.ts"
import { cloneWith, codeBlocks, fileIn, open, pageOf, pages, root } from "./support.ts"

const shipped = path.join(root, "mcp-host.yaml")
const keysOf = (list: unknown, key: string): unknown[] => (list as Record<string, unknown>[]).map((each) => each[key])

const serverKeys = ["notes", "files", "shell", "clock", "everything"]

describe("the shipped manifest", () => {
  const { text } = pageOf("mcp-host.yaml")

  it("begins with the schema for editors", () => {
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/mcp-host\.schema\.json\n/)
  })

  it("composes the four packages and the reference server, and needs nothing from outside", async () => {
    const manifest = await loadManifest(shipped, { env: {} })
    expect(manifest.servers.map(({ key, mode, target }) => `${key}: ${mode} ${target.kind}`)).toEqual([
      "notes: import package",
      "files: mount package",
      "shell: mount package",
      "clock: import package",
      "everything: mount stdio",
    ])
    expect(manifest.endpoint.http).toMatchObject({ host: "127.0.0.1", port: 8300, path: "/mcp" })
    expect(text).not.toMatch(/^ *command: npx/m)
  })

  it("explains every key where it first appears", () => {
    const lines = text.split("\n")
    const seen = new Set<string>()
    const unexplained = lines.flatMap((line, at) => {
      const key = /^ *(?:- )?(\w+):/.exec(line)?.[1]
      if (key === undefined || seen.has(key)) return []
      seen.add(key)
      // Names are chosen by whoever writes the manifest; what they hold is explained.
      const named = serverKeys.includes(key) || /^ {8}\w+:$/.test(line)
      const around = [lines[at - 1], line, lines[at + 1]]
      return named || around.some((each) => /(^| )#/.test(each ?? "")) ? [] : [line.trim()]
    })
    expect(unexplained).toEqual([])
  })

  it("starts every server and hides what its filters say", async () => {
    const clone = cloneWith({ "mcp-host.yaml": text })
    onTestFinished(clone.remove)
    const { host, request, close } = await open(path.join(clone.folder, "mcp-host.yaml"))
    onTestFinished(close)
    expect(host.servers().map(({ entry, state, reason }) => [entry.key, state, reason])).toEqual(
      serverKeys.map((key) => [key, "ready", undefined]),
    )
    const { tools } = await request("tools/list")
    const names = keysOf(tools, "name")
    expect(names).toEqual(
      expect.arrayContaining(["notes_search", "notes_write", "files_read", "shell_git_log", "clock_now", "demo_echo"]),
    )
    for (const hidden of ["notes_delete", "files_write", "shell_uname", "shell_date", "demo_get-env"]) {
      expect(names).not.toContain(hidden)
      await expect(request("tools/call", { name: hidden, arguments: {} })).rejects.toMatchObject({ code: -32602 })
    }
    const { prompts } = await request("prompts/list")
    expect(keysOf(prompts, "name")).toEqual(expect.arrayContaining(["notes_summarize", "clock_plan_meeting"]))
    expect(keysOf(prompts, "name")).not.toContain("demo_completable-prompt")
    const { resources } = await request("resources/list")
    expect(keysOf(resources, "uri")).toEqual(expect.arrayContaining(["files://files/docs/errors.md", "clock://zones"]))
    expect(host.collisions()).toEqual([])
  })
})

describe("the package of the README", () => {
  it("can be added to the shipped manifest", async () => {
    const manifest = `${pageOf("mcp-host.yaml").text}\n  hello:\n    mount: ./hello.ts\n`
    const clone = cloneWith({ ...examples(), "mcp-host.yaml": manifest })
    onTestFinished(clone.remove)
    const { host, request, close } = await open(path.join(clone.folder, "mcp-host.yaml"))
    onTestFinished(close)
    expect(host.servers().map(({ reason }) => reason)).not.toContainEqual(expect.any(String))
    expect(await request("tools/call", { name: "hello_greet", arguments: { name: "Ada" } })).toMatchObject({
      content: [{ type: "text", text: "Hello, Ada!" }],
    })
  })
})

describe("manifests in the documentation", () => {
  const blocks = pages.flatMap(({ file, text }) =>
    codeBlocks(text)
      .filter(({ language, code }) => language === "yaml" && /^servers:/m.test(code))
      .filter(({ before }) => !before.includes("`broken.yaml`"))
      .map(({ code }, index) => ({ name: `${file} #${index + 1}`, code })),
  )

  it("are there", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6)
  })

  it.each(blocks)("$name loads", async ({ code }) => {
    const files = { "mcp-host.yaml": code, "icon.png": "png", "team/mcp-host.yaml": "servers: {}" }
    const clone = cloneWith({ ...examples(), ...files })
    onTestFinished(clone.remove)
    const keys = { STORE_KEY: "x".repeat(32), AUDIT_KEY: "x".repeat(32) }
    const tokens = { GITHUB_TOKEN: "x", DOCS_TOKEN: "x", REDIS_URL: "redis://h", ...keys }
    const env = { ...tokens, NODE_ENV: "test" }
    const manifest = await loadManifest(path.join(clone.folder, "mcp-host.yaml"), { env })
    expect(manifest.servers.length).toBeGreaterThan(0)
  })
})

/** The packages that the pages write. */
function examples(): Record<string, string> {
  return {
    "hello.ts": fileIn(pageOf("README.md").text, "hello.ts"),
    "bookmarks/package.json": fileIn(pageOf("docs/writing-a-server.md").text, "bookmarks/package.json"),
    "bookmarks/index.ts": fileIn(pageOf("docs/writing-a-server.md").text, "bookmarks/index.ts"),
    "guard.ts": fileIn(pageOf("docs/middleware.md").text, "guard.ts"),
    "my-tools.ts": fileIn(pageOf("docs/middleware/toolInjection.md").text, "my-tools.ts"),
  }
}
