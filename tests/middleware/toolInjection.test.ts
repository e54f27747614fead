/** `toolInjection`: tools that the manifest describes, and those of a module. */
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Metrics } from "../../src/telemetry/types.ts"
import { closeAll } from "./files.ts"
import { raw, start, v2 } from "./support.ts"

afterEach(closeAll)

const definitions = async (client: { request(method: string): Promise<JsonObject> }): Promise<JsonObject[]> =>
  (await client.request("tools/list"))["tools"] as JsonObject[]

describe("described in the manifest", () => {
  it("answers with a text, or with JSON", async () => {
    const { client } = await start(`middleware:
  - toolInjection:
      tools:
        - { name: motto, title: Motto, description: Tells the motto., text: "Less is {{more}}." }
        - name: limits
          description: Tells the limits.
          json: { most: 3, names: [a, b] }
          outputSchema: { type: object, properties: { most: { type: number } } }
          annotations: { idempotentHint: true }
servers: {}`)
    const one = client()
    expect(await definitions(one)).toEqual([
      {
        ...{ name: "motto", title: "Motto", description: "Tells the motto." },
        inputSchema: { type: "object", properties: {}, additionalProperties: false },
        annotations: { readOnlyHint: true, openWorldHint: false },
      },
      {
        ...{ name: "limits", description: "Tells the limits." },
        inputSchema: { type: "object", properties: {}, additionalProperties: false },
        outputSchema: { type: "object", properties: { most: { type: "number" } } },
        annotations: { readOnlyHint: true, openWorldHint: false, idempotentHint: true },
      },
    ])
    expect(await one.call("motto")).toEqual({ content: [{ type: "text", text: "Less is {{more}}." }] })
    expect(await one.call("limits")).toEqual({
      content: [{ type: "text", text: '{"most":3,"names":["a","b"]}' }],
      structuredContent: { most: 3, names: ["a", "b"] },
    })
  })

  it("calls another tool with arguments made of its own", async () => {
    const { client } = await start(`middleware:
  - toolInjection:
      tools:
        - name: increment
          description: Adds one.
          call: s_add
          arguments: { a: "{{ number }}", b: 1 }
        - name: greet
          description: Greets.
          call: s_echo
          arguments: { text: "Hello, {{name}}{{mark}}" }
          inputSchema: { type: object, properties: { name: { type: string }, mark: {} }, required: [name] }
        - { name: repeat, description: Repeats., call: s_echo }
servers: { s: { mount: ${v2} } }`)
    const one = client()
    const [increment] = (await definitions(one)).filter(({ name }) => name === "increment")
    expect(increment?.["inputSchema"]).toEqual({
      ...{ type: "object", properties: { number: {} }, required: ["number"], additionalProperties: false },
    })
    expect(increment).not.toHaveProperty("annotations")
    expect(await one.call("increment", { number: 41 })).toMatchObject({ structuredContent: { sum: 42 } })
    expect(await one.call("increment")).toEqual({
      content: [{ type: "text", text: "The argument number is missing." }],
      isError: true,
    })
    expect(await one.call("greet", { name: "Ada" })).toMatchObject({ content: [{ text: "Hello, Ada" }] })
    expect(await one.call("greet", { name: "Ada", mark: 1 })).toMatchObject({ content: [{ text: "Hello, Ada1" }] })
    expect(await one.call("repeat", { text: "x" })).toMatchObject({ content: [{ text: "x" }] })
  })

  it("reaches only what the client itself does", async () => {
    const { client, host } = await start(`middleware:
  - toolInjection: { tools: [{ name: hidden, description: Hidden., call: s_echo }, { name: lost, description: Lost., call: none }] }
servers: { s: { mount: ${v2}, tools: { exclude: [echo] } } }`)
    const one = client()
    for (const name of ["hidden", "lost"])
      await expect(one.call(name, { text: "x" })).rejects.toMatchObject({ code: -32602 })
    expect(host.collisions()).toEqual([])
  })

  it("passes progress, questions and cancellation of the tool it calls", async () => {
    const { client } = await start(`middleware:
  - toolInjection: { tools: [{ name: nap, description: Sleeps., call: s_slow, arguments: { ms: 20, steps: 2 } }, { name: ask, description: Asks., call: s_ask }] }
servers: { s: { mount: ${v2} } }`)
    const one = client({ capabilities: { elicitation: { form: {} } } })
    const told: JsonObject[] = []
    await one.request(
      "tools/call",
      { name: "nap", arguments: {}, _meta: { progressToken: "mine" } },
      { notify: ({ params }) => void told.push(params) },
    )
    expect(told).toMatchObject([
      { progressToken: "mine", progress: 1 },
      { progressToken: "mine", progress: 2 },
    ])
    const answer = { value: { action: "accept", content: { answer: "fine" } } }
    const result = await one.request("tools/call", { name: "ask", arguments: {} }, { ask: async () => answer })
    expect(JSON.stringify(result)).toContain("fine")
  })

  it("lets a modern client answer questions by calling again", async () => {
    const { client } = await start(`middleware:
  - toolInjection: { tools: [{ name: ask, description: Asks., call: s_ask }] }
servers: { s: { mount: { package: ${v2}, era: modern } } }`)
    const one = client({ era: "modern", capabilities: { elicitation: { form: {} } } })
    const params = { name: "ask", arguments: { question: "Well?" } }
    const first = await one.request("tools/call", params)
    expect(first).toMatchObject({ resultType: "input_required", inputRequests: { question: {} } })
    const again = {
      ...params,
      inputResponses: { question: { action: "accept", content: { answer: "fine" } } },
      ...("requestState" in first && { requestState: first["requestState"] as string }),
    }
    expect(JSON.stringify(await one.request("tools/call", again))).toContain("fine")
  })

  it("names, around a server, the server's own tools, and shows its links as clients see them", async () => {
    const { client } = await start(`servers:
  s:
    mount: ${v2}
    tools: { override: { echo: { name: say } } }
    middleware:
      - toolInjection:
          tools:
            - { name: hello, description: Says hello., call: echo, arguments: { text: hello } }
            - { name: links, description: Gives links., call: link }
            - { name: gone, description: Of another server., call: t_add }
  t: { mount: ${v2} }`)
    const one = client()
    expect(await one.call("s_hello")).toMatchObject({ content: [{ text: "hello" }] })
    const links = await one.call("s_links")
    expect(links).toEqual(await one.call("s_link"))
    expect(links).toMatchObject({ content: [{ uri: "test://s/a" }, ...Array.from({ length: 5 }, () => ({}))] })
    await expect(one.call("s_gone")).rejects.toMatchObject({ code: -32602, message: expect.stringContaining("t_add") })
  })

  it("ends tools that call each other in a circle", async () => {
    const { client } = await start(`middleware:
  - toolInjection: { tools: [{ name: a, description: A., call: b }, { name: b, description: B., call: a }] }
servers: {}`)
    const one = client()
    await expect(one.call("a")).rejects.toMatchObject({ code: -31004 })
    // What was counted is forgotten.
    await expect(one.call("a")).rejects.toMatchObject({ code: -31004 })
  })
})

describe("of a module", () => {
  const module = (word: string) => `
export default ({ who }, { server, logger }) => [{
  definition: { name: "greet", description: "Greets.", inputSchema: { type: "object" } },
  async call({ fail }, { host, context }) {
    if (fail === "throw") throw new Error("secret insides")
    if (fail === "nothing") return undefined
    if (fail === "host") return host({ method: "tools/call", params: { name: "none" } }, context)
    const { value } = await host({ method: "tools/list", params: {} }, context)
    return { value: { content: [{ type: "text", text: "${word} " + who + " " + value.tools.length }] } }
  },
}]`

  it("makes tools of its options, and is loaded anew when it changes", async () => {
    const text = "middleware: [{ toolInjection: { module: ./tools.ts, options: { who: Ada } } }]\nservers: {}"
    const { client, directory, reload } = await start(text, { files: { "tools.ts": module("Hello") } })
    const one = client()
    expect(await one.call("greet")).toMatchObject({ content: [{ text: "Hello Ada 1" }] })
    await writeFile(path.join(directory, "tools.ts"), module("Bye"))
    await reload()
    expect(await one.call("greet")).toMatchObject({ content: [{ text: "Bye Ada 1" }] })
  })

  it("fails one call when it throws, without its insides", async () => {
    const text = "middleware: [{ toolInjection: { module: ./tools.ts } }]\nservers: {}"
    const { client, log } = await start(text, { files: { "tools.ts": module("Hello") } })
    const one = client()
    for (const fail of ["throw", "nothing"])
      await expect(one.call("greet", { fail })).rejects.toMatchObject({
        ...{
          code: -32603,
          message: expect.stringMatching(/^Internal error in the middleware toolInjection \(.*tools\.ts\)$/),
        },
      })
    await expect(one.call("greet", { fail: "host" })).rejects.toMatchObject({ code: -32602 })
    expect(log.map(({ msg }) => msg)).toContainEqual(expect.stringContaining("secret insides"))
  })

  it("may be a plain list, and be in a list of middleware several times", async () => {
    const list = `export default [{ definition: { name: "x", inputSchema: { type: "object" } }, call: async () => ({ value: { content: [] } }) }]`
    const { client } = await start(
      `middleware:
  - toolInjection: { module: ./x.mjs }
  - toolInjection: { tools: [{ name: y, description: Y., text: y }] }
servers: {}`,
      { files: { "x.mjs": list } },
    )
    expect(await client().tools()).toEqual(["x", "y"])
  })

  it.each([
    ["export default 1", /MIDDLEWARE_UNUSABLE .*it gives no list/],
    ["export default () => 1", /MIDDLEWARE_UNUSABLE .*it gives no list/],
    ["export default () => { throw new Error('no who') }", /MIDDLEWARE_UNUSABLE .*no who/],
    ["export default [{}]", /MIDDLEWARE_UNUSABLE .*item 0 has no definition/],
  ])("%s is refused", async (code, expected) => {
    const text = "middleware: [{ toolInjection: { module: ./x.mjs } }]\nservers: {}"
    const error = await start(text, { files: { "x.mjs": code } }).catch((thrown: unknown) => thrown)
    expect(`${(error as { code: string }).code} ${(error as Error).message}`).toMatch(expected)
  })
})

it("counts calls by tool and outcome", async () => {
  const counted: unknown[] = []
  const metrics: Metrics = {
    enabled: true,
    counter: ({ name }) => ({ add: (value, labels) => void counted.push([name, value, labels]) }),
    histogram: () => ({ observe: () => undefined }),
    gauge: () => () => undefined,
  }
  const { client } = await start(
    `servers: { r: { mount: ${raw}, middleware: [{ toolInjection: { tools: [{ name: t, description: T., text: t }, { name: u, description: U., call: do_error }] } }] } }`,
    { metrics },
  )
  const one = client()
  await one.call("r_t")
  await expect(one.call("r_u", { error: { code: -32050, message: "own" } })).rejects.toMatchObject({ code: -32050 })
  const name = "mcp_host_tool_injection_calls_total"
  expect(counted).toEqual([
    [name, 1, { server: "r", tool: "t", outcome: "ok" }],
    [name, 1, { server: "r", tool: "u", outcome: "error" }],
  ])
})

describe("refused", () => {
  const tool = (more: string) => `middleware: [{ toolInjection: { tools: [{ name: t, description: T.${more} }] } }]`

  it.each([
    [tool(""), /1:\d+ MANIFEST_MISSING_KEY .*needs one of the keys text, json and call/],
    [tool(", text: a, call: b"), /1:78 MANIFEST_INVALID_VALUE .*has text and call/],
    [tool(", text: a, arguments: {}"), /1:78 MANIFEST_INVALID_VALUE .*is for a tool that calls another/],
    [tool(", call: a, inputSchema: {}"), /MANIFEST_INVALID_VALUE .*inputSchema must have "type: object"/],
    [
      tool(', call: a, arguments: { x: ["{{nam}}"] }, inputSchema: { type: object, properties: { name: {} } }'),
      /1:\d+ MANIFEST_INVALID_VALUE .*arguments\.x\[0\]: "\{\{nam\}\}" is no argument of the tool\. Did you mean "name"\?/,
    ],
    [
      "middleware: [{ toolInjection: { tools: [{ name: t, description: T., text: a }, { name: t, description: T., text: b }] } }]",
      /1:\d+ MANIFEST_INVALID_VALUE .*tools\[1\] has the name "t", which .*tools\[0\] has too/,
    ],
    ["middleware: [toolInjection]", /1:14 MANIFEST_MISSING_KEY .*adds nothing/],
    ["middleware: [{ toolInjection: { options: {} } }]", /MANIFEST_INVALID_VALUE .*options is for a module/],
    ["middleware: [{ toolInjection: { module: ./none.ts } }]", /1:\d+ MANIFEST_MISSING_PATH .*module: the path/],
    [
      "middleware: [{ toolInjection: { tools: [{ name: t, text: a }] } }]",
      /MANIFEST_MISSING_KEY .*description is missing/,
    ],
  ])("%s", async (middleware, expected) => {
    const error = await start(`${middleware}\nservers: {}`).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(`${problem?.place.line}:${problem?.place.column} ${problem?.code} ${problem?.message}`).toMatch(expected)
  })

  it("two tools of one name in a list of middleware", async () => {
    const one = "{ toolInjection: { tools: [{ name: t, description: T., text: a }] } }"
    await expect(start(`middleware: [${one}, ${one}]\nservers: {}`)).rejects.toMatchObject({
      code: "NAME_COLLISION",
      message: "Two middleware of one list add the tool t: toolInjection and toolInjection",
    })
  })
})
