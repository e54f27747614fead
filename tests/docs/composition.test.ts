import { spawnSync } from "node:child_process"
import path from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { cloneWith, codeBlocks, type Opened, open, pageOf, root } from "./support.ts"

const { text } = pageOf("docs/composition.md")
const manifests = codeBlocks(text).filter(({ language, code }) => language === "yaml" && /^servers:/m.test(code))

function cloneOf(part: string): { readonly folder: string } {
  const code = manifests.find((each) => each.code.includes(part))?.code ?? ""
  const clone = cloneWith({ "mcp-host.yaml": code.replace("./docs", "./data"), "data/milk.md": "Two litres of milk" })
  onTestFinished(clone.remove)
  return clone
}

async function opened(part: string): Promise<Opened & { readonly names: string[] }> {
  const host = await open(path.join(cloneOf(part).folder, "mcp-host.yaml"))
  onTestFinished(host.close)
  expect(host.host.servers().map(({ reason }) => reason)).not.toContainEqual(expect.any(String))
  const { tools } = await host.request("tools/list")
  return { ...host, names: (tools as { name: string }[]).map(({ name }) => name) }
}

describe("the manifests of docs/composition.md", () => {
  it("import and mount", async () => {
    const { names } = await opened("import: ./servers/notes")
    expect(names).toEqual(expect.arrayContaining(["notes_search", "clock_now"]))
  })

  it("override", async () => {
    const { names, request, host } = await opened("override:")
    expect(host.catalog().withheld).toEqual([])
    expect(names).toEqual(expect.arrayContaining(["notes_find", "notes_read_milk"]))
    for (const gone of ["notes_search", "notes_read", "notes_write"]) expect(names).not.toContain(gone)
    const { tools } = await request("tools/list")
    const schema = (name: string) => (tools as Record<string, unknown>[]).find((each) => each["name"] === name)
    expect(schema("notes_find")).toMatchObject({ inputSchema: { properties: { text: {}, limit: { default: 3 } } } })
    expect(schema("notes_read_milk")).toMatchObject({ inputSchema: { properties: {} } })
    expect(await request("tools/call", { name: "notes_read_milk", arguments: { name: "other" } })).toMatchObject({
      content: expect.arrayContaining([expect.objectContaining({ text: "Two litres of milk" })]),
    })
    expect(await request("tools/call", { name: "notes_find", arguments: { text: "litres" } })).not.toHaveProperty(
      "isError",
    )
    expect((await request("prompts/list"))["prompts"]).toMatchObject([
      { name: "notes_summary", arguments: [{ name: "note" }, { name: "style" }] },
    ])
    expect(await request("prompts/get", { name: "notes_summary", arguments: { note: "milk" } })).toHaveProperty(
      "messages",
    )
    expect((await request("resources/templates/list"))["resourceTemplates"]).toMatchObject([{ title: "Any note" }])
  })

  it("inspect shows what the page shows", () => {
    const { command, output } = /^\$ (?<command>.*)\n(?<output>[\s\S]*)/.exec(
      codeBlocks(text).find(({ language }) => language === "console")?.code ?? "",
    )?.groups ?? { command: "", output: "-" }
    const clone = cloneOf("override:")
    const [, ...args] = command?.split(" ") ?? []
    const ran = spawnSync(process.execPath, [path.join(root, "dist/cli/main.js"), ...args], {
      cwd: clone.folder,
      encoding: "utf8",
    })
    expect(ran.stdout).toContain(`${output}\n{`)
  })

  it("collisions", async () => {
    const { names, host } = await opened("collisions: first")
    expect(names).toContain("now")
    expect(host.readiness()).toMatchObject({ ready: true, collisions: expect.any(Array) })
    expect(host.collisions().every(({ kept }) => kept.server === "mine")).toBe(true)
  })
})
