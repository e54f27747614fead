/** Legacy clients in front of a modern server, byte by byte on both sides. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject, JsonValue } from "../../../src/protocol/json.ts"
import { closeAll } from "../../fixtures/harness.ts"
import type { ModernMessage } from "../../fixtures/servers/modern.mjs"
import { entryFor, modernServer, tool } from "../../host/crossingSupport.ts"
import { type EntryOptions, soon } from "../../upstreams/support.ts"
import { modern, openSession, rawServer, request, send, startRig, toolCall } from "../support.ts"

afterEach(closeAll)

const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} }
const logLevel = "io.modelcontextprotocol/logLevel"
const elicit = (message: string): JsonObject => ({ method: "elicitation/create", params: { message } })
const metaOf = ({ params }: ModernMessage): JsonObject => params["_meta"] as JsonObject

/** A server whose one tool answers these results in turn, and the last again and again. */
async function start(results: readonly JsonObject[], options: EntryOptions = {}) {
  let calls = 0
  const server = await modernServer({
    capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
    lists: {
      "tools/list": { tools: [tool("ask")] },
      "resources/list": { resources: [{ uri: "test://a", name: "a" }] },
    },
    handle: ({ method, params }) => {
      if (method !== "tools/call") return { contents: [{ uri: params["uri"] as JsonValue, text: "x" }] }
      calls += 1
      return results[Math.min(calls, results.length) - 1] ?? {}
    },
  })
  const { url, host } = await startRig({ servers: [entryFor(server, options)] })
  return { server, url, host, session: await openSession(url, { capabilities }) }
}
const needs = (inputRequests: JsonObject, more: JsonObject = {}): JsonObject => ({
  resultType: "input_required",
  inputRequests,
  ...more,
})
const done: JsonObject = { content: [{ type: "text", text: "done" }] }

describe("a round of questions", () => {
  it("is put to the client at once, on the call's stream; its answers go out under their keys", async () => {
    const state = ' {"not": "ours"}\u0000é'
    const { server, session } = await start([
      needs({ b: elicit("B"), a: elicit("A"), r: { method: "roots/list" } }, { requestState: state }),
      needs({ c: elicit("C") }, { requestState: "" }),
      needs({ d: elicit("D") }),
      done,
    ])
    const params = { name: "m_ask", arguments: { x: 1 }, _meta: { progressToken: "mine", "x-kept": 1 } }
    const call = await session.stream(request(7, "tools/call", params))
    const asked = async (message: string): Promise<JsonObject> =>
      call.find((each) => (each["params"] as JsonObject | undefined)?.["message"] === `raw modern: ${message}`)
    const answer = (question: JsonObject, result: JsonObject) =>
      session.send({ jsonrpc: "2.0", id: question["id"], result })
    const [a, b] = [await asked("A"), await asked("B")]
    const roots = await call.find(({ method }) => method === "roots/list")
    await answer(a, { action: "accept", content: { of: "A" }, "x-kept": 1 })
    await answer(roots, { roots: [{ uri: "file:///r" }] })
    expect(server.of("tools/call")).toHaveLength(1)
    await answer(b, { action: "decline" })
    for (const message of ["C", "D"]) await answer(await asked(message), { action: "cancel" })
    expect((await call.find(({ id }) => id === 7))["result"]).toEqual(done)

    const sent = server.of("tools/call")
    expect(sent.map(({ params: { inputResponses, requestState } }) => ({ inputResponses, requestState }))).toEqual([
      {},
      {
        inputResponses: {
          a: { action: "accept", content: { of: "A" }, "x-kept": 1 },
          b: { action: "decline" },
          r: { roots: [{ uri: "file:///r" }] },
        },
        requestState: state,
      },
      { inputResponses: { c: { action: "cancel" } }, requestState: "" },
      { inputResponses: { d: { action: "cancel" } } },
    ])
    expect(sent.map(({ params: { name, arguments: args } }) => ({ name, args }))).toEqual(
      Array.from({ length: 4 }, () => ({ name: "ask", args: { x: 1 } })),
    )
    for (const values of [sent.map(({ id }) => id), sent.map((each) => metaOf(each)["progressToken"])])
      expect(new Set(values).size).toBe(4)
    for (const each of sent) expect(metaOf(each)["x-kept"]).toBe(1)
    expect(sent.map((each) => metaOf(each)["progressToken"])).not.toContain("mine")
  })

  it("ends the call with the client's own error, and the other questions are taken back", async () => {
    const { server, session } = await start([needs({ a: elicit("A"), b: elicit("B") })])
    const call = await session.stream(toolCall(1, "m_ask"))
    const [first, second] = [await call.find(({ id }) => id === "host-1"), await call.find(({ id }) => id === "host-2")]
    const error = { code: -1, message: "User rejected", data: { "x-kept": 1 } }
    await session.send({ jsonrpc: "2.0", id: first["id"], error })
    expect(await call.find(({ id }) => id === 1)).toEqual({ jsonrpc: "2.0", id: 1, error })
    const withdrawn = call.messages.filter(({ method }) => method === "notifications/cancelled")
    expect(withdrawn.map(({ params }) => (params as JsonObject)["requestId"])).toEqual([second["id"]])
    expect(server.of("tools/call")).toHaveLength(1)
  })

  it("is taken back when the client cancels, and the server is not asked again", async () => {
    const { server, session } = await start([needs({ a: elicit("A"), b: elicit("B") })])
    const call = await session.stream(toolCall(1, "m_ask"))
    await call.find(({ id }) => id === "host-2")
    await session.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
    await call.end()
    const withdrawn = call.messages.filter(({ method }) => method === "notifications/cancelled")
    expect(withdrawn.map(({ params }) => (params as JsonObject)["requestId"])).toEqual(["host-1", "host-2"])
    expect(call.messages.some((message) => message["id"] === 1)).toBe(false)
    await session.send({ jsonrpc: "2.0", id: "host-1", result: { action: "accept" } })
    await delay(50)
    expect(server.of("tools/call")).toHaveLength(1)
  })

  it("comes eight times at most", async () => {
    const { server, session } = await start([needs({ r: { method: "roots/list" } })])
    const call = await session.stream(toolCall(1, "m_ask"))
    for (let round = 1; round <= 8; round += 1) {
      const { id } = await call.find((message) => message["id"] === `host-${round}`)
      await session.send({ jsonrpc: "2.0", id, result: { roots: [] } })
    }
    expect((await call.find(({ id }) => id === 1))["error"]).toMatchObject({
      code: -31004,
      message: "m: asked for input 8 times",
      data: { server: "m", sent: "maybe", retryable: false },
    })
    expect(server.of("tools/call")).toHaveLength(9)
  })
})

describe.each(["per-client", "shared"] as const)("what has another form in each generation, %s", (session) => {
  it("logging/setLevel is said with every request", async () => {
    const { server, session: client, host } = await start([done], { session })
    await client.send(toolCall(1, "m_ask"))
    await client.send(request(2, "logging/setLevel", { level: "warning" }))
    await client.send(toolCall(3, "m_ask"))
    await client.send(request(4, "resources/read", { uri: "test://m/a" }))
    await client.send(request(5, "logging/setLevel", { level: "debug" }))
    await client.send(toolCall(6, "m_ask"))
    const levels = [...server.of("tools/call"), ...server.of("resources/read")].map((each) => metaOf(each)[logLevel])
    expect(levels).toEqual([undefined, "warning", "debug", "warning"])
    expect(server.of("logging/setLevel")).toEqual([])
    expect(host.servers()[0]?.state).toBe("ready")
  })

  it("resources/subscribe is a subscription to listen to", async () => {
    const { server, session: client } = await start([done], { session })
    const ear = await client.stream()
    const uris = () => server.subscriptions().map(({ notifications }) => notifications["resourceSubscriptions"])
    expect(uris()).toEqual([])
    const answers = await Promise.all(
      [1, 2].map(async (id) => client.send(request(id, "resources/subscribe", { uri: "test://m/a" }))),
    )
    expect(answers.map(({ json }) => json["result"])).toEqual([{}, {}])
    expect(uris()).toEqual([["test://a"]])
    expect(server.of("subscriptions/listen")).toHaveLength(1)
    server.subscriptions()[0]?.tell("notifications/resources/updated", { uri: "test://a" })
    const updated = await ear.find(({ method }) => method === "notifications/resources/updated")
    expect(updated["params"]).toEqual({ uri: "test://m/a" })
    await client.send(request(3, "resources/unsubscribe", { uri: "test://m/a" }))
    await vi.waitFor(() => expect(uris()).toEqual([]), soon)
    expect(server.of("resources/subscribe")).toEqual([])
  })

  it("notifications/roots/list_changed is not said", async () => {
    const { server, session: client } = await start([done], { session })
    await client.send(toolCall(1, "m_ask"))
    await client.send({ jsonrpc: "2.0", method: "notifications/roots/list_changed" })
    await client.send(toolCall(2, "m_ask"))
    expect(server.requests.map(({ message }) => message.method)).not.toContain("notifications/roots/list_changed")
    expect(server.of("tools/call")).toHaveLength(2)
  })
})

it("many clients that subscribe to one resource on a shared session are one subscription", async () => {
  const { server, url } = await start([done], { session: "shared" })
  const sessions = await Promise.all(Array.from({ length: 10 }, () => openSession(url)))
  await Promise.all(sessions.map((each) => each.send(request(1, "resources/subscribe", { uri: "test://m/a" }))))
  expect(server.of("subscriptions/listen")).toHaveLength(1)
  const wanted = () => server.subscriptions().map(({ notifications }) => notifications)
  expect(wanted()).toEqual([{ resourceSubscriptions: ["test://a"] }])
  const unsubscribe = request(2, "resources/unsubscribe", { uri: "test://m/a" })
  await Promise.all(sessions.slice(1).map((each) => each.send(unsubscribe)))
  expect(wanted()).toHaveLength(1)
  await sessions[0]?.send(unsubscribe)
  await vi.waitFor(() => expect(wanted()).toEqual([]), soon)
})

describe("codes of a legacy server, for a modern client", () => {
  it.each([
    [-32002, -32602],
    [-32020, -32603],
    [-32021, -32603],
    [-32022, -32603],
    [-32050, -32603],
    [-32000, -32000],
    [-32602, -32602],
    [7, 7],
  ])("%i is %i, with status 200", async (code, expected) => {
    const { url } = await startRig({ servers: [rawServer("s")] })
    const error = { code, message: "No", data: { "x-kept": 1 } }
    const answer = await send(url, modern("tools/call", { name: "s_do_error", arguments: { error } }))
    expect(answer.status).toBe(200)
    expect(answer.json["error"]).toEqual({ ...error, code: expected })
    const session = await openSession(url)
    expect((await session.send(toolCall(1, "s_do_error", { error }))).json["error"]).toEqual(error)
  })
})
