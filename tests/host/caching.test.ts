/** Caching hints: what the host says of its lists and passes on of reads. */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { createHost, modern, openSession, rawServer, request, send, serve, startHost } from "../endpoints/support.ts"
import { closeAll, temporaryFile } from "../fixtures/harness.ts"
import { entryOf, soon, stdioTarget } from "../upstreams/support.ts"
import { createContext } from "../wire/support.ts"
import { entryFor, legacyClient, modernClient, modernServer, tool } from "./crossingSupport.ts"

afterEach(closeAll)

const hints = ({ ttlMs, cacheScope }: JsonObject): JsonObject => ({ ttlMs, cacheScope }) as JsonObject
const server = (ttlMs: number, cacheScope: string, capabilities: JsonObject = { tools: {} }) =>
  modernServer({ capabilities, lists: { "tools/list": { tools: [tool("t")], ttlMs, cacheScope } } })

async function listed(host: Host, method = "tools/list"): Promise<JsonObject> {
  const { url } = await serve(host)
  return hints((await send(url, modern(method))).json["result"] as JsonObject)
}

describe("a list", () => {
  it("is good for as long as the most cautious server says, for whom all of them say", async () => {
    const [a, b] = [await server(60_000, "public"), await server(5_000, "public")]
    const both = [entryFor(a, { key: "a" }), entryFor(b, { key: "b" })]
    expect(await listed(await startHost({ servers: both }))).toEqual({ ttlMs: 5_000, cacheScope: "public" })
    const c = await server(90_000, "private")
    expect(await listed(await startHost({ servers: [...both, entryFor(c, { key: "c" })] }))).toEqual({
      ttlMs: 5_000,
      cacheScope: "private",
    })
  })

  it("is stale at once when a legacy server is part of it, and only then", async () => {
    const a = await server(60_000, "public", { tools: {}, prompts: {} })
    const host = await startHost({ servers: [entryFor(a, { key: "a" }), rawServer("raw")] })
    const { url } = await serve(host)
    const of = async (method: string) => hints((await send(url, modern(method))).json["result"] as JsonObject)
    expect(await of("tools/list")).toEqual({ ttlMs: 0, cacheScope: "private" })
    // The legacy server has no prompts; the other says nothing of its own.
    expect(await of("prompts/list")).toEqual({ ttlMs: 0, cacheScope: "private" })
    const alone = await startHost({
      servers: [entryFor(a, { key: "a" }), rawServer("raw", { capabilities: { resources: {} } })],
    })
    expect(await listed(alone)).toEqual({ ttlMs: 60_000, cacheScope: "public" })
  })

  it.each(["stale", "skip"] as const)("is stale at once while a server is down (%s)", async (onDown) => {
    const a = await server(60_000, "public")
    const target = stdioTarget("modern-stdio.mjs", { args: [await temporaryFile()], era: "modern" })
    const host = await startHost({ servers: [entryFor(a, { key: "a" }), entryOf(target, { key: "b", onDown })] })
    const { url } = await serve(host)
    const list = async () => (await send(url, modern("tools/list"))).json["result"] as JsonObject
    expect(await list()).toMatchObject({ ttlMs: 60_000, cacheScope: "public", tools: [{}, { name: "b_exit" }] })
    await send(url, modern("tools/call", { name: "b_exit" }))
    await vi.waitFor(() => expect(host.servers()[1]?.state).toBe("backoff"), soon)
    const after = await list()
    expect(hints(after)).toEqual({ ttlMs: 0, cacheScope: "private" })
    expect(after["tools"]).toHaveLength(onDown === "stale" ? 2 : 1)
  })

  it("is stale at once while a server was never listed", async () => {
    const a = await server(60_000, "public")
    const host = createHost({
      servers: [
        entryFor(a, { key: "a" }),
        rawServer(
          "never",
          { never: true },
          { timeouts: { startMs: 60_000, listMs: 200, callMs: 1_000, totalMs: 1_000 } },
        ),
      ],
    })
    host.start()
    await vi.waitFor(() => expect(host.servers()[0]?.state).toBe("ready"), soon)
    expect(await listed(host)).toEqual({ ttlMs: 0, cacheScope: "private" })
  })

  it("is stale at once when there is nothing in it", async () => {
    expect(await listed(await startHost({ servers: [] }))).toEqual({ ttlMs: 0, cacheScope: "private" })
  })

  it("carries no hints for legacy clients", async () => {
    const a = await server(60_000, "public")
    const { url } = await serve(await startHost({ servers: [entryFor(a)] }))
    const result = (await (await openSession(url)).send(request(1, "tools/list"))).json["result"]
    expect(Object.keys(result as JsonObject)).toEqual(["tools"])
  })
})

it("what a server says of a resource passes to modern clients as it is, and to legacy ones not at all", async () => {
  const contents = [{ uri: "test://a", text: "x" }]
  const a = await modernServer({
    capabilities: { resources: {} },
    lists: { "resources/list": { resources: [{ uri: "test://a", name: "a" }] } },
    handle: () => ({ contents, ttlMs: 1_234, cacheScope: "public", "x-kept": 1 }),
  })
  const { url } = await serve(await startHost({ servers: [entryFor(a)] }))
  const shown = [{ uri: "test://m/a", text: "x" }]
  const read = (await send(url, modern("resources/read", { uri: "test://m/a" }))).json["result"]
  expect(read).toMatchObject({ contents: shown, ttlMs: 1_234, cacheScope: "public", "x-kept": 1 })
  const session = await openSession(url)
  const legacy = (await session.send(request(1, "resources/read", { uri: "test://m/a" }))).json["result"]
  expect(legacy).toEqual({ contents: shown, "x-kept": 1 })
})

describe("a server that announces no changes", () => {
  const changing = async (capabilities: JsonObject) => {
    const state = { tools: [tool("one")] }
    const running = await modernServer({
      capabilities,
      lists: { "tools/list": () => ({ tools: state.tools, ttlMs: 1, cacheScope: "public" }) },
    })
    return { state, running }
  }
  const names = async (host: Host, client: Client) => {
    const { value } = await host.handle({ method: "tools/list", params: {} }, createContext({ client }))
    return (value["tools"] as JsonObject[]).map(({ name }) => name)
  }

  it("is listed again when its time is over, at most once a second, and clients hear of changes", async () => {
    const { state, running } = await changing({ tools: {} })
    const host = await startHost({ servers: [entryFor(running)] })
    const client = legacyClient({ capabilities: {} })
    host.connect(client)
    expect(await names(host, client)).toEqual(["m_one"])
    const began = performance.now()
    state.tools = [tool("two")]
    await vi.waitFor(async () => expect(await names(host, client)).toEqual(["m_two"]), soon)
    await vi.waitFor(
      () => expect(client.seen.map(({ method }) => method)).toContain("notifications/tools/list_changed"),
      soon,
    )
    await vi.waitFor(() => expect(running.of("tools/list").length).toBeGreaterThan(2), soon)
    expect(running.of("tools/list").length).toBeLessThanOrEqual(2 + (performance.now() - began) / 1_000)
  })

  it.each<[string, JsonObject, "import" | "mount"]>([
    ["is not, when it is imported", { tools: {} }, "import"],
    ["that does announce them is not either", { tools: { listChanged: true } }, "mount"],
  ])("%s", async (_what, capabilities, mode) => {
    const { state, running } = await changing(capabilities)
    const host = await startHost({ servers: [entryFor(running, { mode })] })
    const client = modernClient()
    expect(await names(host, client)).toEqual(["m_one"])
    state.tools = [tool("two")]
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await names(host, client)).toEqual(["m_one"])
  })
})
