/** `promptsAsTools`: the prompts the client sees, as two tools. */
import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "./files.ts"
import { raw, start, v2 } from "./support.ts"

afterEach(closeAll)

const names = (result: JsonObject): unknown[] =>
  ((result["structuredContent"] as JsonObject)["prompts"] as JsonObject[]).map(({ name }) => name)

/** A server whose one prompt has these messages. */
const prompter = (messages: readonly JsonObject[]) =>
  `export default () => ({ async connect(t) { t.onmessage = (m) => { if (m.id === undefined) return
  const result = m.method === "initialize" ? { protocolVersion: "2025-11-25", capabilities: { prompts: {} }, serverInfo: { name: "p", version: "1" } }
    : m.method === "prompts/get" ? { description: "d", messages: ${JSON.stringify(messages)}, _meta: { kept: true } }
    : { prompts: [{ name: "one", title: "One", "x-more": 1, arguments: [{ name: "a", required: true, "x-more": 1 }] }] }
  return t.send({ jsonrpc: "2.0", id: m.id, result }) }; await t.start() }, async close() {} })`

describe("promptsAsTools", () => {
  it("lists prompts with their arguments, and fills one in", async () => {
    const { client } = await start(
      `middleware: [promptsAsTools]\nservers: { s: { mount: ${v2}, tools: { include: [] } }, p: { mount: ./p.mjs } }`,
      { files: { "p.mjs": prompter([]) } },
    )
    const one = client()
    expect(await one.tools()).toEqual(["list_prompts", "get_prompt"])
    const listed = await one.call("list_prompts")
    expect(names(listed)).toEqual(["s_greet", "p_one"])
    expect(listed).toMatchObject({
      structuredContent: {
        prompts: [{}, { name: "p_one", title: "One", arguments: [{ name: "a", required: true }] }],
      },
    })
    expect(JSON.stringify(listed)).not.toContain("x-more")
    const { messages } = await one.request("prompts/get", { name: "s_greet", arguments: { name: "Ada" } })
    const said = (messages as JsonObject[])[0]?.["content"] as JsonObject
    const got = await one.call("get_prompt", { name: "s_greet", arguments: { name: "Ada" } })
    expect(JSON.stringify(got["content"])).toContain(JSON.stringify(said["text"]).slice(1, -1))
  })

  it("says whose each message is where it is not the user's alone", async () => {
    const picture = { type: "image", data: "aGk=", mimeType: "image/png" }
    const messages = [
      { role: "user", content: { type: "text", text: "Hello" } },
      { role: "assistant", content: picture },
      { role: "user", content: { type: "resource_link", uri: "doc://one", name: "one" } },
    ]
    const { client } = await start("middleware: [promptsAsTools]\nservers: { p: { mount: ./p.mjs } }", {
      files: { "p.mjs": prompter(messages) },
    })
    expect(await client().call("get_prompt", { name: "p_one" })).toEqual({
      _meta: { kept: true },
      content: [
        { type: "text", text: "[user] Hello" },
        { type: "text", text: "[assistant]" },
        picture,
        { type: "text", text: "[user]" },
        { type: "resource_link", uri: "doc://p/one", name: "one" },
      ],
    })
  })

  it("gives the one message of a user as it is, and arguments as texts", async () => {
    const { client } = await start(`middleware: [{ promptsAsTools: { getName: prompt } }]
servers: { r: { mount: ${raw}, config: { capabilities: { prompts: {} }, lists: { prompts: [{ name: one }] } } } }`)
    // The fixture answers with what it was asked, which are no messages.
    expect(await client().call("prompt", { name: "r_one", arguments: { n: 2, t: "x" } })).toMatchObject({ content: [] })
    const single = await start("middleware: [promptsAsTools]\nservers: { p: { mount: ./p.mjs } }", {
      files: { "p.mjs": prompter([{ role: "user", content: { type: "text", text: "Hello" } }]) },
    })
    expect(await single.client().call("get_prompt", { name: "p_one" })).toMatchObject({
      content: [{ type: "text", text: "Hello" }],
    })
  })

  it("says what a model can correct in words", async () => {
    const { client } = await start(`middleware: [promptsAsTools]\nservers: { s: { mount: ${v2} } }`)
    const one = client()
    const advice = "list_prompts says which prompts there are, and their arguments."
    expect(await one.call("get_prompt", { name: "none" })).toEqual({
      content: [{ type: "text", text: `Unknown prompt: none. ${advice}` }],
      isError: true,
    })
    expect(await one.call("get_prompt")).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining(advice) }],
    })
  })

  it("is, around a server, about its prompts only", async () => {
    const { client } = await start(
      `servers: { s: { mount: ${v2}, middleware: [promptsAsTools], tools: { include: ["*prompt*"] } }, p: { mount: ./p.mjs } }`,
      { files: { "p.mjs": prompter([]) } },
    )
    const one = client()
    expect(await one.tools()).toEqual(["s_list_prompts", "s_get_prompt"])
    expect(names(await one.call("s_list_prompts"))).toEqual(["s_greet"])
    expect(await one.call("s_get_prompt", { name: "s_greet", arguments: { name: "Ada" } })).toMatchObject({
      content: expect.arrayContaining([{ type: "text", text: expect.stringContaining("Ada") }]),
    })
    expect(await one.call("s_get_prompt", { name: "p_one" })).toMatchObject({ isError: true })
  })
})
