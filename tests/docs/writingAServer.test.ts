import path from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { cloneWith, fileIn, open, pageOf } from "./support.ts"

describe("docs/writing-a-server.md", () => {
  const { text } = pageOf("docs/writing-a-server.md")
  const files = Object.fromEntries(
    ["bookmarks/package.json", "bookmarks/index.ts", "mcp-host.yaml"].map((name) => [name, fileIn(text, name)]),
  )

  it("shows a package that works", async () => {
    const clone = cloneWith(files)
    onTestFinished(clone.remove)
    const { request, notified, close } = await open(path.join(clone.folder, "mcp-host.yaml"))
    onTestFinished(close)
    const saved = await request("tools/call", {
      name: "bookmarks_save",
      arguments: { name: "mcp", url: "https://modelcontextprotocol.io" },
    })
    const uri = "bookmarks://bookmarks/mcp"
    expect(saved["content"]).toMatchObject([{ type: "resource_link", uri }])
    await vi.waitFor(() => expect(notified).toContain("notifications/resources/list_changed"), 20_000)
    expect(await request("resources/list")).toMatchObject({ resources: [{ uri, name: "mcp" }] })
    expect(await request("resources/read", { uri })).toMatchObject({
      contents: [{ uri, text: "https://modelcontextprotocol.io" }],
    })
    const ref = { type: "ref/resource", uri: "bookmarks://bookmarks/{name}" }
    expect(await request("completion/complete", { ref, argument: { name: "name", value: "m" } })).toMatchObject({
      completion: { values: ["mcp"] },
    })
  })

  it("says truly that a wrong config fails the server with its message", async () => {
    const manifest = "servers:\n  bookmarks:\n    mount: ./bookmarks\n    config: { most: 0 }\n"
    const clone = cloneWith({ ...files, "mcp-host.yaml": manifest })
    onTestFinished(clone.remove)
    const { host, close } = await open(path.join(clone.folder, "mcp-host.yaml"))
    onTestFinished(close)
    expect(host.servers()).toMatchObject([{ state: "failed", reason: expect.stringContaining("most") }])
  })

  it("asks for the versions of the SDK that this repository has", () => {
    const { dependencies } = JSON.parse(pageOf("servers/notes/package.json").text)
    expect(JSON.parse(files["bookmarks/package.json"] ?? "").dependencies).toEqual(dependencies)
  })
})
