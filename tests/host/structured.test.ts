/** Structured output of a modern server, as clients of both generations list and get it. */
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { modern, openSession, request as rpc, send, serve, startHost, toolCall } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { entryOf, packageTarget, soon } from "../upstreams/support.ts"
import { createContext } from "../wire/support.ts"
import { legacyClient, modernClient, startCrossing, tool } from "./crossingSupport.ts"

afterEach(closeAll)

const list = { type: "array", items: { $ref: "#/$defs/item" }, $defs: { item: { type: "string" } } }
const wrappedList = {
  type: "object",
  properties: {
    result: { type: "array", items: { $ref: "#/properties/result/$defs/item" }, $defs: { item: { type: "string" } } },
  },
  required: ["result"],
}
const object = { type: "object", properties: { a: { type: "number" } } }
const tools = [tool("list", { outputSchema: list }), tool("object", { outputSchema: object }), tool("none")]
/** Answers the structured content it is told to, after as much text as it is told to. */
const echo = ({ params }: { params: JsonObject }): JsonObject => {
  const { value, size = 0 } = params["arguments"] as { value: JsonValue; size?: number }
  return { content: [{ type: "text", text: "x".repeat(size) }], structuredContent: value }
}
const start = (session: "per-client" | "shared" = "per-client") =>
  startCrossing({ lists: { "tools/list": { tools } }, handle: echo }, { session })

describe.each(["per-client", "shared"] as const)("structured output, %s", (session) => {
  it("is listed as each generation knows it, of one look at the server", async () => {
    const { server, request } = await start(session)
    const schemas = async (client: Client) =>
      ((await request(client, "tools/list"))["tools"] as JsonObject[]).map(({ outputSchema }) => outputSchema)
    expect(await schemas(modernClient())).toEqual([list, object, undefined])
    expect(await schemas(legacyClient())).toEqual([wrappedList, object, undefined])
    expect(await schemas(modernClient())).toEqual([list, object, undefined])
    expect(server.of("tools/list").length).toBeLessThanOrEqual(session === "shared" ? 1 : 2)
  })

  it.each([0, 100_000])("is wrapped where it must be, with %i bytes beside it", async (size) => {
    const { request } = await start(session)
    const legacy = legacyClient()
    const structured = async (client: Client, name: string, value: JsonValue) =>
      (await request(client, "tools/call", { name: `m_${name}`, arguments: { value, size } }))["structuredContent"]
    for (const value of [["a"], 7, null, "text"]) {
      expect(await structured(modernClient(), "list", value)).toEqual(value)
      for (const name of ["list", "none"]) expect(await structured(legacy, name, value)).toEqual({ result: value })
    }
    expect(await structured(legacy, "list", { a: 1 })).toEqual({ result: { a: 1 } })
    for (const name of ["object", "none"]) expect(await structured(legacy, name, { a: 1 })).toEqual({ a: 1 })
  })
})

it("passes large results of objects as bytes to both", async () => {
  const { result } = await start()
  for (const client of [legacyClient(), modernClient()]) {
    for (const name of ["m_object", "m_none"]) {
      const { bytes } = await result(client, "tools/call", { name, arguments: { value: { a: 1 }, size: 100_000 } })
      expect(bytes).toBeDefined()
    }
  }
})

it("follows a schema that changes", async () => {
  let current: JsonObject[] = [tool("list", { outputSchema: list })]
  const { server, request } = await startCrossing({
    capabilities: { tools: { listChanged: true } },
    lists: { "tools/list": () => ({ tools: current }) },
    handle: echo,
  })
  const client = legacyClient()
  const call = async () =>
    (await request(client, "tools/call", { name: "m_list", arguments: { value: { a: 1 } } }))["structuredContent"]
  await request(client, "tools/list")
  expect(await call()).toEqual({ result: { a: 1 } })
  current = [tool("list", { outputSchema: object })]
  for (const { tell } of server.subscriptions()) tell("notifications/tools/list_changed")
  await vi.waitFor(async () => {
    const [shown] = (await request(client, "tools/list"))["tools"] as JsonObject[]
    expect(shown?.["outputSchema"]).toEqual(object)
  }, soon)
  expect(await call()).toEqual({ a: 1 })
})

it("reaches clients of the endpoint the same way", async () => {
  const { host } = await start()
  const { url } = await serve(host)
  const session = await openSession(url)
  const listed = (await session.send(rpc(1, "tools/list"))).json["result"] as JsonObject
  expect((listed["tools"] as JsonObject[])[0]?.["outputSchema"]).toEqual(wrappedList)
  for (const [id, size] of [
    [2, 0],
    [3, 100_000],
  ] as const) {
    const { json } = await session.send(toolCall(id, "m_list", { value: ["é\u2028"], size }))
    expect((json["result"] as JsonObject)["structuredContent"]).toEqual({ result: ["é\u2028"] })
    const call = modern("tools/call", { name: "m_list", arguments: { value: ["é\u2028"], size } })
    const direct = (await send(url, call)).json["result"] as JsonObject
    expect(direct["structuredContent"]).toEqual(["é\u2028"])
  }
})

it("is what the SDK's own servers show legacy clients", async () => {
  const shown = async (era: "legacy" | "modern") => {
    const target = packageTarget(path.resolve(import.meta.dirname, "packages/output.mjs"), { era })
    const host = await startHost({ servers: [entryOf(target, { key: "s" })] })
    const client = legacyClient()
    const ask = async (method: string, params: JsonObject = {}) =>
      (await host.handle({ method, params }, createContext({ client }))).value
    const { tools } = await ask("tools/list")
    const listed = (tools as JsonObject[]).map(({ name, outputSchema }) => [name, outputSchema])
    const results = await Promise.all(
      listed.map(async ([name]) => (await ask("tools/call", { name: name as string }))["structuredContent"]),
    )
    expect(host.servers()[0]?.era).toBe(era)
    return { listed, results }
  }
  const [crossed, direct] = [await shown("modern"), await shown("legacy")]
  expect(direct.listed).toHaveLength(5)
  expect(crossed).toEqual(direct)
})
