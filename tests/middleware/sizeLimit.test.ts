import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpResult } from "../../src/protocol/messages.ts"
import { sizeOf } from "../../src/protocol/pieces.ts"
import { closeAll, fixturesFolder } from "./files.ts"
import { createFigures, refusal, scripted, setScript } from "./scripted.ts"
import { start, v2 } from "./support.ts"

afterEach(closeAll)

const big = { content: [{ type: "text", text: "x".repeat(3_000) }] }

describe("sizeLimit", () => {
  it.each(["legacy", "modern"])(
    "rejects results that are too large, and arguments before they are sent: %s",
    async (era) => {
      let sent = 0
      setScript("large", ({ method, params }) => {
        sent += 1
        const { name } = params as JsonObject
        if (method === "resources/read")
          return { result: { contents: [{ uri: "test://one", text: "x".repeat(3_000) }] } }
        if (method === "prompts/get") return { result: { messages: [], description: "x".repeat(3_000) } }
        return { result: name === "do" ? big : { content: [] } }
      })
      const figures = createFigures()
      const { client } = await start(
        `middleware: [{ sizeLimit: { result: 2KiB, arguments: 1KiB } }]
servers: { s: { ${scripted("large", [{ name: "do" }, { name: "little" }])} } }`,
        { metrics: figures.metrics },
      )
      const one = client({ era })
      const rejected = { code: -31004, data: { server: "s", sent: "maybe", retryable: false } }
      expect(await refusal(one.call("s_do"))).toMatchObject({
        ...rejected,
        message: "s: the result has 3039 bytes; the limit is 2KiB",
      })
      expect(await refusal(one.request("resources/read", { uri: "test://s/one" }))).toMatchObject(rejected)
      expect(await refusal(one.request("prompts/get", { name: "s_hello" }))).toMatchObject(rejected)
      expect(sent).toBe(3)
      const error = await refusal(one.call("s_little", { text: "ä".repeat(600) }))
      expect(error).toMatchObject({ code: -31004, data: { server: "s", sent: "no" } })
      expect(error.message).toBe("s: the arguments have 1211 bytes; the limit is 1KiB")
      expect(sent).toBe(3)
      expect(await one.call("s_little", { text: "ä".repeat(500) })).toEqual({ content: [] })
      const name = "mcp_host_size_limit_exceeded_total"
      expect(figures.count(name, { what: "result", outcome: "rejected", server: "" })).toBe(3)
      expect(figures.count(name, { what: "arguments", outcome: "rejected" })).toBe(1)
    },
  )

  it("cuts text when it is told, and rejects what cannot be cut", async () => {
    const results: JsonObject = {
      text: { ...big, _meta: { kept: 1 } },
      image: { content: [{ type: "image", data: "A".repeat(3_000), mimeType: "image/png" }] },
      structured: { content: [], structuredContent: { x: "x".repeat(3_000) } },
    }
    setScript("cut", ({ params }) => ({ result: results[(params as { name: string }).name] ?? null }))
    const figures = createFigures()
    const { client } = await start(
      `servers: { s: { ${scripted("cut", [{ name: "text" }, { name: "image" }, { name: "structured" }])}, middleware: [{ sizeLimit: { result: 2KiB, mode: truncate } }] } }`,
      { metrics: figures.metrics },
    )
    const one = client()
    const cut = await one.call("s_text")
    expect(JSON.stringify(cut).length).toBeLessThanOrEqual(2_048)
    expect(JSON.stringify(cut).length).toBeGreaterThan(1_900)
    const [kept, note] = cut["content"] as JsonObject[]
    const missing = 3_000 - String(kept?.["text"]).length
    expect(note).toEqual({ type: "text", text: `[${missing} bytes of text were left out: the result was too large]` })
    expect(cut).toMatchObject({ _meta: { kept: 1 } })
    for (const name of ["s_image", "s_structured"])
      expect(await refusal(one.call(name))).toMatchObject({ code: -31004 })
    expect(figures.count("mcp_host_size_limit_exceeded_total", { server: "s", outcome: "truncated" })).toBe(1)
  })

  it("measures a result that is still bytes without parsing it", async () => {
    const { host, client } = await start(
      `middleware: [{ sizeLimit: { result: 200KiB } }]
servers: { s: { mount: { command: node, args: [${fixturesFolder}/servers/v2-stdio.mjs] } }, t: { mount: ${v2} } }`,
    )
    const one = client()
    const echo = (text: string): Promise<McpResult> =>
      host.handle({ method: "tools/call", params: { name: "s_echo", arguments: { text } } }, one.context())
    const result = await echo("x".repeat(150_000))
    expect(result.bytes).toBeDefined()
    expect(sizeOf(result.bytes ?? [])).toBeGreaterThan(150_000)
    expect(await refusal(echo("x".repeat(250_000)))).toMatchObject({ code: -31004, data: { server: "s" } })
    expect(await refusal(one.call("t_echo", { text: "x".repeat(250_000) }))).toMatchObject({ data: { server: "t" } })
  })

  it.each([
    ["result: 0KiB", /1:\d+ MANIFEST_INVALID_VALUE .*result must be a size of more than nothing/],
    ["result: 5MB", /1:\d+ MANIFEST_INVALID_VALUE .*result must be a size such as/],
    ["mode: cut", /1:\d+ MANIFEST_INVALID_VALUE .*mode must be "?reject/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ sizeLimit: { ${options} } }]\nservers: {}`).catch((thrown) => thrown)
    const [problem] = error.problems
    expect(`${problem.place.line}:${problem.place.column} ${problem.code} ${problem.message}`).toMatch(expected)
  })
})
