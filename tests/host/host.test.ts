/** The host in process: what each client sees, hears and is told, with servers made to order. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import type { ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, McpRequest, McpResult } from "../../src/protocol/messages.ts"
import { createHost, local, rawServer, startHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { type EntryOptions, soon } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

afterEach(closeAll)

const ask = async (host: Host, client: Client, request: McpRequest): Promise<JsonObject> =>
  (await host.handle(request, createContext({ client, ask: (question, signal) => client.ask(question, signal) }))).value
const call = (host: Host, client: Client, name: string, args: JsonObject = {}): Promise<JsonObject> =>
  ask(host, client, { method: "tools/call", params: { name, arguments: args } })
const list = async (host: Host, client: Client, kind = "tools", id = "name"): Promise<unknown[]> => {
  const method = kind === "resourceTemplates" ? "resources/templates/list" : `${kind}/list`
  return ((await ask(host, client, { method, params: {} }))[kind] as JsonObject[]).map((each) => each[id])
}
const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => {
      throw new Error(`it succeeded: ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )

const tool = (name: string, more: JsonObject = {}): JsonObject => ({ name, inputSchema: { type: "object" }, ...more })
const withRules = (entry: ServerEntry, rules: Partial<ServerEntry["rules"]>): ServerEntry => ({
  ...entry,
  rules: { ...entry.rules, ...rules },
})
/** A server that is up until it is told to leave, and never comes back. */
let lives = 0
const mortal = (key: string, options: EntryOptions = {}): ServerEntry => {
  lives += 1
  return rawServer(key, { once: `life ${lives}`, lists: { tools: [tool("one")] } }, options)
}

describe("what clients see", () => {
  it("is one server: names prefixed, in the order of the manifest", async () => {
    const host = await startHost({
      servers: [
        rawServer("b", { bare: true, lists: { tools: [tool("x"), tool("y")] } }),
        rawServer("a", { bare: true, lists: { tools: [tool("x")] } }),
      ],
    })
    expect(await list(host, createClient())).toEqual(["b_x", "b_y", "a_x"])
  })

  it("passes payloads as they are, but for names and URIs", async () => {
    const rich = tool("t", {
      title: "T",
      "x-unknown": { deep: [null, 1] },
      _meta: { ui: { resourceUri: "ui://w" }, other: "https://x" },
    })
    const host = await startHost({ servers: [rawServer("s", { bare: true, lists: { tools: [rich] } })] })
    const { tools } = await ask(host, createClient(), { method: "tools/list", params: {} })
    expect(tools).toEqual([{ ...rich, name: "s_t", _meta: { ui: { resourceUri: "ui://s/w" }, other: "https://x" } }])
  })

  it("differs with what a client can do, where servers show it differently", async () => {
    const proxied = local("main", "v2-mcp", { localMode: "proxy" })
    const host = await startHost({ servers: [proxied] })
    const [plain, able] = [createClient({ key: "p" }), createClient({ key: "a", capabilities: { roots: {} } })]
    for (const client of [plain, able]) host.connect(client)
    const before = await list(host, plain)
    expect(await list(host, able)).toEqual(before)
    // A tool added on one client's session is that session's alone.
    await call(host, able, "main_addTool", { name: "extra" })
    await vi.waitFor(async () => expect(await list(host, able)).toContain("main_extra"), soon)
    expect(await list(host, plain)).toEqual(before)
  })

  /** The numbers of tools on each page, and their names in order. */
  async function pagesOf(host: Host): Promise<{ sizes: number[]; names: unknown[] }> {
    const client = createClient()
    const names: unknown[] = []
    const sizes: number[] = []
    let cursor: unknown
    do {
      const params = cursor === undefined ? {} : { cursor: cursor as string }
      const page = await ask(host, client, { method: "tools/list", params })
      const tools = page["tools"] as JsonObject[]
      names.push(...tools.map(({ name }) => name))
      sizes.push(tools.length)
      cursor = page["nextCursor"]
    } while (cursor !== undefined && sizes.length < 10)
    return { sizes, names }
  }

  it("comes in pages with stable cursors, and refuses others", async () => {
    const tools = Array.from({ length: 5_001 }, (_, index) => tool(`t${index}`))
    const host = await startHost({ servers: [rawServer("s", { bare: true, lists: { tools } })] })
    const { sizes, names } = await pagesOf(host)
    expect(sizes).toEqual([5_000, 1])
    expect(names).toEqual(tools.map(({ name }) => `s_${name}`))
    for (const bad of ["", "x", "MTIz", "{}"]) {
      expect(await failure(ask(host, createClient(), { method: "tools/list", params: { cursor: bad } }))).toMatchObject(
        {
          code: -32602,
        },
      )
    }
  })

  it("comes in pages that are not too long, as long as a tool is not", async () => {
    const sized = (bytes: number) => (_: unknown, index: number) =>
      tool(`${bytes}-${index}`, { description: "x".repeat(bytes) })
    const half = 1_900_000
    const tools = [...Array.from({ length: 3 }, sized(half)), ...Array.from({ length: 2 }, sized(5_000_000))]
    const host = await startHost({ servers: [rawServer("s", { bare: true, lists: { tools } })] })
    const { sizes, names } = await pagesOf(host)
    expect(sizes).toEqual([2, 1, 1, 1])
    expect(names).toEqual(tools.map(({ name }) => `s_${name}`))
  })

  it("is free of what filters hide, everywhere", async () => {
    const entry = withRules(local("main"), {
      tags: { exclude: ["internal", "a"] },
      tools: { exclude: ["ec*"] },
      resources: { exclude: ["urn:*"] },
      prompts: { exclude: ["greet"] },
    })
    const host = await startHost({ servers: [entry] })
    const client = createClient()
    expect(await list(host, client)).not.toEqual(expect.arrayContaining([expect.stringMatching(/echo|boom|fail/)]))
    expect(await list(host, client, "prompts")).toEqual([])
    const unknown = await failure(call(host, client, "main_nothing"))
    for (const name of ["main_echo", "main_boom", "echo", "boom"]) {
      const hidden = (await failure(call(host, client, name))) as Error
      expect({ ...hidden, message: hidden.message.replace(name, "main_nothing") }).toEqual({
        ...(unknown as Error),
        message: (unknown as Error).message,
      })
    }
    const uris = await list(host, client, "resources", "uri")
    expect(uris).not.toContain("test://main/a")
    expect(
      await failure(ask(host, client, { method: "resources/read", params: { uri: "test://main/a" } })),
    ).toMatchObject({ code: -32002 })
    expect(
      await failure(ask(host, client, { method: "resources/subscribe", params: { uri: "test://main/a" } })),
    ).toMatchObject({ code: -32002 })
    expect(await failure(ask(host, client, { method: "prompts/get", params: { name: "main_greet" } }))).toMatchObject({
      code: -32602,
    })
    const completing = { ref: { type: "ref/prompt", name: "main_greet" }, argument: { name: "name", value: "a" } }
    expect(await failure(ask(host, client, { method: "completion/complete", params: completing }))).toMatchObject({
      code: -32602,
    })
  })

  it("names both owners of a collision", async () => {
    const servers = ["one", "two"].map((key) =>
      withRules(rawServer(key, { bare: true, lists: { tools: [tool("same")] } }), { prefix: "" }),
    )
    const host = await startHost({ servers })
    expect(host.collisions()).toMatchObject([
      { kind: "tool", key: "same", kept: { server: "one" }, dropped: { server: "two" } },
    ])
    for (const [collisions, owner] of [
      ["first", "one"],
      ["last", "two"],
    ] as const) {
      const chosen = await startHost({ servers, host: { collisions } })
      expect(chosen.catalog().resolve("tool", "same")?.origin.server).toBe(owner)
      expect(await list(chosen, createClient())).toEqual(["same"])
    }
  })
})

describe("what the host says of itself", () => {
  it("is the union of what its servers can do", async () => {
    const capabilities: JsonObject[] = [
      { tools: {} },
      { resources: { subscribe: true }, completions: {} },
      {
        prompts: { listChanged: false },
        logging: {},
        experimental: { x: {} },
        extensions: { "io.modelcontextprotocol/ui": { v: 1 }, "com.example/x": {} },
      },
    ]
    const host = await startHost({
      servers: capabilities.map((each, index) => rawServer(`s${index}`, { capabilities: each })),
    })
    expect(host.main.describe(createClient()).capabilities).toEqual({
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
      extensions: { "io.modelcontextprotocol/ui": { v: 1 } },
    })
    const few = await startHost({ servers: [rawServer("s", { capabilities: { tools: {} } })] })
    expect(few.main.describe(createClient()).capabilities).toEqual({ tools: { listChanged: true } })
    expect((await startHost({ servers: [] })).main.describe(createClient()).capabilities).toEqual({})
  })

  it("merges instructions: its own, then each server's under its name", async () => {
    const servers = [
      rawServer("one", { instructions: "  Do this.\n", serverInfo: { name: "n1", title: "First", version: "1" } }),
      rawServer("two"),
      withRules(rawServer("three", { instructions: "Do that.", serverInfo: { name: "n3", version: "1" } }), {
        prefix: "",
      }),
      rawServer("blank", { instructions: "  " }),
    ]
    const host = await startHost({ servers, host: { instructions: "Be kind. " } })
    expect(host.main.describe(createClient()).instructions).toBe(
      "Be kind.\n\n## First (its tools and prompts start with one_)\n\nDo this.\n\n## n3\n\nDo that.",
    )
    expect((await startHost({ servers: [rawServer("x")] })).main.describe(createClient()).instructions).toBeUndefined()
  })

  it("shows what the manifest says it is", async () => {
    const icons = [{ src: "data:image/png;base64,AA==", sizes: ["48x48"] }]
    const host = await startHost({
      servers: [],
      host: { name: "n", title: "t", version: "v", websiteUrl: "https://w", icons },
    })
    expect(host.serverInfo).toEqual({ name: "n", title: "t", version: "v", websiteUrl: "https://w", icons })
  })
})

describe("changes", () => {
  const changed = (kind: string): JsonObject => ({ method: `notifications/${kind}/list_changed`, params: {} })

  it("are told once per kind to clients whose list is another now, and to nobody else", async () => {
    const host = await startHost({
      servers: [local("main"), withRules(local("filtered"), { tags: { exclude: ["dynamic"] } })],
    })
    const [here, gone] = [createClient({ key: "here" }), createClient({ key: "gone" })]
    host.connect(here)
    host.connect(gone)()
    await list(host, here)
    const began = performance.now()
    for (const name of ["one", "two", "three"]) await call(host, here, "main_addTool", { name })
    await vi.waitFor(() => expect(here.seen.length).toBeGreaterThan(0), soon)
    await vi.waitFor(async () => expect(await list(host, here)).toContain("main_three"), soon)
    // Once, unless the machine took more than a second for the three.
    const told = here.seen.length
    expect(told).toBeLessThanOrEqual(1 + Math.floor((performance.now() - began) / 1_000))
    expect(here.seen).toEqual(Array(told).fill(changed("tools")))
    expect(gone.seen).toEqual([])
    // What a filter hides changes nothing for anybody.
    await call(host, here, "filtered_addTool", { name: "hidden" })
    await call(host, here, "main_addResource", { uri: "test://more" })
    await vi.waitFor(() => expect(here.seen.length).toBeGreaterThan(told), soon)
    await delay(300)
    expect(here.seen.slice(told)).toEqual([changed("resources")])
  })

  it("that leave a list as it was are not told", async () => {
    const host = await startHost({ servers: [rawServer("raw", { lists: { tools: [tool("a")] } })] })
    const client = createClient()
    host.connect(client)
    await list(host, client)
    await call(host, client, "raw_do_notify", { method: "notifications/tools/list_changed" })
    await call(host, client, "raw_do_set", {
      member: "tools",
      items: [tool("a")],
      method: "notifications/tools/list_changed",
    })
    await delay(400)
    expect(client.seen).toEqual([])
    await call(host, client, "raw_do_set", {
      member: "tools",
      items: [tool("b")],
      method: "notifications/tools/list_changed",
    })
    await vi.waitFor(() => expect(client.seen).toEqual([changed("tools")]), soon)
  })

  it("reach only clients that see them", async () => {
    const host = await startHost({ servers: [local("main", "v2-mcp", { localMode: "proxy" })] })
    const [plain, able] = [createClient({ key: "p" }), createClient({ key: "a", capabilities: { roots: {} } })]
    for (const client of [plain, able]) {
      host.connect(client)
      await list(host, client)
    }
    await call(host, able, "main_addTool", { name: "extra" })
    await vi.waitFor(() => expect(able.seen).toEqual([changed("tools")]), soon)
    await delay(150)
    expect(plain.seen).toEqual([])
  })

  it("of an imported server reach nobody", async () => {
    const host = await startHost({ servers: [local("main", "v2-mcp", { mode: "import" })] })
    const client = createClient()
    host.connect(client)
    const before = await list(host, client)
    await call(host, client, "main_addTool", { name: "extra" })
    await delay(300)
    expect(client.seen).toEqual([])
    expect(await list(host, client)).toEqual(before)
  })
})

describe("a server that is down", () => {
  const down = async (host: Host, key: string): Promise<void> => {
    await call(host, createClient({ key: "killer" }), `${key}_do_close`).catch(() => undefined)
    await vi.waitFor(() => expect(host.servers().find(({ entry }) => entry.key === key)?.state).not.toBe("ready"), soon)
  }
  const unavailable = (server: string) => ({
    code: -31001,
    data: { server, sent: "no", retryable: true, help: expect.any(String) },
  })

  it("stale: stays listed, and answers -31001", async () => {
    const host = await startHost({ servers: [mortal("m"), local("main")] })
    const client = createClient()
    const before = await list(host, client)
    await down(host, "m")
    expect(await list(host, client)).toEqual(before)
    expect(await failure(call(host, client, "m_one"))).toMatchObject(unavailable("m"))
    expect(await failure(call(host, client, "m_never"))).toMatchObject({ code: -32602 })
    expect(await call(host, client, "main_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
  })

  it("skip: vanishes from lists, and what was known answers -31001", async () => {
    const host = await startHost({ servers: [mortal("m", { onDown: "skip" }), local("main")] })
    const client = createClient()
    host.connect(client)
    expect(await list(host, client)).toContain("m_one")
    await down(host, "m")
    expect(await list(host, client)).not.toContain("m_one")
    expect(await failure(call(host, client, "m_one"))).toMatchObject(unavailable("m"))
    expect(await failure(call(host, client, "m_never"))).toMatchObject({ code: -32602 })
    await vi.waitFor(
      () => expect(client.seen).toEqual([{ method: "notifications/tools/list_changed", params: {} }]),
      soon,
    )
  })

  it("fail: fails every list of a kind it offers, and no other", async () => {
    const host = await startHost({ servers: [mortal("m", { onDown: "fail" }), local("main")] })
    const client = createClient()
    await down(host, "m")
    expect(await failure(list(host, client))).toMatchObject(unavailable("m"))
    expect(await list(host, client, "prompts")).toEqual(["main_greet"])
    expect(await call(host, client, "main_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
  })

  it("that was never up: what is under its prefix may be its own", async () => {
    const host = await startHost({ servers: [local("broken", "throws"), local("main")] })
    const client = createClient()
    expect(await list(host, client)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^broken/)]))
    expect(await failure(call(host, client, "broken_anything"))).toMatchObject(unavailable("broken"))
    expect(await failure(ask(host, client, { method: "prompts/get", params: { name: "broken_x" } }))).toMatchObject(
      unavailable("broken"),
    )
    expect(
      await failure(ask(host, client, { method: "resources/read", params: { uri: "test://broken/x" } })),
    ).toMatchObject(unavailable("broken"))
    expect(await failure(call(host, client, "brokenish"))).toMatchObject({ code: -32602 })
    expect(
      await failure(ask(host, client, { method: "resources/read", params: { uri: "test://other/x" } })),
    ).toMatchObject({ code: -32002 })
  })

  it("that hangs holds up neither the lists nor the calls of others", async () => {
    const timeouts = { startMs: 60_000, listMs: 200, callMs: 300, totalMs: 300 }
    const host = createHost({ servers: [rawServer("hung", { never: true }, { timeouts }), local("main")] })
    const client = createClient()
    host.connect(client, { patient: true })
    expect(await list(host, client)).toContain("main_echo")
    expect(await call(host, client, "main_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    expect(await failure(call(host, client, "hung_x"))).toMatchObject({ code: -31001, data: { server: "hung" } })
  })
})

describe("routing", () => {
  it("knows a tool by its own name when only one server has it", async () => {
    const host = await startHost({
      servers: [
        rawServer("a", { bare: true, lists: { tools: [tool("only"), tool("both")] } }),
        rawServer("b", { bare: true, lists: { tools: [tool("both")] } }),
      ],
    })
    const client = createClient()
    expect(JSON.stringify(await call(host, client, "only"))).toContain('\\"name\\":\\"only\\"')
    expect(await failure(call(host, client, "both"))).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/a_both, b_both/),
    })
  })

  it("never splits names", async () => {
    const host = await startHost({
      servers: [
        rawServer("a", { bare: true, lists: { tools: [tool("b_c")] } }),
        rawServer("a_b", { bare: true, lists: { tools: [tool("d")] } }),
      ],
    })
    const client = createClient()
    expect(JSON.stringify(await call(host, client, "a_b_c"))).toContain('\\"name\\":\\"b_c\\"')
    expect(JSON.stringify(await call(host, client, "a_b_d"))).toContain('\\"name\\":\\"d\\"')
    expect(await failure(call(host, client, "a_b_x"))).toMatchObject({ code: -32602 })
  })

  it.each<[string, JsonObject, number]>([
    ["tools/call", {}, -32602],
    ["tools/call", { name: 7 }, -32602],
    ["prompts/get", {}, -32602],
    ["resources/read", {}, -32602],
    ["resources/read", { uri: "" }, -32002],
    ["resources/subscribe", { uri: "test://none" }, -32002],
    ["completion/complete", {}, -32602],
    ["completion/complete", { ref: { type: "ref/prompt" } }, -32602],
    ["completion/complete", { ref: { type: "ref/resource", uri: "test://none/{x}" } }, -32002],
    ["logging/setLevel", { level: "verbose" }, -32602],
    ["logging/setLevel", {}, -32602],
    ["x/unknown", {}, -32601],
    ["__proto__", {}, -32601],
  ])("refuses %s %j with %i", async (method, params, code) => {
    const host = await startHost()
    expect(await failure(ask(host, createClient(), { method, params }))).toMatchObject({ code })
  })

  it("rewrites the URI in an upstream's error, and nothing else of it", async () => {
    const host = await startHost({ servers: [rawServer("raw"), local("main")] })
    const client = createClient()
    const error = { code: -32050, message: "No test://a", data: { uri: "test://a", more: { uri: 7 }, list: [1] } }
    expect(await failure(call(host, client, "raw_do_error", { error }))).toMatchObject({
      code: -32050,
      message: "No test://a",
      data: { uri: "test://raw/a", more: { uri: 7 }, list: [1] },
    })
    expect(
      await failure(ask(host, client, { method: "resources/read", params: { uri: "test://main/items/missing" } })),
    ).toMatchObject({
      data: { uri: "test://main/items/missing" },
    })
  })
})

describe("URIs that no list shows", () => {
  const links = (...uris: string[]): JsonObject => ({
    result: { content: uris.map((uri) => ({ type: "resource_link", uri, name: "l" })) },
  })

  it("are readable once a result has shown them, by whoever owns them", async () => {
    const host = await startHost({ servers: [rawServer("one"), rawServer("two")] })
    const client = createClient()
    const read = (uri: string) => ask(host, client, { method: "resources/read", params: { uri } })
    expect(await failure(read("https://shown.example/x"))).toMatchObject({ code: -32002 })
    const shown = await call(
      host,
      client,
      "two_do_result",
      links("https://shown.example/x", "test://deep/y", "urn:x:1"),
    )
    expect((shown["content"] as JsonObject[]).map(({ uri }) => uri)).toEqual([
      "https://shown.example/x",
      "test://two/deep/y",
      expect.any(String),
    ])
    expect(await read("https://shown.example/x")).toMatchObject({
      contents: [{ uri: "https://shown.example/x", text: "text of https://shown.example/x" }],
    })
    for (const [index, own] of [
      [1, "test://deep/y"],
      [2, "urn:x:1"],
    ] as const) {
      const { uri } = (shown["content"] as JsonObject[])[index] as { uri: string }
      expect(await read(uri)).toMatchObject({ contents: [{ uri, text: `text of ${own}` }] })
    }
  })

  it("are not when a filter of their server hides them", async () => {
    const host = await startHost({
      servers: [withRules(rawServer("one"), { resources: { exclude: ["https://secret.example/*"] } })],
    })
    const client = createClient()
    await call(host, client, "one_do_result", links("https://secret.example/x", "https://open.example/x"))
    const read = (uri: string) => ask(host, client, { method: "resources/read", params: { uri } })
    expect(await failure(read("https://secret.example/x"))).toMatchObject({ code: -32002 })
    expect(await read("https://open.example/x")).toHaveProperty("contents")
  })
})

describe("questions", () => {
  const able = (answer: (request: McpRequest) => JsonObject | Promise<JsonObject>, more: Partial<Client> = {}) =>
    createClient({
      capabilities: { elicitation: {}, sampling: {}, roots: {} },
      ask: async (request): Promise<McpResult> => ({ value: await answer(request) }),
      ...more,
    })

  it("begin with who asks, and carry URIs a client can read, there and back", async () => {
    const host = await startHost({
      servers: [rawServer("raw", { serverInfo: { name: "raw", title: "The Raw One", version: "1" } })],
    })
    const asked: McpRequest[] = []
    const client = able((request) => {
      asked.push(request)
      if (request.method !== "sampling/createMessage") return { action: "decline", "x-kept": 1 }
      return { model: "m", role: "assistant", content: { type: "resource_link", uri: "test://raw/b", name: "b" } }
    })
    expect(
      await call(host, client, "raw_do_ask", {
        method: "elicitation/create",
        params: { message: "Sure?", "x-kept": [1] },
      }),
    ).toMatchObject({
      structuredContent: { result: { action: "decline", "x-kept": 1 } },
    })
    const messages = [
      { role: "user", content: { type: "resource", resource: { uri: "test://a", text: "t" } } },
      {
        role: "user",
        content: [
          { type: "resource_link", uri: "test://a", name: "a" },
          { type: "text", text: "test://a" },
        ],
      },
    ]
    const sampled = await call(host, client, "raw_do_ask", {
      method: "sampling/createMessage",
      params: { messages, maxTokens: 5 },
    })
    expect(asked).toEqual([
      { method: "elicitation/create", params: { message: "The Raw One: Sure?", "x-kept": [1] } },
      {
        method: "sampling/createMessage",
        params: {
          messages: [
            { role: "user", content: { type: "resource", resource: { uri: "test://raw/a", text: "t" } } },
            {
              role: "user",
              content: [
                { type: "resource_link", uri: "test://raw/a", name: "a" },
                { type: "text", text: "test://a" },
              ],
            },
          ],
          maxTokens: 5,
        },
      },
    ])
    expect(sampled).toMatchObject({ structuredContent: { result: { content: { uri: "test://b" } } } })
  })

  it.each<[string, JsonObject, JsonObject, number]>([
    ["elicitation/create", { message: "?" }, {}, -32602],
    ["elicitation/create", { message: "?", mode: "url", url: "https://x" }, { elicitation: {} }, -32602],
    ["sampling/createMessage", { messages: [] }, { elicitation: {} }, -32602],
    ["roots/list", {}, {}, -32602],
    ["x/unknown", {}, { elicitation: {}, sampling: {}, roots: {} }, -32601],
  ])("%s %j to a client with %j are refused", async (method, params, capabilities, code) => {
    const host = await startHost({ servers: [rawServer("raw")] })
    const asking = vi.fn()
    const client = createClient({ capabilities, ask: asking })
    expect(await call(host, client, "raw_do_ask", { method, params })).toMatchObject({
      structuredContent: { error: { code } },
    })
    expect(asking).not.toHaveBeenCalled()
  })

  it("reach only the client whose call caused them, however many ask at once", async () => {
    const host = await startHost({ servers: [rawServer("raw"), local("main"), local("older", "v1-mcp")] })
    const heard = new Map<string, string[]>()
    const clients = Array.from({ length: 8 }, (_, index) => {
      const key = `client-${index}`
      heard.set(key, [])
      return able(
        async ({ params }) => {
          heard.get(key)?.push(String(params["message"]))
          await delay(Math.random() * 20)
          return { action: "accept", content: { answer: key } }
        },
        { key },
      )
    })
    const results = await Promise.all(
      clients.flatMap((client) => [
        call(host, client, "raw_do_ask", { method: "elicitation/create", params: { message: client.key } }),
        call(host, client, "main_ask", { question: client.key }),
        call(host, client, "older_ask", { question: client.key }),
        call(host, client, "older_ask", { question: client.key, loose: true }),
      ]),
    )
    clients.forEach((client, index) => {
      for (const result of results.slice(index * 4, index * 4 + 4)) expect(JSON.stringify(result)).toContain(client.key)
      expect(heard.get(client.key)).toHaveLength(4)
      for (const message of heard.get(client.key) ?? []) expect(message).toMatch(new RegExp(`: ${client.key}$`))
    })
  })

  it("that no call caused are refused, not guessed", async () => {
    const host = createHost({ servers: [rawServer("raw")] })
    const asking = vi.fn(async () => ({ value: {} }))
    const client = able(() => ({}), { ask: asking })
    host.connect(client)
    await host.settled()
    const later = await call(host, client, "raw_do_later", { method: "elicitation/create", params: { message: "?" } })
    expect(later).toMatchObject({
      structuredContent: { error: { code: -32600, message: expect.stringContaining("no client's call") } },
    })
    expect(asking).not.toHaveBeenCalled()
  })
})

describe("the end", () => {
  it("closes every server, whatever they are doing", async () => {
    const host = await startHost({ servers: [rawServer("raw"), local("main"), local("broken", "throws")] })
    const client = createClient()
    const pending = failure(call(host, client, "raw_do_hang"))
    await call(host, client, "main_echo", { text: "hi" })
    await host.close()
    await host.close()
    expect(await pending).toMatchObject({ code: -31001, data: { server: "raw", sent: "maybe" } })
    expect(host.servers().map(({ state }) => state)).toEqual(["stopped", "stopped", "stopped"])
  })
})
