/**
 * Versions, as FastMCP's servers give them to components: `_meta.fastmcp.version` in definitions and in calls. The host has no
 * versions of its own: both pass as they are at any depth, the server decides (docs/composition.md, "Versions").
 */
import { afterEach, describe, expect, it } from "vitest"
import { closeAll } from "../rig.ts"
import type { Json } from "../testClient.ts"
import {
  connect,
  each,
  inside,
  keysOf,
  listNames,
  lists,
  mounted,
  seen,
  tool,
  unknown,
  upstreamKinds,
} from "./support.ts"

afterEach(closeAll)

const versioned = (version: string): Json => ({
  _meta: { fastmcp: { version, versions: [version, "1"], tags: ["v"] } },
})

describe.each(upstreamKinds)("Versions, %s", (kind) => {
  it("are preserved in every list, and the one that is asked for is forwarded, three manifests deep", async () => {
    const { entry } = await mounted(kind, each("item", versioned("2")))
    const { client } = await connect({ servers: { s: await inside(entry, ["a", "b", "c"]) } })
    for (const name of listNames) {
      const { items } = await client.list(lists[name].list, name)
      expect(items[0]?.["_meta"]).toEqual(versioned("2")["_meta"])
    }
    const before = "s_a_b_c_"
    const exact = { fastmcp: { version: "1", other: { kept: true } } }
    expect(await client.json(`${before}item`, {}, { meta: exact })).toMatchObject({
      name: "item",
      arguments: {},
      _meta: exact,
    })
    await client.request("prompts/get", { name: `${before}item` }, { meta: exact })
    await client.request("resources/read", { uri: "data://s/a/b/c/item" }, { meta: exact })
    for (const method of ["prompts/get", "resources/read"])
      expect(await seen(client, before, method)).toMatchObject({ params: { _meta: exact } })
    // Nothing is made up where nothing was asked for.
    expect(await client.json(`${before}item`)).not.toHaveProperty("_meta.fastmcp")
  })

  it("of one name, listed by one server, are one component: the first listed; of two servers they are a collision", async () => {
    const both = [tool("item", versioned("2")), tool("item", versioned("1")), tool("old", versioned("1"))]
    const one = await mounted(kind, { tools: both }, { prefix: "p", tools: { include: ["item", "seen"] } })
    const two = await mounted(
      kind,
      { tools: both.slice(1) },
      { prefix: "p", tools: { include: ["*e*", "old"], exclude: ["seen"] } },
    )
    const { client, rig } = await connect({
      host: { collisions: "first" },
      servers: { one: one.entry, two: two.entry },
    })
    const { items } = await client.list("tools/list", "tools")
    const shown = items.filter(({ name }) => name === "p_item")
    expect(shown.map(({ _meta }) => _meta.fastmcp.version)).toEqual(["2"])
    expect(await keysOf(client, "tools")).toEqual(["p_item", "p_old"])
    await client.call("p_item")
    expect(await seen(client, "p_", "tools/call")).toMatchObject({ times: 1, params: { name: "item" } })
    const clashes = rig.host.collisions().map(({ key, kept, dropped }) => [key, kept.server, dropped.server])
    expect(clashes).toEqual(
      expect.arrayContaining([
        ["p_item", "one", "one"],
        ["p_item", "one", "two"],
      ]),
    )
  })

  it("that the host hides do not fall back to another: the name is gone", async () => {
    const { entry } = await mounted(
      kind,
      { tools: [tool("item", versioned("2")), tool("item", versioned("1"))] },
      {
        tools: { exclude: ["item"] },
      },
    )
    const { client } = await connect({ servers: { s: entry } })
    expect(await keysOf(client, "tools")).toEqual([])
    await unknown(client.call("s_item", {}, { meta: { fastmcp: { version: "1" } } }))
  })
})
