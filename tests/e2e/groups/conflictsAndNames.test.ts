/** Mount basics, Conflicts and Nesting: who owns a name or URI that several servers could mean. */
import { afterEach, describe, expect, it } from "vitest"
import { closeAll } from "../rig.ts"
import {
  connect,
  each,
  inside,
  keysOf,
  listNames,
  lists,
  mounted,
  nested,
  seen,
  tool,
  unknown,
  upstreamKinds,
  use,
} from "./support.ts"

afterEach(closeAll)

const bare = {
  tools: "item",
  prompts: "item",
  resources: "data://item",
  resourceTemplates: "data://item/{id}",
} as const
const prefixed = {
  tools: "p_item",
  prompts: "p_item",
  resources: "data://p/item",
  resourceTemplates: "data://p/item/{id}",
} as const

describe.each(upstreamKinds)("Mount basics, %s", (kind) => {
  it("one server under two keys, with and without a prefix, is two servers", async () => {
    const [one, two] = await Promise.all([mounted(kind, each("item")), mounted(kind, each("item"), { prefix: "" })])
    const { client } = await connect({ servers: { p: one.entry, two: two.entry } })
    for (const name of listNames) expect(await keysOf(client, name)).toEqual([prefixed[name], bare[name]])
    await client.call("p_item")
    await client.call("item")
    for (const before of ["p_", ""])
      expect(await seen(client, before, "tools/call")).toMatchObject({ times: 1, params: { name: "item" } })
  })

  it("servers may share a prefix while their names differ", async () => {
    const [one, two] = await Promise.all(["left", "right"].map((name) => mounted(kind, each(name), { prefix: "p" })))
    const { client, rig } = await connect({
      servers: {
        one: { ...one?.entry, tools: { include: ["left"] } },
        two: { ...two?.entry, tools: { include: ["right"] } },
      },
    })
    for (const name of listNames)
      expect(await keysOf(client, name)).toEqual(
        ["item", "item"].map((word, at) => prefixed[name].replace(word, ["left", "right"][at] ?? "")),
      )
    for (const [server, key] of [
      ["left", "p_left"],
      ["right", "p_right"],
    ] as const)
      expect(await client.json(key)).toMatchObject({ name: server })
    for (const key of ["left", "right"])
      expect(await use(client, "resourceTemplates", `data://p/${key}/{id}`)).toMatchObject({
        contents: [{ uri: `data://p/${key}/7` }, {}, {}],
      })
    expect(rig.host.collisions()).toEqual([])
  })
})

describe.each(upstreamKinds)("Conflicts, %s", (kind) => {
  it.each([
    ["no prefix", "", bare, ""],
    ["the same prefix", "p", prefixed, "p_"],
  ])(
    "with %s the first wins for each kind, on lists and on use, and each is reported",
    async (_, prefix, keys, before) => {
      const only = ["item", "seen"]
      const [one, two] = await Promise.all([
        mounted(kind, each("item", { title: "of one" }), { prefix, tools: { include: only } }),
        mounted(kind, each("item", { title: "of two" }), {
          prefix,
          tools: { include: only, override: { seen: { name: "seen_two" } } },
        }),
      ])
      const { client, rig } = await connect({
        host: { collisions: "first" },
        servers: { one: one.entry, two: two.entry },
      })
      for (const name of listNames) {
        const { items } = await client.list(lists[name].list, name)
        expect(items.filter((item) => item[lists[name].id] === keys[name]).map(({ title }) => title)).toEqual([
          "of one",
        ])
        await use(client, name, keys[name])
      }
      for (const [method, times] of [
        ["tools/call", 1],
        ["prompts/get", 1],
        ["resources/read", 2],
      ] as const) {
        expect(await seen(client, before, method)).toMatchObject({ times })
        expect(await client.json(`${before}seen_two`, { method })).toMatchObject({ times: 0 })
      }
      const reported = rig.host
        .readiness()
        .collisions?.map(({ key, kept, dropped }) => [key, kept.server, dropped.server])
      expect(reported?.sort()).toEqual(listNames.map((name) => [keys[name], "one", "two"]).sort())
    },
  )

  it("prefixes that an underscore makes ambiguous are a collision where names meet, and none where they do not", async () => {
    const [short, long] = await Promise.all([
      mounted(kind, { tools: [tool("b_c"), tool("d")] }, { prefix: "a", tools: { include: ["b_c", "d"] } }),
      mounted(kind, { tools: [tool("c"), tool("e")] }, { prefix: "a_b", tools: { include: ["c", "e"] } }),
    ])
    const { client, rig } = await connect({
      host: { collisions: "last" },
      servers: { short: short.entry, long: long.entry },
    })
    expect(await keysOf(client, "tools")).toEqual(["a_d", "a_b_c", "a_b_e"])
    expect(await client.json("a_b_c")).toMatchObject({ name: "c" })
    expect(await client.json("a_b_e")).toMatchObject({ name: "e" })
    expect(rig.host.collisions().map(({ key, kept }) => [key, kept.server])).toEqual([["a_b_c", "long"]])
  })
})

describe.each(upstreamKinds)("Nesting, %s", (kind) => {
  it("four levels deep every kind is listed, used and completed under stacked prefixes; another prefix reaches none", async () => {
    const { entry } = await mounted(kind, each("item"))
    const { client } = await connect({ servers: { a: await inside(entry, ["b", "c", "d"]) } })
    const keys = {
      ...{ tools: "a_b_c_d_item", prompts: "a_b_c_d_item" },
      ...{ resources: "data://a/b/c/d/item", resourceTemplates: "data://a/b/c/d/item/{id}" },
    } as const
    for (const name of listNames) {
      expect(await keysOf(client, name)).toEqual([keys[name]])
      expect(await use(client, name, keys[name])).toBeDefined()
    }
    expect(await seen(client, "a_b_c_d_", "resources/read")).toMatchObject({
      times: 2,
      params: { uri: "data://item/7" },
    })
    const complete = async (ref: object): Promise<unknown> =>
      (await client.request("completion/complete", { ref, argument: { name: "id", value: "" } }))["completion"].values
    expect(await complete({ type: "ref/prompt", name: keys.prompts })).toEqual(["item id"])
    expect(await complete({ type: "ref/resource", uri: keys.resourceTemplates })).toEqual(["data://item/{id} id"])
    // The name the server itself gave it, as its pages (MCP Apps) call it; none of those between.
    expect(await client.json("item")).toMatchObject({ name: "item" })
    for (const name of ["a_b_c_item", "b_c_d_item", "a_b_x_d_item", "a_item"]) await unknown(client.call(name))
    for (const uri of ["data://b/c/d/item", "data://a/x/c/d/item"])
      await unknown(client.request("resources/read", { uri }))
  })

  it("a manifest inside without a prefix is as if its servers were written outside", async () => {
    const [flat, deep] = await Promise.all([mounted(kind, each("item")), mounted(kind, each("item"))])
    const inner = await nested({ p: deep.entry })
    const { client } = await connect({ servers: { flat: flat.entry, team: { ...inner, prefix: "" } } })
    for (const name of listNames)
      expect(await keysOf(client, name)).toEqual([prefixed[name].replace("p", "flat"), prefixed[name]])
    expect(await client.json("p_item")).toMatchObject({ name: "item" })
  })
})
