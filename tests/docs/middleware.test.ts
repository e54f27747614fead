/** docs/middleware.md and the pages of the host's own: complete, and with examples that work. */
import { existsSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { withMiddlewareTable } from "../../src/cli/middlewareTable.ts"
import { middlewareDefaults } from "../../src/manifest/middleware/defaults.ts"
import { orderWarnings } from "../../src/manifest/middleware/order.ts"
import { builtinNames, builtinOptions } from "../../src/manifest/middleware/schema.ts"
import { cleanUp, cli, project } from "../cli/support.ts"
import { codeBlocks, fileIn, pageOf, root } from "./support.ts"

// Some tests run several commands, one after the other.
vi.setConfig({ testTimeout: 120_000 })
afterEach(cleanUp)

const page = "docs/middleware.md"
const { text } = pageOf(page)
const fileOf = (name: string): string => `docs/middleware/${name}.md`
const hasPage = (name: string): boolean => existsSync(path.join(root, fileOf(name)))

describe("the host's own", () => {
  it("are all in the table", () => {
    expect(withMiddlewareTable(text, hasPage) === text, `${page} is out of step: run npm run generate`).toBe(true)
    for (const name of builtinNames) expect(text).toContain(`\`${name}\``)
  })

  it("have a page each", () => {
    expect(builtinNames.filter((name) => !hasPage(name))).toEqual([])
  })

  it.each(builtinNames)("%s: its page has every option and default, and an example", (name) => {
    const own = pageOf(fileOf(name)).text
    const defaults: Readonly<Record<string, unknown>> =
      middlewareDefaults[name as keyof typeof middlewareDefaults] ?? {}
    for (const option of Object.keys(builtinOptions[name].shape)) expect(own).toContain(`\`${option}\``)
    for (const value of Object.values(defaults)) if (typeof value !== "object") expect(own).toContain(`\`${value}\``)
    expect(codeBlocks(own).filter(({ language, code }) => language === "yaml" && code.includes(name))).not.toEqual([])
  })
})

it("recommends an order that nothing is wrong with", () => {
  const list = text.slice(text.indexOf("## Which order"), text.indexOf("Where tools that middleware adds"))
  const names = [...list.matchAll(/^\d\. (.*)$/gm)].flatMap(([, line = ""]) =>
    [...(line.split(/[:;]/)[0] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
  )
  expect(names.length).toBeGreaterThanOrEqual(15)
  expect(names).toEqual(expect.arrayContaining(builtinNames))
  expect(orderWarnings(names, ["middleware"], () => ({ file: "", line: 1, column: 1 }))).toEqual([])
})

describe("examples", () => {
  it("the middleware of one's own refuses who is not trusted, and passes the others", async () => {
    const files = { "guard.ts": fileIn(text, "guard.ts") }
    const manifest = fileIn(text, "mcp-host.yaml").replace("./servers/", `${path.join(root, "servers")}/`)
    const cwd = project(manifest, files)
    const write = (name: string) => ["call", name, "name=a", "text=b"]
    // What only reads, and what is excepted.
    expect(await cli(["call", "notes_list"], { cwd })).toMatchObject({ code: 0 })
    expect(await cli(write("notes_write"), { cwd })).toMatchObject({ code: 0 })
    expect(await cli(["call", "notes_delete", "name=a"], { cwd })).toMatchObject({
      ...{
        code: 1,
        stderr: expect.stringContaining("notes_delete changes things, which mcp-host-cli may not do here"),
      },
    })
    const trusting = project(manifest.replace("my-editor", "mcp-host-cli"), files)
    expect(await cli(["call", "notes_delete", "name=none"], { cwd: trusting })).toMatchObject({
      stdout: expect.not.stringContaining("changes things"),
      stderr: expect.not.stringContaining("changes things"),
    })
    const wrong = project(manifest.replace("[my-editor]", "[]"), files)
    expect(await cli(["check"], { cwd: wrong })).toMatchObject({
      ...{ code: 1, stdout: expect.stringMatching(/mcp-host\.yaml:3:\d+: .*guard.*trusted/) },
    })
  })

  const injection = pageOf(fileOf("toolInjection")).text

  it("tools of a module search everywhere", async () => {
    const manifest = codeBlocks(injection)
      .find(({ language, code }) => language === "yaml" && code.includes("my-tools.ts"))
      ?.code.replace("./servers/", `${path.join(root, "servers")}/`)
    const cwd = project(manifest ?? "", { "my-tools.ts": fileIn(injection, "my-tools.ts") })
    await cli(["call", "notes_write", "name=a", "text=coffee"], { cwd })
    expect(await cli(["call", "find_everywhere", "query=coffee"], { cwd })).toMatchObject({ code: 0 })
  })

  it("described tools answer, and call others", async () => {
    const [first] = codeBlocks(injection)
    const cwd = project(first?.code.replace("./servers/", `${path.join(root, "servers")}/`) ?? "")
    expect((await cli(["call", "house_rules"], { cwd })).stdout).toContain("Write notes in English.")
    expect((await cli(["call", "service_levels"], { cwd })).stdout).toContain("200ms")
    expect(await cli(["call", "remember", "topic=tea", "thought=Green."], { cwd })).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining("thoughts-tea") },
    })
  })
})
