/**
 * The groups of behaviour that composing servers has in FastMCP (mounting, filters, transforms), over every kind of
 * upstream. Names of groups are theirs.
 */
import { afterEach, describe, expect, it } from "vitest"
import { closeAll, fixture, fixturePackage, httpServer, startHttp } from "./rig.ts"
import type { Json, TestClient } from "./testClient.ts"

afterEach(closeAll)

const upstreams: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["in process", async () => fixturePackage("v2-mcp")],
  ["stdio", async () => fixture("v2-stdio.mjs")],
  ["HTTP", async () => ({ url: (await httpServer("v2")).url })],
]

type Entry = Record<string, unknown>

describe.each(upstreams)("over %s", (_, mount) => {
  const open = async (entries: Record<string, Entry>, host: Entry = {}): Promise<TestClient> => {
    const servers: Record<string, Entry> = {}
    for (const [key, entry] of Object.entries(entries)) servers[key] = { mount: await mount(), ...entry }
    return (await startHttp({ host, servers })).connect("v2 auto")
  }
  const ask = (client: TestClient, method: string, params: Json = {}): Promise<Json> => client.request(method, params)
  const list = async (client: TestClient, kind: string, id: string): Promise<string[]> => {
    const method = kind === "resourceTemplates" ? "resources/templates/list" : `${kind}/list`
    return (await ask(client, method))[kind].map((each: Entry) => each[id])
  }
  const text = async (client: TestClient, name: string, args: Entry): Promise<unknown> =>
    (await ask(client, "tools/call", { name, arguments: args })).content[0].text
  const unknown = (client: TestClient, method: string, params: Entry) =>
    expect(ask(client, method, params)).rejects.toMatchObject({ code: -32602 })

  it("Mount basics: with a prefix, without, and one server twice", async () => {
    const client = await open({ a: {}, b: { prefix: "" } })
    expect(await list(client, "tools", "name")).toEqual(expect.arrayContaining(["a_echo", "echo"]))
    expect(await list(client, "prompts", "name")).toEqual(["a_greet", "greet"])
    expect(await list(client, "resourceTemplates", "uriTemplate")).toEqual(["test://a/items/{id}", "test://items/{id}"])
    expect(await text(client, "a_echo", { text: "1" })).toBe("1")
    expect(await text(client, "echo", { text: "2" })).toBe("2")
  })

  it.each([
    ["first", "of a"],
    ["last", "of b"],
  ])("Conflicts: the %s wins for every kind, on lists and on calls", async (collisions, winner) => {
    const entryOf = (title: string): Json => ({ prefix: "", tools: { override: { echo: { title } } } })
    const client = await open({ a: entryOf("of a"), b: entryOf("of b") }, { collisions })
    const { tools } = await ask(client, "tools/list")
    expect(tools.filter(({ name }: Json) => name === "echo").map(({ title }: Json) => title)).toEqual([winner])
    expect(await list(client, "prompts", "name")).toEqual(["greet"])
    expect(new Set(await list(client, "resources", "uri")).size).toBe(6)
    expect(await text(client, "echo", { text: "x" })).toBe("x")
  })

  it("Nesting: a host behind a host, with prefixes stacked and overrides of both", async () => {
    const inner = await startHttp({
      servers: {
        deep: {
          mount: await mount(),
          tools: { override: { echo: { name: "say", args: { text: { name: "words" } } } } },
        },
      },
    })
    const outer = await startHttp({
      servers: {
        top: {
          mount: { url: inner.url },
          tools: { exclude: ["deep_add"], override: { deep_say: { args: { words: { name: "line", default: "?" } } } } },
        },
      },
    })
    const client = await outer.connect("v2 auto")
    const names = await list(client, "tools", "name")
    expect(names).toContain("top_deep_say")
    expect(names).not.toEqual(expect.arrayContaining([expect.stringMatching(/deep_(add|echo)$/)]))
    expect(await text(client, "top_deep_say", { line: "hi" })).toBe("hi")
    expect(await text(client, "top_deep_say", {})).toBe("?")
    await unknown(client, "tools/call", { name: "top_deep_add", arguments: {} })
    expect((await ask(client, "resources/read", { uri: "test://top/deep/a" })).contents[0].uri).toBe(
      "test://top/deep/a",
    )
  })

  it.each([
    ["path", "test://s/a", "test://s/items/7"],
    ["protocol", "s+test://a", "s+test://items/7"],
    ["none", "test://a", "test://items/7"],
  ])("URIs: resources and templates are prefixed as %s, and read back", async (uris, a, item) => {
    const client = await open({ s: { uris } })
    expect(await list(client, "resources", "uri")).toContain(a)
    for (const uri of [a, item]) expect((await ask(client, "resources/read", { uri }))["contents"][0].uri).toBe(uri)
  })

  it("Renames: listed, callable, the original uncallable; hidden arguments injected", async () => {
    const client = await open({
      s: {
        tools: {
          override: {
            echo: {
              name: "say",
              title: "Say",
              description: "Says",
              args: { text: { name: "words", description: "W" } },
            },
            add: { name: "plus_forty", args: { b: { hide: true, value: 40 } } },
          },
        },
        prompts: { override: { greet: { name: "hello", args: { name: { name: "person" } } } } },
        resources: { override: { "test://a": { name: "A", title: "The first" } } },
      },
    })
    const { tools } = await ask(client, "tools/list")
    const find = (name: string): Json => tools.find((each: Entry) => each["name"] === name)
    expect(find("s_say")).toMatchObject({
      title: "Say",
      description: "Says",
      inputSchema: { properties: { words: { type: "string", description: "W" } }, required: ["words"] },
      annotations: { readOnlyHint: true },
    })
    expect(Object.keys(find("s_plus_forty").inputSchema.properties)).toEqual(["a"])
    expect(await text(client, "s_say", { words: "hi" })).toBe("hi")
    const sum = await ask(client, "tools/call", { name: "s_plus_forty", arguments: { a: 2, b: 0 } })
    expect(sum.structuredContent).toEqual({ sum: 42 })
    for (const name of ["s_echo", "echo", "s_add", "add"]) await unknown(client, "tools/call", { name, arguments: {} })
    const greeting = await ask(client, "prompts/get", { name: "s_hello", arguments: { person: "Ada" } })
    expect(greeting.messages[0].content.text).toBe("Greet Ada")
    await unknown(client, "prompts/get", { name: "s_greet", arguments: { name: "Ada" } })
    const { resources } = await ask(client, "resources/list")
    expect(resources.find(({ uri }: Entry) => uri === "test://s/a")).toMatchObject({ name: "A", title: "The first" })
  })

  it("Filters: by name and tag, on lists and on calls, of every kind", async () => {
    const client = await open({
      s: {
        tools: { exclude: ["a*"], override: { slow: { tags: ["internal"] }, link: { hide: true } } },
        prompts: { include: [] },
        resources: { include: ["test://*"], override: { "test://blob": { hide: true } } },
        tags: { exclude: ["internal"], assign: { "s*ple": ["internal"] } },
      },
    })
    const names = await list(client, "tools", "name")
    expect(names).toContain("s_echo")
    for (const name of ["add", "ask", "slow", "link", "sample", "fail", "boom"]) {
      expect(names).not.toContain(`s_${name}`)
      await unknown(client, "tools/call", { name: `s_${name}`, arguments: {} })
    }
    expect(await list(client, "prompts", "name")).toEqual([])
    expect(await list(client, "resources", "uri")).toEqual(["test://s/a"])
    for (const uri of ["test://s/blob", "file://s//tmp/fixture.txt"]) await unknown(client, "resources/read", { uri })
  })
})
