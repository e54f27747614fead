/** URIs: every shape of template and every URI in a payload, there and back, at the root and in the innermost of three manifests. */
import { afterEach, describe, expect, it } from "vitest"
import { closeAll, until } from "../rig.ts"
import { connect, inside, mounted, seen, tool, upstreamKinds } from "./support.ts"

afterEach(closeAll)

/** Templates, what a client makes of them, and what their server must get. */
const reads: readonly (readonly [template: string, made: string])[] = [
  ["data://files/{path*}", "data://files/a/b/c.txt"],
  ["data://query/{?q}", "data://query/?q=milk"],
  ["data://query/{id}{?a,b}", "data://query/7?a=1&b=2"],
  ["data://query/{id}{?a,b}", "data://query/7?b=2"],
  ["data://query/{id}{?a,b}", "data://query/7"],
  ["data://encoded/{name}", "data://encoded/a%20b%2Fc"],
  ["data://{hyphen-ated}/x", "data://some-thing/x"],
  ["urn:note:{id}", "urn:note:7"],
]
const page = "ui://pages/main"

describe.each(upstreamKinds)("URIs, %s", (kind) => {
  it.each([
    ["at the root", [], "p_", "p/"],
    ["three manifests deep", ["a", "b", "c"], "p_a_b_c_", "p/a/b/c/"],
  ])("of templates and of all parts of what is read lead back, %s", async (_, keys, before, at) => {
    const { entry } = await mounted(kind, {
      resourceTemplates: [...new Set(reads.map(([template]) => template))].map((uriTemplate) => ({
        uriTemplate,
        name: "t",
      })),
      tools: [tool("page", { _meta: { ui: { resourceUri: page }, "openai/outputTemplate": page } })],
      resources: [{ uri: page, name: "page" }],
    })
    const { client } = await connect({ servers: { p: await inside(entry, keys) } })
    const exposed = (uri: string): string => {
      if (!uri.startsWith("urn:")) return uri.replace("://", `://${at}`)
      // The escape form of an escape form: each level around puts its own before it.
      const path = at.split("/").filter(Boolean)
      return path.reduceRight((inner, prefix) => `x-mcp://${prefix}/${inner}`, uri)
    }
    const { items } = await client.list("resources/templates/list", "resourceTemplates")
    expect(items.map(({ uriTemplate }) => uriTemplate)).toEqual([...new Set(reads.map(([each]) => exposed(each)))])
    for (const [, made] of reads) {
      const { contents } = await client.request("resources/read", { uri: exposed(made) })
      expect((await seen(client, before, "resources/read"))["params"]["uri"]).toBe(made)
      expect(contents.map(({ uri }: { uri: string }) => uri)).toEqual(
        ["", "#part", "?page=2"].map((part) => exposed(`${made}${part}`)),
      )
      expect(contents[1].text).toBe(`text of ${made}#part`)
    }
    const { items: tools } = await client.list("tools/list", "tools")
    const shown = exposed(page)
    expect(tools.find(({ name }) => name === `${before}page`)?.["_meta"]).toEqual({
      ...{ ui: { resourceUri: shown }, "openai/outputTemplate": shown },
    })
    const result = {
      content: [
        { type: "resource_link", uri: "data://files/x", name: "x" },
        { type: "resource", resource: { uri: "data://files/y", text: "data://files/kept" } },
        { type: "text", text: "see data://files/kept" },
      ],
      _meta: { ui: { resourceUri: page } },
    }
    expect(await client.request("tools/call", { name: `${before}give`, arguments: { result } })).toEqual({
      content: [
        { ...result.content[0], uri: exposed("data://files/x") },
        { type: "resource", resource: { uri: exposed("data://files/y"), text: "data://files/kept" } },
        result.content[2],
      ],
      _meta: { ui: { resourceUri: shown } },
    })
    await client.listenTo([exposed("data://files/sub")])
    expect((await seen(client, before, "x"))["subscribed"]).toEqual(["data://files/sub"])
    await client.call(`${before}touch`, { uri: "data://files/sub" })
    const updated = { method: "notifications/resources/updated", params: { uri: exposed("data://files/sub") } }
    await until("the update arrives", () => client.heard.length > 0)
    expect(client.heard).toEqual([updated])
  })
})
