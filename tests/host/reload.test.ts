/** Another manifest while the host serves: what did not change goes on, what cannot serve never does. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import type { Manifest, ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { local, manifestOf, rawServer, startHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"
import { nested, withRules } from "./support.ts"

afterEach(closeAll)

const tool = (name: string): JsonObject => ({ name, inputSchema: { type: "object" } })
const raw = (key: string, names: string[] = ["t"], more: Partial<ServerEntry> = {}): ServerEntry =>
  rawServer(key, { lists: { tools: names.map(tool) } }, more)
const ask = async (host: Host, client: Client, method: string, params: JsonObject = {}): Promise<JsonObject> =>
  (await host.handle({ method, params }, createContext({ client }))).value
const call = (host: Host, client: Client, name: string, args: JsonObject = {}): Promise<JsonObject> =>
  ask(host, client, "tools/call", { name, arguments: args })
const names = async (host: Host, client: Client): Promise<string[]> =>
  ((await ask(host, client, "tools/list"))["tools"] as JsonObject[])
    .map(({ name }) => String(name))
    .filter((name) => !name.includes("_do_"))
const changes = (client: ReturnType<typeof createClient>): string[] =>
  client.seen.map(({ method }) => method).filter((method) => method.endsWith("list_changed"))
const upstreamOf = (host: Host, path: string) => host.graph.find(path)?.upstream
const next = (...servers: ServerEntry[]): Manifest => manifestOf({ servers })

describe("a reload", () => {
  it("keeps servers that are reached as before, whatever else changes of them", async () => {
    const host = await startHost({ servers: [raw("a"), raw("b")] })
    const client = createClient()
    host.connect(client)
    expect(await names(host, client)).toEqual(["a_t", "b_t"])
    const kept = upstreamOf(host, "a")
    const result = await host.reload(next(withRules(raw("a"), { prefix: "z" }), raw("b"), raw("c")))
    expect(result).toEqual({ started: ["c"], ended: [] })
    expect(upstreamOf(host, "a")).toBe(kept)
    expect(await names(host, client)).toEqual(["z_t", "b_t", "c_t"])
    await vi.waitFor(() => expect(changes(client)).toEqual(["notifications/tools/list_changed"]), soon)
  })

  it("tells nobody when nothing is another for them", async () => {
    const host = await startHost({ servers: [raw("a")] })
    const client = createClient()
    host.connect(client)
    await names(host, client)
    // Replaced, but it shows the same.
    const result = await host.reload(next(raw("a", ["t"], { idleTimeoutMs: 1_000 })))
    expect(result).toEqual({ started: ["a"], ended: ["a"] })
    await delay(300)
    expect(changes(client)).toEqual([])
  })

  it("lets calls on what it replaces end there", async () => {
    const host = await startHost({ servers: [local("main")] })
    const client = createClient()
    host.connect(client)
    const old = upstreamOf(host, "main")
    const slow = call(host, client, "main_slow", { ms: 4_000, steps: 1 })
    await delay(50)
    await host.reload(next(local("main", "v2-mcp", { idleTimeoutMs: 1_000 })))
    expect(upstreamOf(host, "main")).not.toBe(old)
    expect(await call(host, client, "main_echo", { text: "new" })).toMatchObject({ content: [{ text: "new" }] })
    expect(old?.state.state).toBe("ready")
    expect(await slow).toMatchObject({ content: [{ text: "slept 4000" }] })
    await vi.waitFor(() => expect(old?.state.state).toBe("stopped"), soon)
  })

  it("takes subscriptions to the server that replaces another", async () => {
    const host = await startHost({ servers: [local("main")] })
    const client = createClient()
    host.connect(client)
    await ask(host, client, "resources/subscribe", { uri: "test://main/a" })
    await host.reload(next(local("main", "v2-mcp", { idleTimeoutMs: 1_000 })))
    await call(host, client, "main_touch", { uri: "test://a" })
    await vi.waitFor(
      () =>
        expect(client.seen).toContainEqual({
          method: "notifications/resources/updated",
          params: { uri: "test://main/a" },
        }),
      soon,
    )
  })

  it("removes servers and profiles, and adds them", async () => {
    const host = await startHost({ servers: [raw("a"), raw("b")] })
    const client = createClient()
    host.connect(client)
    const gone = upstreamOf(host, "b")
    await host.reload(next(raw("a")))
    expect(await names(host, client)).toEqual(["a_t"])
    await expect(call(host, client, "b_t")).rejects.toMatchObject({ code: -32602 })
    await vi.waitFor(() => expect(gone?.state.state).toBe("stopped"), soon)
    const placeOf = () => ({ file: "mcp-host.yaml", line: 1, column: 1 })
    const rules = { servers: ["a"], tags: {}, tools: { exclude: ["*"] }, prompts: {}, resources: {} }
    await host.reload(manifestOf({ servers: [raw("a")], profiles: [{ name: "p", placeOf, rules }] }))
    const view = host.profile("p")
    expect(view?.catalog().list("tool")).toEqual([])
    await host.reload(next(raw("a")))
    expect(host.profile("p")).toBeUndefined()
  })

  it("goes down into manifests: only the server that changed is another", async () => {
    const host = await startHost({ servers: [nested("team", [raw("x"), raw("y")])] })
    const client = createClient()
    host.connect(client)
    expect(await names(host, client)).toEqual(["team_x_t", "team_y_t"])
    const kept = upstreamOf(host, "team/x")
    const result = await host.reload(next(nested("team", [raw("x"), raw("y", ["t", "u"])])))
    expect(result).toEqual({ started: ["team/y"], ended: ["team/y"] })
    expect(upstreamOf(host, "team/x")).toBe(kept)
    expect(await names(host, client)).toEqual(["team_x_t", "team_y_t", "team_y_u"])
    await vi.waitFor(() => expect(changes(client)).toEqual(["notifications/tools/list_changed"]), soon)
    // What happens afterwards is still heard, once.
    await call(host, client, "team_x_do_set", {
      ...{ member: "tools", items: [tool("n")], method: "notifications/tools/list_changed" },
    })
    await vi.waitFor(() => expect(changes(client)).toHaveLength(2), soon)
    await delay(300)
    expect(changes(client)).toHaveLength(2)
  })
})

describe("is refused, and nothing has changed", () => {
  const missing = (key: string, more: Partial<ServerEntry> = {}): ServerEntry => ({
    ...raw(key, [], more),
    target: {
      kind: "stdio",
      command: "/nonexistent/program",
      args: [],
      env: {},
      cwd: "/",
      inheritEnv: [],
      era: "auto",
    },
  })

  it.each<[string, ServerEntry[], string]>([
    ["when names would collide", [raw("a"), withRules(raw("b"), { prefix: "a" })], "NAME_COLLISION"],
    ["when a server it needs does not start", [raw("a"), missing("n", { required: true })], "SERVER_REQUIRED"],
    ["when a server that works would not", [missing("a")], "SERVER_UNAVAILABLE"],
    [
      "when that happens inside a manifest",
      [raw("a"), nested("m", [missing("n", { required: true })]), missing("a")],
      "SERVER_UNAVAILABLE",
    ],
  ])("%s", async (_name, servers, code) => {
    const host = await startHost({ servers: [raw("a"), raw("b")] })
    const client = createClient()
    host.connect(client)
    const before = await names(host, client)
    const kept = [upstreamOf(host, "a"), upstreamOf(host, "b")]
    await expect(host.reload(next(...servers))).rejects.toMatchObject({ code })
    expect([upstreamOf(host, "a"), upstreamOf(host, "b")]).toEqual(kept)
    expect(await names(host, client)).toEqual(before)
    expect(await call(host, client, "a_do_result", { result: { content: [] } })).toEqual({ content: [] })
    await delay(200)
    expect(changes(client)).toEqual([])
  })

  it("but a new server that is down is taken, as at the start", async () => {
    const host = await startHost({ servers: [raw("a")] })
    await host.reload(next(raw("a"), missing("n")))
    expect(host.servers().map(({ entry, state }) => [entry.key, state])).toEqual([
      ["a", "ready"],
      ["n", "backoff"],
    ])
  })
})
