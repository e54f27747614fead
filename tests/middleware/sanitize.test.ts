/** What `sanitize` says of hidden characters, what it takes out, and that it never does either in silence. */
import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { createCounts } from "./counts.ts"
import { closeAll } from "./files.ts"
import { stdioMount, stdioServer } from "./stdioServer.ts"
import { raw, start } from "./support.ts"

afterEach(closeAll)

const hidden = "\u{e0061}\u{e0062}"
const lists = {
  tools: [
    {
      name: "add",
      description: `Adds.${hidden}`,
      inputSchema: {
        type: "object",
        properties: { a: { type: "string", description: "A\u200bn a", enum: ["\u202ex"] } },
      },
    },
    { name: "pay\u200bpal", inputSchema: { type: "object" } },
    { name: "fine", description: "می\u200cخواهم 👩🏽‍🚀", inputSchema: { type: "object" } },
  ],
  resources: [{ uri: "test://a", name: "\u001b[31mred", title: "Red" }],
}

async function startWith(mode: string, around: "host" | "server" = "host") {
  const item = `middleware: [{ sanitize: { mode: ${mode} } }]`
  const { metrics, value } = createCounts()
  const config = JSON.stringify({
    capabilities: { tools: {}, resources: {}, logging: {} },
    instructions: "Do\u2066 it",
    lists,
  })
  const own = around === "host" ? "" : `, ${item}`
  const text = `${around === "host" ? item : ""}
servers: { r: { mount: ${raw}, config: ${config}${own} }, b: { ${stdioMount}${own} } }`
  const started = await start(text, { files: stdioServer, metrics })
  const told = () => started.log.filter(({ msg }) => String(msg).startsWith("hidden characters"))
  return { ...started, value, told }
}

describe.each(["host", "server"] as const)("around a %s", (around) => {
  it("marks what is listed, and leaves it as it is", async () => {
    const { client, value, told } = await startWith("flag", around)
    const one = client()
    const { tools } = (await one.request("tools/list")) as { tools: JsonObject[] }
    const [add, paypal, fine] = tools
    expect(add).toMatchObject({
      ...lists.tools[0],
      name: "r_add",
      _meta: { "mcp-host/sanitize": { found: ["bidi", "tags", "zeroWidth"] } },
    })
    expect(paypal).toMatchObject({ _meta: { "mcp-host/sanitize": { found: ["zeroWidth"] } } })
    // The host never shows such a name.
    expect(paypal?.["name"]).toMatch(/^[\w.-]+$/)
    expect(fine).toEqual({ ...lists.tools[2], name: "r_fine" })
    await one.request("tools/list")
    expect(told().map(({ msg, kinds, at }) => [msg, kinds, at])).toEqual([
      [
        "hidden characters in the tool add",
        ["bidi", "tags", "zeroWidth"],
        ["description", "inputSchema.properties.a.description", "inputSchema.properties.a.enum[0]"],
      ],
      ["hidden characters in the tool paypal", ["zeroWidth"], ["name"]],
      ["hidden characters in the resource test://a", ["ansi"], ["name"]],
    ])
    expect(value("mcp_host_sanitize_total", { server: "r", where: "listings", kind: "tags" })).toBe(1)
  })

  it("takes it out of words, and calls still reach the tool", async () => {
    const { client, told } = await startWith("strip, in: [listings]", around)
    const one = client()
    const { tools } = (await one.request("tools/list")) as { tools: JsonObject[] }
    const [add, paypal] = tools
    expect(add).toMatchObject({
      description: "Adds.",
      inputSchema: { properties: { a: { description: "An a", enum: ["\u202ex"] } } },
    })
    expect(add).toMatchObject({ _meta: { "mcp-host/sanitize": { removed: ["bidi", "tags", "zeroWidth"] } } })
    expect(told()[0]?.["msg"]).toBe("hidden characters taken out of the tool add")
    const called = (await one.call(String(paypal?.["name"]))) as { content: { text: string }[] }
    expect(JSON.parse(called.content[0]?.text ?? "")).toMatchObject({ params: { name: "pay\u200bpal" } })
  })

  it("does the same with results, errors, log lines and questions", async () => {
    const { client, told, value } = await startWith("strip", around)
    const one = client({ capabilities: { sampling: {} } })
    const image = { type: "image", data: "\u200b", mimeType: "image/png" }
    const content = [{ type: "text", text: `ok${hidden} \u001b[2J👨‍👩‍👧` }, image]
    for (let n = 0; n < 2; n += 1)
      expect(await one.call("b_say", { result: { content, structuredContent: { a: "x\u200by" } } })).toEqual({
        content: [{ type: "text", text: "ok 👨‍👩‍👧" }, image],
        structuredContent: { a: "xy" },
        _meta: { "mcp-host/sanitize": { removed: ["ansi", "tags", "zeroWidth"] } },
      })
    const results = told().filter((entry) => entry["in"] === "results")
    expect(results.map(({ msg }) => msg)).toEqual([
      `hidden characters taken out of tools/call ${around === "host" ? "b_say" : "say"}`,
    ])
    expect(
      value("mcp_host_sanitize_total", { server: around === "host" ? "" : "b", where: "results", kind: "tags" }),
    ).toBe(2)
    const error = { code: -32050, message: "no\u202e", data: { why: hidden } }
    await expect(one.call("b_fail", { error })).rejects.toMatchObject({ message: "no", data: { why: "" } })
    await one.call("r_do_notify", { method: "notifications/message", params: { level: "error", data: "\u001b[31mx" } })
    expect(one.heard).toMatchObject([{ params: { data: "x" } }])
    const asked: JsonObject[] = []
    const params = { maxTokens: 1, messages: [{ role: "user", content: { type: "text", text: `say${hidden}` } }] }
    const ask = async ({ params: each }: { params: JsonObject }) => {
      asked.push(each)
      return { value: { role: "assistant", model: "m", content: { type: "text", text: "y" } } }
    }
    await one.request(
      "tools/call",
      { name: "r_do_ask", arguments: { method: "sampling/createMessage", params } },
      { ask },
    )
    expect(asked).toMatchObject([{ messages: [{ content: { text: "say" } }] }])
  })
})

it("finds it in results that are bytes, and passes the others as they came", async () => {
  const { client, host } = await startWith("flag")
  const one = client()
  const filling = "Grüße 👩🏽‍🚀, large ".repeat(4_000)
  const get = (text: string) =>
    host.handle(
      {
        method: "tools/call",
        params: { name: "b_say", arguments: { result: { content: [{ type: "text", text: filling + text }] } } },
      },
      one.context(),
    )
  expect((await get("fine")).bytes).toBeDefined()
  const { value } = await get(hidden)
  expect(value).toEqual({
    content: [{ type: "text", text: filling + hidden }],
    _meta: { "mcp-host/sanitize": { found: ["tags"] } },
  })
})

it("marks instructions", async () => {
  const { client } = await startWith("strip")
  const { instructions, _meta } = await client().request("initialize")
  expect(instructions).toContain("Do it")
  expect(_meta).toEqual({ "mcp-host/sanitize": { removed: ["bidi"] } })
})
