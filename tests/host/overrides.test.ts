/** Overrides through the whole host: what servers get of what clients send. */
import { afterEach, describe, expect, it } from "vitest"
import type { SourceRules } from "../../src/composition/types.ts"
import type { ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { local, modern, rawServer, send, serve, startHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { createClient, createContext } from "../wire/support.ts"
import { entryFor, modernClient, modernServer, startCrossing, tool } from "./crossingSupport.ts"

afterEach(closeAll)

const withRules = (entry: ServerEntry, rules: Partial<SourceRules>): ServerEntry => ({
  ...entry,
  rules: { ...entry.rules, ...rules },
})
const open = async (servers: readonly ServerEntry[], host = {}) => {
  const started = await startHost({ servers, host })
  const client = createClient()
  const request = async (method: string, params: JsonObject = {}): Promise<JsonObject> =>
    (await started.handle({ method, params }, createContext({ client }))).value
  return { host: started, request }
}
const unknown = { code: -32602 }

describe("tools", () => {
  const entry = withRules(local("main"), {
    tools: {
      override: {
        echo: { name: "say", description: "Says it", args: { text: { name: "words", default: "nothing" } } },
        add: { args: { b: { hide: true, value: 40 } } },
        boom: { hide: true },
        slow: { args: { ms: { hide: true } } },
      },
    },
  })

  it("are called by their new names, with arguments mapped back", async () => {
    const { request } = await open([entry])
    const text = async (params: JsonObject) =>
      ((await request("tools/call", params))["content"] as JsonObject[]).map((each) => each["text"])
    expect(await text({ name: "main_say", arguments: { words: "hi" } })).toEqual(["hi"])
    expect(await text({ name: "main_say" })).toEqual(["nothing"])
    // The server's own name of an argument that has another one is not taken.
    expect(await text({ name: "main_say", arguments: { text: "hi" } })).toEqual(["nothing"])
    expect(await request("tools/call", { name: "main_add", arguments: { a: 2, b: 1 } })).toMatchObject({
      structuredContent: { sum: 42 },
    })
  })

  it("answer unknown by the names they had, hidden, and when an override does not fit", async () => {
    const { host, request } = await open([entry])
    for (const name of ["main_echo", "echo", "say", "main_boom", "boom", "main_slow", "slow"]) {
      const error = await request("tools/call", { name, arguments: {} }).catch((thrown: unknown) => thrown)
      expect(error, name).toMatchObject({ ...unknown, message: `Unknown tool: ${name}` })
    }
    expect(host.catalog().withheld).toMatchObject([{ server: "main", key: "slow" }])
  })

  it("are called by bare names when exactly one visible component owns them", async () => {
    const rules = (prefix: string): Partial<SourceRules> => ({ prefix })
    const { request } = await open(
      [
        withRules(rawServer("a", { bare: true, lists: { tools: [tool("one"), tool("both"), tool("do_result")] } }), {}),
        withRules(rawServer("b", { bare: true, lists: { tools: [tool("both"), tool("gone"), tool("a_one")] } }), {
          ...rules(""),
          tools: { exclude: ["gone"] },
        }),
        withRules(rawServer("c", { bare: true, lists: { tools: [tool("twice")] } }), rules("c")),
        withRules(rawServer("d", { bare: true, lists: { tools: [tool("twice")] } }), rules("d")),
      ],
      { collisions: "first" },
    )
    const args = { result: { content: [], "x-from": "a" } }
    expect(await request("tools/call", { name: "do_result", arguments: args })).toMatchObject({ "x-from": "a" })
    await expect(request("tools/call", { name: "gone" })).rejects.toMatchObject(unknown)
    await expect(request("tools/call", { name: "twice" })).rejects.toMatchObject({
      ...unknown,
      message: "Ambiguous tool twice: it could be c_twice, d_twice",
    })
  })

  it("pass large results as they came", async () => {
    const big = { content: [{ type: "text", text: "x".repeat(200_000) }] }
    const { host, server, result } = await startCrossing(
      {
        lists: { "tools/list": { tools: [tool("big", { inputSchema: { type: "object", properties: { a: {} } } })] } },
        handle: () => big,
      },
      {
        rules: {
          server: "m",
          prefix: "m",
          separator: "_",
          nameBudget: 60,
          uris: "path",
          tags: {},
          prompts: {},
          resources: {},
          tools: { override: { big: { name: "large", args: { a: { name: "b" } } } } },
        },
      },
    )
    expect(
      host
        .catalog()
        .list("tool")
        .map(({ key }) => key),
    ).toEqual(["m_large"])
    const answer = await result(modernClient(), "tools/call", { name: "m_large", arguments: { b: 1 } })
    expect(answer.bytes?.reduce((sum, piece) => sum + piece.length, 0)).toBeGreaterThan(200_000)
    expect(server.of("tools/call")[0]?.params).toMatchObject({ name: "big", arguments: { a: 1 } })
  })
})

describe("prompts", () => {
  const entry = withRules(local("main"), {
    prompts: { override: { greet: { name: "hello", args: { name: { name: "person" } } } } },
  })

  it("are got by their new names, with arguments mapped back", async () => {
    const { request } = await open([entry])
    const { prompts } = await request("prompts/list")
    expect(prompts).toMatchObject([{ name: "main_hello", arguments: [{ name: "person", required: true }] }])
    expect(await request("prompts/get", { name: "main_hello", arguments: { person: "Ada" } })).toMatchObject({
      messages: [{ content: { text: "Greet Ada" } }, {}, {}],
    })
    await expect(request("prompts/get", { name: "main_greet", arguments: { name: "Ada" } })).rejects.toMatchObject(
      unknown,
    )
  })

  it("complete their renamed arguments", async () => {
    const { request } = await open([entry])
    const complete = (name: string) =>
      request("completion/complete", {
        ref: { type: "ref/prompt", name: "main_hello" },
        argument: { name, value: "A" },
        context: { arguments: { person: "x" } },
      })
    expect(await complete("person")).toMatchObject({ completion: { values: ["Ada", "Alan"] } })
    await expect(complete("name")).rejects.toMatchObject({ ...unknown, message: "Unknown argument: name" })
  })
})

it("headers mirror the arguments clients see, and upstream those the server has", async () => {
  const region = { type: "string", "x-mcp-header": "Region" }
  const inputSchema = {
    type: "object",
    properties: {
      region,
      zone: { type: "string", "x-mcp-header": "Zone" },
      rack: { type: "string", "x-mcp-header": "Rack" },
    },
  }
  const server = await modernServer({ lists: { "tools/list": { tools: [tool("t", { inputSchema })] } } })
  const args = { region: { name: "place" }, zone: { hide: true, value: "z1" }, rack: { default: "r9" } }
  const entry = entryFor(server)
  const rig = await serve(await startHost({ servers: [withRules(entry, { tools: { override: { t: { args } } } })] }))
  const call = (arguments_: JsonObject, headers: Record<string, string>) => {
    const { headers: own, body } = modern("tools/call", { name: "m_t", arguments: arguments_ })
    return send(rig.url, { headers: { ...own, ...headers }, body })
  }
  const answer = await call({ place: "eu", zone: "mine" }, { "mcp-param-region": "eu" })
  expect(answer.json).toHaveProperty("result")
  const { message, headers } = server.requests.findLast((each) => each.message.method === "tools/call") ?? {}
  expect(message?.params).toMatchObject({ name: "t", arguments: { region: "eu", zone: "z1", rack: "r9" } })
  expect(headers).toMatchObject({
    "mcp-name": "t",
    "mcp-param-region": "eu",
    "mcp-param-zone": "z1",
    "mcp-param-rack": "r9",
  })
  expect((await call({ place: "eu" }, { "mcp-param-region": "us" })).json).toMatchObject({ error: { code: -32020 } })
  expect((await call({ place: "eu" }, {})).json).toMatchObject({
    error: { message: expect.stringContaining("Mcp-Param-Region header is missing") },
  })
  // A bare name is checked like the name it stands for.
  const { headers: own, body } = modern("tools/call", { name: "t", arguments: { place: "eu" } })
  expect((await send(rig.url, { headers: own, body })).json).toMatchObject({ error: { code: -32020 } })
})

it("tells collisions in its readiness", async () => {
  const lists = { tools: [tool("x")] }
  const servers = ["a", "b"].map((key) => withRules(rawServer(key, { bare: true, lists }), { prefix: "" }))
  const { host } = await open(servers, { collisions: "first" })
  expect(host.readiness()).toMatchObject({
    ready: true,
    collisions: [{ kind: "tool", key: "x", kept: { server: "a", key: "x" }, dropped: { server: "b", key: "x" } }],
  })
})
