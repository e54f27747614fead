import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { createMcpHandler, type McpServer } from "@modelcontextprotocol/server"
import { afterEach, describe, expect, test, vi } from "vitest"
import createNotesServer from "../../servers/notes/src/index.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { soon } from "../upstreams/support.ts"
import { createTestContext, type TestContext } from "./context.ts"

const cleanups: Array<() => Promise<void>> = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function prepare(config: JsonObject = { dir: "data" }): Promise<TestContext> {
  const host = await createTestContext(config)
  cleanups.push(host.close)
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

async function start(config?: JsonObject) {
  const host = await prepare(config)
  const client = await connect(await createNotesServer(host.context))
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const result = await client.callTool({ name, arguments: args })
    const first = result.content[0]
    return { ...result, text: first?.type === "text" ? first.text : "", data: result.structuredContent as JsonObject }
  }
  return { host, client, call, dir: path.join(host.context.directory, "data") }
}

const badNames = [
  "",
  " ",
  ".",
  "..",
  "../secret",
  "a/b",
  "a\\b",
  "..\\secret",
  "/etc/passwd",
  "C:\\Windows",
  ".hidden",
  "a\0b",
  "a\nb",
  "%2e%2e%2fsecret",
  "ends with dot.",
  "ends with space ",
  "note.md",
  "CON",
  "nul.txt",
  "x".repeat(101),
  "日".repeat(100),
]

describe("configuration", () => {
  test.each([
    [{}, "config.dir"],
    [{ dir: 3 }, "config.dir"],
    [{ dir: "" }, "config.dir"],
    [{ dir: "x", maxBytes: "lots" }, "config.maxBytes"],
    [{ dir: "x", maxBytes: 0 }, "config.maxBytes"],
    [{ dir: "x", maxbytes: 5 }, "maxbytes"],
  ] as [JsonObject, string][])("%j is refused naming %s", async (config, key) => {
    const host = await prepare(config)
    await expect(createNotesServer(host.context)).rejects.toThrow(key)
  })

  test("the folder is created, relative to the context's directory", async () => {
    const host = await prepare({ dir: "deep/data", maxBytes: "4KiB" })
    await createNotesServer(host.context)
    expect((await stat(path.join(host.context.directory, "deep/data"))).isDirectory()).toBe(true)
  })
})

describe("the catalogue", () => {
  test("every tool is described whole", async () => {
    const { client } = await start()
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toEqual(["search", "list", "read", "write", "append", "delete"])
    for (const tool of tools) {
      expect(tool.title, tool.name).toBeTruthy()
      expect(tool.description, tool.name).toBeTruthy()
      expect(tool.outputSchema?.type).toBe("object")
      expect(tool.icons?.[0]?.src).toMatch(/^data:image\/svg\+xml;base64,/)
      const isReading = ["search", "list", "read"].includes(tool.name)
      expect(tool.annotations).toMatchObject({ readOnlyHint: isReading, openWorldHint: false })
      expect(tool.annotations?.destructiveHint).toBe(["write", "delete"].includes(tool.name))
      expect(tool.annotations?.idempotentHint).toBe(tool.name !== "append")
      expect(tool._meta?.["tags"]).toEqual([isReading ? "public" : "write"])
      for (const [key, property] of Object.entries(tool.inputSchema.properties ?? {})) {
        expect((property as JsonObject)["description"], `${tool.name}.${key}`).toBeTruthy()
      }
    }
  })

  test("capabilities and instructions", async () => {
    const { client } = await start()
    expect(client.getServerCapabilities()).toMatchObject({
      tools: {},
      prompts: {},
      completions: {},
      resources: { subscribe: true, listChanged: true },
    })
    expect(client.getInstructions()).toContain("ifMatch")
  })
})

describe("tools", () => {
  test("write, read, append, list, delete", async () => {
    const { call, dir } = await start()
    const written = await call("write", { name: "Shopping list", text: "# To buy\nmilk" })
    expect(written.data).toMatchObject({ name: "Shopping list", created: true, size: 13 })
    expect(written.content).toContainEqual(
      expect.objectContaining({ type: "resource_link", uri: "notes://Shopping%20list", title: "To buy" }),
    )
    expect(await readFile(path.join(dir, "Shopping list.md"), "utf8")).toBe("# To buy\nmilk")
    const read = await call("read", { name: "Shopping list" })
    expect(read.text).toBe("# To buy\nmilk")
    expect(read.data).toMatchObject({ title: "To buy", etag: written.data["etag"] })
    const appended = await call("append", { name: "Shopping list", text: "eggs" })
    expect(appended.data).toMatchObject({ created: false })
    expect((await call("read", { name: "Shopping list" })).text).toBe("# To buy\nmilk\neggs")
    expect((await call("append", { name: "log", text: "first" })).data).toMatchObject({ created: true })
    const list = await call("list")
    expect(list.data["notes"]).toMatchObject([{ name: "Shopping list" }, { name: "log", title: "log" }])
    expect(list.data["total"]).toBe(2)
    expect((await call("list", { sort: "modified", limit: 1 })).data).toMatchObject({
      notes: [{ name: "log" }],
      total: 2,
    })
    expect((await call("delete", { name: "log" })).data).toEqual({ name: "log", deleted: true })
    expect((await call("read", { name: "log" })).isError).toBe(true)
  })

  test("ifMatch prevents lost updates", async () => {
    const { call } = await start()
    const { data } = await call("write", { name: "a", text: "one" })
    expect((await call("write", { name: "a", text: "two", ifMatch: data["etag"] })).isError).toBeFalsy()
    for (const [tool, args] of [
      ["write", { text: "three" }],
      ["append", { text: "three" }],
      ["delete", {}],
    ] as const) {
      const stale = await call(tool, { name: "a", ifMatch: data["etag"], ...args })
      expect(stale.isError).toBe(true)
      expect(stale.text).toContain("Read it again")
    }
    expect((await call("read", { name: "a" })).text).toBe("two")
    const fresh = await call("write", { name: "new", text: "x", ifMatch: "abc" })
    expect(fresh.text).toContain("Leave out ifMatch")
  })

  test("search ranks and shows where", async () => {
    const { call } = await start()
    await call("write", { name: "garden", text: "# Garden\n\nPlant tomatoes in May.\nWater the tomatoes." })
    await call("write", { name: "tomatoes", text: "# Recipes\nTomatoes with basil" })
    await call("write", { name: "other", text: "nothing here" })
    const found = await call("search", { query: "TOMATOES" })
    expect(found.data).toMatchObject({
      total: 2,
      results: [
        { name: "tomatoes", line: 2 },
        { name: "garden", line: 3 },
      ],
    })
    expect(found.text).toContain("2 notes match")
    expect((await call("search", { query: "tomatoes may" })).data["results"]).toMatchObject([
      { name: "garden" },
      { name: "tomatoes" },
    ])
    expect((await call("search", { query: '"in may"' })).data).toMatchObject({ total: 1 })
    expect((await call("search", { query: "tomatoes", limit: 1 })).data).toMatchObject({ total: 2, results: [{}] })
    expect((await call("search", { query: "zebra" })).data).toEqual({ results: [], total: 0 })
    expect((await call("search", { query: "" })).isError).toBe(true)
  })

  test.each(badNames)("the name %j is refused everywhere", async (name) => {
    const { client, call, dir } = await start()
    for (const [tool, args] of [
      ["read", {}],
      ["write", { text: "x" }],
      ["append", { text: "x" }],
      ["delete", {}],
    ] as const) {
      const result = await call(tool, { name, ...args })
      expect(result.isError, tool).toBe(true)
      expect(result.text).toContain("is not a note name")
      expect(result.text).not.toContain(dir)
    }
    await expect(client.getPrompt({ name: "summarize", arguments: { name } })).rejects.toThrow()
    await expect(client.readResource({ uri: `notes://${encodeURIComponent(name)}` })).rejects.toMatchObject({
      code: -32602,
    })
    expect(await readdir(dir)).toEqual([])
  })

  test("links and folders in the notes folder lead nowhere", async () => {
    const { call, dir, host, client } = await start()
    const secret = path.join(host.context.directory, "secret.md")
    await writeFile(secret, "secret")
    await symlink(secret, path.join(dir, "link.md"))
    await symlink(path.join(dir, "nowhere"), path.join(dir, "dangling.md"))
    await mkdir(path.join(dir, "folder.md"))
    expect((await call("list")).data["notes"]).toEqual([])
    for (const name of ["link", "dangling", "folder"]) {
      const result = await call("read", { name })
      expect(result.isError).toBe(true)
      expect(result.text).not.toContain("secret")
      await expect(client.readResource({ uri: `notes://${name}` })).rejects.toMatchObject({ code: -32602 })
      expect((await call("write", { name, text: "x" })).isError).toBe(true)
    }
    expect(await readFile(secret, "utf8")).toBe("secret")
  })

  test("the size limit holds for write, append and what is on disk", async () => {
    const { call, dir } = await start({ dir: "data", maxBytes: 10 })
    expect((await call("write", { name: "a", text: "0123456789" })).isError).toBeFalsy()
    expect((await call("write", { name: "a", text: "ééééééé" })).text).toContain("limit is 10")
    expect((await call("append", { name: "a", text: "x" })).isError).toBe(true)
    expect((await call("read", { name: "a" })).text).toBe("0123456789")
    await writeFile(path.join(dir, "big.md"), "x".repeat(11))
    expect((await call("read", { name: "big" })).isError).toBe(true)
    expect((await call("list")).data["total"]).toBe(1)
  })

  test("a failing disk is a short tool error", async () => {
    const { call, dir } = await start()
    await rm(dir, { recursive: true })
    const result = await call("list")
    expect(result.isError).toBe(true)
    expect(result.text).toContain("ENOENT")
    expect(result.text).not.toContain(dir)
    expect((await call("write", { name: "a", text: "a", surprise: 1 })).text).toContain("surprise")
  })
})

describe("writing", () => {
  test("concurrent writes of one note take turns and leave no temporary files", async () => {
    const { host, call, dir } = await start()
    const other = await connect(await createNotesServer(host.context))
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0
          ? call("append", { name: "log", text: `line ${index}` })
          : other.callTool({ name: "append", arguments: { name: "log", text: `line ${index}` } }),
      ),
    )
    const { text } = await call("read", { name: "log" })
    expect(text.split("\n").sort()).toEqual(Array.from({ length: 40 }, (_, index) => `line ${index}`).sort())
    expect(await readdir(dir)).toEqual(["log.md"])
  })

  test("of concurrent writes with one etag exactly one wins", async () => {
    const { call } = await start()
    const { data } = await call("write", { name: "a", text: "0" })
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => call("write", { name: "a", text: `x${index}`, ifMatch: data["etag"] })),
    )
    expect(results.filter((result) => !result.isError)).toHaveLength(1)
  })

  test("leftovers of dead processes go at start; those of living ones and other files stay", async () => {
    const host = await prepare()
    const dir = path.join(host.context.directory, "data")
    await mkdir(dir)
    const id = "00000000-0000-4000-8000-000000000000"
    for (const name of [
      `.note-999999999-${id}.tmp`,
      `.note-${process.pid}-${id}.tmp`,
      `.note-${process.ppid}-${id}.tmp`,
    ])
      await writeFile(path.join(dir, name), "half")
    await writeFile(path.join(dir, "mine.tmp"), "")
    await createNotesServer(host.context)
    expect((await readdir(dir)).sort()).toEqual([`.note-${process.ppid}-${id}.tmp`, "mine.tmp"])
  })
})

describe("resources", () => {
  test("each note is listed, readable and completed", async () => {
    const { client, call } = await start()
    await call("write", { name: "Über uns", text: "```\n# not this\n```\n## Titel ##\n" })
    await call("write", { name: "b", text: "bee" })
    const { resources } = await client.listResources()
    expect(resources).toMatchObject([
      { uri: "notes://b", name: "b", title: "b", mimeType: "text/markdown", size: 3, _meta: { tags: ["public"] } },
      { uri: "notes://%C3%9Cber%20uns", name: "Über uns", title: "Titel" },
    ])
    expect(Date.parse(resources[0]?.annotations?.lastModified ?? "")).toBeGreaterThan(0)
    expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([{ uriTemplate: "notes://{name}" }])
    const { contents } = await client.readResource({ uri: "notes://%C3%9Cber%20uns" })
    expect(contents).toMatchObject([{ uri: "notes://%C3%9Cber%20uns", mimeType: "text/markdown" }])
    await expect(client.readResource({ uri: "notes://none" })).rejects.toMatchObject({ code: -32602 })
    const { completion } = await client.complete({
      ref: { type: "ref/resource", uri: "notes://{name}" },
      argument: { name: "name", value: "U" },
    })
    expect(completion.values).toEqual(["Über uns"])
  })

  test("subscribers hear of changes, by another client too; unsubscribing ends it", async () => {
    const { host, client, call } = await start()
    const other = await connect(await createNotesServer(host.context))
    const updated: string[] = []
    let listChanges = 0
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updated.push(params.uri))
    client.setNotificationHandler("notifications/resources/list_changed", () => {
      listChanges += 1
    })
    await call("write", { name: "a b", text: "1" })
    await call("write", { name: "c", text: "1" })
    await vi.waitFor(() => expect(listChanges).toBe(2), soon)
    expect(updated).toEqual([])
    await client.subscribeResource({ uri: "notes://a%20b" })
    await other.callTool({ name: "write", arguments: { name: "a b", text: "2" } })
    await call("write", { name: "c", text: "2" })
    await vi.waitFor(() => expect(updated).toEqual(["notes://a%20b"]), soon)
    expect(listChanges).toBe(2)
    await client.unsubscribeResource({ uri: "notes://a%20b" })
    await call("append", { name: "a b", text: "3" })
    await call("delete", { name: "a b" })
    await vi.waitFor(() => expect(listChanges).toBe(3), soon)
    expect(updated).toHaveLength(1)
    await expect(client.subscribeResource({ uri: "notes://none" })).rejects.toMatchObject({ code: -32602 })
    await expect(client.subscribeResource({ uri: "notes://../x" })).rejects.toMatchObject({ code: -32602 })
  })
})

describe("the prompt summarize", () => {
  test("embeds the note and completes its arguments", async () => {
    const { client, call } = await start()
    await call("write", { name: "plan", text: "# The plan\nRest." })
    const { prompts } = await client.listPrompts()
    expect(prompts).toMatchObject([
      {
        name: "summarize",
        arguments: [
          { name: "name", required: true, description: expect.any(String) },
          { name: "style", required: false, description: expect.any(String) },
        ],
        _meta: { tags: ["public"] },
      },
    ])
    const { messages } = await client.getPrompt({ name: "summarize", arguments: { name: "plan", style: "haiku" } })
    expect(messages[0]?.content).toMatchObject({ type: "text", text: expect.stringContaining("haiku") })
    expect(messages[1]?.content).toMatchObject({
      type: "resource",
      resource: { uri: "notes://plan", mimeType: "text/markdown", text: "# The plan\nRest." },
    })
    const ref = { type: "ref/prompt" as const, name: "summarize" }
    const names = await client.complete({ ref, argument: { name: "name", value: "p" } })
    expect(names.completion.values).toEqual(["plan"])
    const styles = await client.complete({ ref, argument: { name: "style", value: "b" } })
    expect(styles.completion.values).toEqual(["bullet points"])
    await expect(client.getPrompt({ name: "summarize", arguments: { name: "none" } })).rejects.toMatchObject({
      code: -32602,
    })
  })
})

test("closing the context ends the notifications", async () => {
  const { host, call, client } = await start()
  const other = await createTestContext({ dir: path.join(host.context.directory, "data") })
  const closing = await createNotesServer(other.context)
  await connect(closing)
  const send = vi.spyOn(closing.server, "sendResourceListChanged")
  await other.close()
  await call("write", { name: "a", text: "a" })
  expect(send).not.toHaveBeenCalled()
  expect((await client.listResources()).resources).toHaveLength(1)
})

test("serves revision 2026-07-28", async () => {
  const host = await prepare()
  const handler = createMcpHandler(() => createNotesServer(host.context))
  cleanups.push(() => handler.close())
  const transport = new StreamableHTTPClientTransport(new URL("http://test.local/mcp"), {
    fetch: (url, init) => handler.fetch(new Request(url, init)),
  })
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } })
  await client.connect(transport)
  cleanups.push(() => client.close())
  expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28")
  const written = await client.callTool({ name: "write", arguments: { name: "a", text: "# A" } })
  expect(written.structuredContent).toMatchObject({ name: "a", created: true })
  expect((await client.listResources()).resources).toMatchObject([{ uri: "notes://a", title: "A" }])
})
