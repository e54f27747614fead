/** Profiles: further faces over the same servers, whose clients know only what the profile shows. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import type { View } from "../../src/host/view.ts"
import type { ProfileEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { initialize, local, modern, openSession, rawServer, send, serve, startHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

afterEach(closeAll)

const tool = (name: string, tags: string[] = []): JsonObject => ({
  name,
  inputSchema: { type: "object" },
  _meta: { tags },
})
const profile = (name: string, rules: Partial<ProfileEntry["rules"]>, more: Partial<ProfileEntry> = {}) => ({
  name,
  placeOf: () => ({ file: "mcp-host.yaml", line: 1, column: 1 }),
  rules: { tags: {}, tools: {}, prompts: {}, resources: {}, ...rules },
  ...more,
})
const lists = {
  tools: [tool("look", ["public"]), tool("change", ["write"])],
  prompts: [{ name: "sum" }],
  resources: [
    { uri: "note://a", name: "a" },
    { uri: "note://secret", name: "s", _meta: { tags: ["write"] } },
  ],
  resourceTemplates: [{ uriTemplate: "note://{id}", name: "any" }],
}
const readonly = profile(
  "readonly",
  { servers: ["notes"], tags: { exclude: ["write"] }, prompts: { exclude: ["*"] } },
  { title: "Only reading", instructions: "Nothing here changes anything." },
)
const capabilities = { tools: { listChanged: true }, prompts: {}, resources: { subscribe: true }, completions: {} }
const start = (): Promise<Host> =>
  startHost({
    servers: [rawServer("notes", { lists, capabilities }), rawServer("other", { lists: { tools: [tool("x")] } })],
    profiles: [readonly, profile("none", { servers: [] })],
    host: { title: "All", instructions: "Everything." },
  })
const viewOf = (host: Host, name = "readonly"): View => {
  const view = host.profile(name)
  if (view === undefined) throw new Error(`no profile ${name}`)
  return view
}
type Face = Pick<View, "handle">
const ask = async (face: Face, client: Client, method: string, params: JsonObject = {}): Promise<JsonObject> =>
  (await face.handle({ method, params }, createContext({ client }))).value
const failure = (work: Promise<unknown>): Promise<{ code: number; message: string; data: unknown }> =>
  work.then(
    (value) => {
      throw new Error(`it succeeded: ${JSON.stringify(value)}`)
    },
    ({ code, message, data }) => ({ code, message, data }),
  )
const names = async (face: Face, client: Client): Promise<unknown[]> =>
  ((await ask(face, client, "tools/list"))["tools"] as JsonObject[]).map(({ name }) => name)

describe("a profile", () => {
  it("lists what it shows, under the same names, and calls it", async () => {
    const view = viewOf(await start())
    const client = createClient()
    expect(await names(view, client)).toContain("notes_look")
    expect(await names(view, client)).not.toContain("notes_change")
    expect(await ask(view, client, "prompts/list")).toEqual({ prompts: [] })
    const { resources } = await ask(view, client, "resources/list")
    expect(resources).toEqual([{ uri: "note://notes/a", name: "a" }])
    expect(await ask(view, client, "tools/call", { name: "notes_look" })).toMatchObject({ content: expect.anything() })
  })

  it("says of itself what the manifest says of it, and nothing of servers it does not show", async () => {
    const host = await startHost({
      servers: [local("main"), rawServer("other", { bare: true, lists: {} })],
      profiles: [profile("p", { servers: ["other"] }, { title: "P", instructions: "Mine." }), profile("q", {})],
      host: { title: "All", instructions: "Everything." },
    })
    const client = createClient()
    expect(viewOf(host, "p").serverInfo).toMatchObject({ name: "test-host", title: "P" })
    expect(viewOf(host, "p").describe(client)).toEqual({ capabilities: expect.anything(), instructions: "Mine." })
    expect(viewOf(host, "q").serverInfo).toMatchObject({ title: "All" })
    expect(viewOf(host, "q").describe(client)).toEqual(host.main.describe(client))
  })

  it("hides a server's instructions and capabilities when its filters leave nothing of it", async () => {
    const host = await startHost({
      servers: [local("main")],
      profiles: [
        profile("p", {
          tools: { exclude: ["*"] },
          prompts: { exclude: ["*"] },
          resources: { exclude: ["*"] },
        }),
      ],
    })
    const client = createClient()
    expect(host.main.describe(client).instructions).toBeDefined()
    expect(viewOf(host, "p").describe(client)).toEqual({ capabilities: {}, instructions: undefined })
  })

  it("answers for what it hides exactly as for what does not exist", async () => {
    const host = await start()
    const view = viewOf(host)
    const client = createClient()
    const compare = async (method: string, hidden: JsonObject, missing: JsonObject): Promise<void> => {
      const text = (params: JsonObject, error: unknown) =>
        JSON.stringify(error).replaceAll(String(Object.values(params["ref"] ?? params).at(-1)), "X")
      const [one, other] = [
        await failure(ask(view, client, method, hidden)),
        await failure(ask(view, client, method, missing)),
      ]
      expect([method, text(hidden, one)]).toEqual([method, text(missing, other)])
      expect(host.handle({ method, params: hidden }, createContext({ client }))).toBeDefined()
    }
    for (const name of ["notes_change", "other_x", "change", "x"])
      await compare("tools/call", { name }, { name: "notes_nothing" })
    await compare("prompts/get", { name: "notes_sum" }, { name: "notes_nothing" })
    for (const method of ["resources/read", "resources/subscribe", "resources/unsubscribe"]) {
      for (const uri of ["note://notes/secret", "note://secret", "note://notes/x/../secret"])
        await compare(method, { uri }, { uri: "other://nothing" })
    }
    await compare(
      "completion/complete",
      { argument: { name: "a", value: "" }, ref: { type: "ref/prompt", name: "notes_sum" } },
      { argument: { name: "a", value: "" }, ref: { type: "ref/prompt", name: "notes_none" } },
    )
    await compare(
      "completion/complete",
      { argument: { name: "a", value: "" }, ref: { type: "ref/resource", uri: "note://notes/secret" } },
      { argument: { name: "a", value: "" }, ref: { type: "ref/resource", uri: "other://nothing" } },
    )
  })

  it("knows none of the tasks that its client made elsewhere", async () => {
    const host = await startHost({
      servers: [
        rawServer("t", {
          lists: { tools: [tool("run")] },
          capabilities: { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
        }),
      ],
      profiles: [profile("p", {})],
    })
    const client = createClient({ capabilities: { tasks: {} } })
    const task = { taskId: "1", status: "working", createdAt: "now", lastUpdatedAt: "now", ttl: 60_000 }
    const made = await ask(host, client, "tools/call", {
      name: "t_do_result",
      task: {},
      arguments: { result: { task } },
    })
    expect(made).toMatchObject({ task: { taskId: "t.1" } })
    const [hidden, missing] = await Promise.all([
      failure(ask(viewOf(host, "p"), client, "tasks/get", { taskId: "t.1" })),
      failure(ask(viewOf(host, "p"), client, "tasks/get", { taskId: "t.2" })),
    ])
    expect(hidden).toEqual(missing)
  })

  it("tells its clients of changes of what it shows, once, and the others nothing", async () => {
    const host = await start()
    const view = viewOf(host)
    const [whole, narrow, empty] = [createClient({ key: "w" }), createClient({ key: "n" }), createClient({ key: "e" })]
    host.connect(whole)
    view.connect(narrow)
    viewOf(host, "none").connect(empty)
    for (const [face, client] of [
      [host, whole],
      [view, narrow],
      [viewOf(host, "none"), empty],
    ] as const)
      await ask(face, client, "tools/list")
    const set = (items: JsonObject[]) =>
      ask(host, whole, "tools/call", {
        name: "notes_do_set",
        arguments: { member: "tools", items, method: "notifications/tools/list_changed" },
      })
    const changed = ({ seen }: ReturnType<typeof createClient>) =>
      seen.filter(({ method }) => method === "notifications/tools/list_changed").length
    await set([tool("look", ["public"]), tool("change", ["write"]), tool("burn", ["write"])])
    await vi.waitFor(() => expect(changed(whole)).toBe(1), soon)
    expect([changed(narrow), changed(empty)]).toEqual([0, 0])
    await delay(600)
    await set([tool("look", ["public"]), tool("see"), tool("burn", ["write"])])
    await vi.waitFor(() => expect([changed(whole), changed(narrow)]).toEqual([2, 1]), soon)
    expect(await names(view, narrow)).toContain("notes_see")
    await delay(300)
    expect([changed(whole), changed(narrow), changed(empty)]).toEqual([2, 1, 0])
  })

  it("makes no second session for a client that is there already", async () => {
    const host = await startHost({
      servers: [local("main", "v2-mcp", { localMode: "proxy" })],
      profiles: [profile("p", {})],
    })
    const { url } = await serve(host)
    // Both are of the one anonymous principal: a tool added on its session is there in every view of it.
    const callOn = async (at: string, name: string, args: JsonObject = {}) => {
      const { headers, body } = modern("tools/call", { name, arguments: args })
      return (await send(at, { headers, body })).json
    }
    expect(await callOn(url, "main_addTool", { name: "extra" })).not.toHaveProperty("error")
    await vi.waitFor(async () => expect(await callOn(`${url}/p`, "main_extra")).toHaveProperty("result"), soon)
  })
})

describe("over HTTP", () => {
  it("a profile is an endpoint below the host's, for both generations", async () => {
    const { url } = await serve(await start())
    const session = await openSession(`${url}/readonly`)
    expect(session.result).toMatchObject({
      serverInfo: { title: "Only reading" },
      instructions: expect.stringMatching(/^Nothing here changes anything\./),
    })
    const { headers, body } = modern("tools/call", { name: "notes_change" })
    const answer = await send(`${url}/readonly`, { headers, body })
    expect(answer.json["error"]).toMatchObject({ code: -32602 })
    // A session belongs to the endpoint it was opened at.
    const elsewhere = await send(url, { headers: session.headers, body: initialize({}, 2) })
    expect((elsewhere.json["result"] as JsonObject)["serverInfo"]).toMatchObject({ title: "All" })
    const stolen = await send(url, { headers: session.headers, body: { jsonrpc: "2.0", id: 3, method: "tools/list" } })
    expect(stolen.status).toBe(404)
  })

  it.each(["/nobody", "/readonly/", "/readonly/x", "/READONLY", "/__proto__"])("%s is not found", async (path) => {
    const { url } = await serve(await start())
    for (const method of ["POST", "GET", "DELETE", "PUT"]) {
      const answer = await send(url + path, { method, ...(method === "POST" && { body: initialize() }) })
      expect([method, answer.status]).toEqual([method, 404])
    }
  })
})
