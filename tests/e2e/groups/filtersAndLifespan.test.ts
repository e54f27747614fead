/** Filters and Renames through manifests inside manifests, over every kind of upstream; Lifespan of what runs in the host. */
import { readFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { closeAll, temporaryFolder, until } from "../rig.ts"
import type { Json } from "../testClient.ts"
import {
  connect,
  each,
  keysOf,
  listNames,
  mounted,
  nested,
  prompt,
  resource,
  template,
  tool,
  unknown,
  upstreamKinds,
  use,
} from "./support.ts"

afterEach(closeAll)

const tagged = (name: string, ...tags: string[]): Record<(typeof listNames)[number], Json> => ({
  tools: tool(name, { _meta: { fastmcp: { tags } } }),
  prompts: prompt(name, { _meta: { tags } }),
  resources: resource(name, { _meta: { _fastmcp: { tags } } }),
  resourceTemplates: template(name, { _meta: { tags } }),
})

describe.each(upstreamKinds)("Filters, %s", (kind) => {
  it("inside apply first and cannot be undone outside; tags given inside count outside; overrides come after filters", async () => {
    const all = [
      tagged("open", "public"),
      tagged("inner", "secret"),
      tagged("outer", "public", "late"),
      tagged("given"),
    ]
    const lists = Object.fromEntries(listNames.map((name) => [name, all.map((each) => each[name])]))
    const { entry } = await mounted(kind, lists, {
      tags: { exclude: ["secret"], assign: { "*given*": ["public"], set: ["public"], seen: ["public"] } },
      tools: { override: { open: { name: "renamed" } } },
    })
    const middle = await nested({ s: entry })
    const { client } = await connect({
      servers: {
        team: {
          ...middle,
          // What the inner manifest hides is not there to be included; the new name is what this level filters by.
          tools: { include: ["s_renamed", "s_inner", "s_given", "s_outer", "s_open"] },
          tags: { include: ["public", "secret"], exclude: ["late"] },
        },
      },
    })
    expect(await keysOf(client, "tools")).toEqual(["team_s_renamed", "team_s_given"])
    expect(await keysOf(client, "prompts")).toEqual(["team_s_open", "team_s_given"])
    expect(await keysOf(client, "resources")).toEqual(["data://team/s/open", "data://team/s/given"])
    expect(await keysOf(client, "resourceTemplates")).toEqual(["data://team/s/open/{id}", "data://team/s/given/{id}"])
    for (const name of ["team_s_inner", "team_s_outer", "team_s_open", "inner", "outer", "open"])
      await unknown(client.call(name))
    for (const name of ["team_s_inner", "team_s_outer"]) await unknown(use(client, "prompts", name))
    for (const key of ["inner", "outer", "inner/7", "outer/7"]) {
      await unknown(use(client, "resources", `data://team/s/${key}`))
      await unknown(client.request("resources/subscribe", { uri: `data://team/s/${key}` }))
    }
    for (const ref of [
      { type: "ref/prompt", name: "team_s_inner" },
      { type: "ref/resource", uri: "data://team/s/outer/{id}" },
    ])
      await unknown(client.request("completion/complete", { ref, argument: { name: "id", value: "" } }))
    expect(await client.json("team_s_renamed")).toMatchObject({ name: "open" })
  })

  it("Renames: one new name for two is refused; one that another component has is a collision that names both", async () => {
    const lists = { tools: [tool("one"), tool("two")] }
    const include = ["one", "two"]
    const { entry } = await mounted(kind, lists, { tools: { include, override: { one: { name: "two" } } } })
    const twice = { ...entry, tools: { include, override: { one: { name: "same" }, two: { name: "same" } } } }
    await expect(connect({ servers: { s: twice } })).rejects.toThrow(/same/)
    const { rig } = await connect({ servers: { s: entry } })
    expect(rig.host.collisions()).toMatchObject([
      { key: "s_two", policy: "error", kept: { server: "s", key: "one" }, dropped: { server: "s", key: "two" } },
    ])
  })
})

describe("Lifespan", () => {
  it("each server has its own, once for all clients, also one that is mounted later; a call under way delays no end", async () => {
    const log = path.join(await temporaryFolder(), "log")
    const lines = async (): Promise<string[]> =>
      (await readFile(log, "utf8").catch(() => "")).split("\n").filter(Boolean)
    const entryOf = async (name: string): Promise<Json> =>
      (await mounted("in process", each(name), { config: { log, name } })).entry
    const [one, two, late] = await Promise.all(["one", "two", "late"].map(entryOf))
    const servers = { one: one ?? {}, team: await nested({ two: two ?? {} }) }
    const { rig, client } = await connect({ servers })
    const other = await rig.connect("v2 modern", { capabilities: {} })
    for (const each of [client, other]) expect(await keysOf(each, "prompts")).toEqual(["one_one", "team_two_two"])
    expect((await lines()).sort()).toEqual(["up one", "up two"])
    await rig.edit({ host: { collisions: "error" }, servers: { ...servers, late: late ?? {} } })
    expect(await keysOf(client, "prompts")).toEqual(["one_one", "team_two_two", "late_late"])
    await rig.edit({ host: { collisions: "error" }, servers: { ...servers } })
    await until("it ends when it is unmounted", async () => (await lines()).includes("down late"))
    client.call("team_two_hang").catch(() => undefined)
    await rig.close()
    expect(await lines()).toEqual(expect.arrayContaining(["up late", "down one", "down two"]))
    expect((await lines()).sort()).toEqual(["down late", "down one", "down two", "up late", "up one", "up two"])
  })
})
