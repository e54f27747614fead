/** HTTP servers that forget their sessions: clients notice nothing but time. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll, closers } from "../fixtures/harness.ts"
import { startHttpFixture } from "../fixtures/servers/http.mjs"
import { createClient, createContext } from "../wire/support.ts"
import { allCapabilities, type Fault, type FaultyOptions, json, openFaulty, unknownSession } from "./faultyServer.ts"
import { create, entryOf, httpTarget, ready, soon } from "./support.ts"

afterEach(closeAll)

const call = ["tools/call", { name: "echo", arguments: {} }] as const
const hi = { value: { content: [{ text: "hi" }] } }
const after404 = (options: FaultyOptions = {}) => openFaulty({ unknownSession, ...options })

describe("a server that forgot its session", () => {
  it("executes the request that met it exactly once, in a new one", async () => {
    const { server, upstream, send, events: told } = await after404()
    await send(...call)
    const before = server.sessions.size
    const told0 = told.length
    server.sessions.clear()
    expect(await send(...call)).toMatchObject(hi)
    const calls = server.received.filter(({ method }) => method === "tools/call")
    expect(calls.map(({ session }) => session)).toEqual(["session-1", "session-1", "session-2"])
    expect(server.executed("tools/call")).toBe(2)
    expect(server.sessions.size).toBe(before)
    expect(upstream.state.state).toBe("ready")
    expect(told.slice(told0).filter(({ type }) => type === "state")).toEqual([])
    // Every request of a session has an id of its own.
    const ids = calls.slice(1).map(({ message }) => message["id"])
    expect(new Set(ids).size).toBe(2)
  })

  it("shakes hands once for all requests that meet it, and none overtakes the handshake", async () => {
    const { server, send } = await after404()
    server.sessions.clear()
    server.spoil("notifications/initialized", (response) => void setTimeout(() => response.writeHead(202).end(), 100))
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(...call)))
    for (const answer of answers) expect(answer).toMatchObject(hi)
    expect(server.count("initialize")).toBe(2)
    expect(server.executed("tools/call")).toBe(20)
    const order = server.received.filter(({ session }) => session === "session-2").map(({ method }) => method)
    expect(order[0]).toBe("notifications/initialized")
  })

  it("is told the log level and the subscriptions again before the request", async () => {
    const { server, send } = await after404()
    await send("logging/setLevel", { level: "warning" })
    await send("logging/setLevel", { level: "error" })
    for (const uri of ["test://a", "test://b", "test://c"]) await send("resources/subscribe", { uri })
    await send("resources/unsubscribe", { uri: "test://b" })
    server.sessions.clear()
    await send(...call)
    const renewed = server.sessions.get("session-2")
    expect(renewed).toEqual({ level: "error", subscribed: new Set(["test://a", "test://c"]) })
    const methods = server.received.filter(({ session }) => session === "session-2").map(({ method }) => method)
    expect(methods.indexOf("tools/call")).toBeGreaterThan(methods.lastIndexOf("resources/subscribe"))
    expect(methods.indexOf("tools/call")).toBeGreaterThan(methods.indexOf("logging/setLevel"))
  })

  it("that refuses a subscription by now is used all the same, and the log says so", async () => {
    const { server, send, log } = await after404()
    await send("resources/subscribe", { uri: "test://a" })
    server.sessions.clear()
    server.spoil("resources/subscribe", (response, { message }) =>
      json(response, { id: message["id"] ?? null, error: { code: -32602, message: "No such resource" } }),
    )
    expect(await send(...call)).toMatchObject(hi)
    expect(log).toContainEqual(
      expect.objectContaining({ level: "warn", facts: { reason: expect.stringContaining("No such resource") } }),
    )
  })

  it("is listened to again, and its lists are taken again", async () => {
    const { server, send, upstream, client } = await after404()
    server.sessions.clear()
    server.tools.push({ name: "new", inputSchema: { type: "object" } })
    await send(...call)
    const streams = () => server.received.filter(({ http, session }) => http === "GET" && session === "session-2")
    await vi.waitFor(() => expect(streams()).toHaveLength(1), soon)
    await vi.waitFor(() => expect(upstream.listing(client)?.tool.map(({ name }) => name)).toContain("new"), soon)
  })

  it("is found out by its stream, too", async () => {
    const { server, send } = await after404()
    server.forget()
    await vi.waitFor(() => expect(server.sessions.has("session-2")).toBe(true), soon)
    expect(await send(...call)).toMatchObject(hi)
    expect(server.received.filter(({ method, session }) => method === "tools/call" && session !== "session-2")).toEqual(
      [],
    )
  })

  it.each<[string, Fault]>([
    [
      "an error without an id",
      (response) =>
        json(
          response,
          { id: null, error: { code: -32000, message: "Bad Request: No valid session ID provided" } },
          400,
        ),
    ],
    [
      "an error of a server that starts",
      (response) =>
        json(response, { id: null, error: { code: -32000, message: "Bad Request: Server not initialized" } }, 400),
    ],
    ["a text", (response) => void response.writeHead(400).end("Bad Request: No valid session ID provided")],
  ])("and answers 400 instead of 404 gets a new one (%s)", async (_what, unknown) => {
    const { server, send } = await openFaulty({ unknownSession: unknown })
    server.sessions.clear()
    expect(await send(...call)).toMatchObject(hi)
    expect(server.count("initialize")).toBe(2)
  })

  it("and forgets every new one is not asked for ever", async () => {
    const { server, send } = await after404()
    server.forgetful = true
    server.sessions.clear()
    const [began, beganAt] = [server.received.length, performance.now()]
    await expect(send(...call)).rejects.toMatchObject({ code: -31001, data: { sent: "no", retryable: true } })
    expect(server.received.slice(began).filter(({ method }) => method === "tools/call").length).toBeLessThanOrEqual(2)
    expect(server.executed("tools/call")).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const handshakes = server.count("initialize")
    expect(handshakes).toBeLessThan(40 * Math.ceil((performance.now() - beganAt) / 2_000))
    server.forgetful = false
    await vi.waitFor(async () => expect(await send(...call)).toMatchObject(hi), soon)
  })

  it("and cannot open another answers -31001, not sent, and is connected to again", async () => {
    const { server, send, upstream } = await after404()
    server.sessions.clear()
    server.spoil("initialize", (response) => void response.writeHead(500).end())
    await expect(send(...call)).rejects.toMatchObject({
      code: -31001,
      data: { server: "server", sent: "no", reason: expect.stringMatching(/no longer knows the session.*500/) },
    })
    await ready(upstream)
    expect(await send(...call)).toMatchObject(hi)
  })

  it("and refuses our credentials for another answers -31005", async () => {
    const { server, send } = await after404()
    server.sessions.clear()
    server.spoil("initialize", (response) => void response.writeHead(401).end())
    await expect(send(...call)).rejects.toMatchObject({ code: -31005, data: { sent: "no" } })
  })

  it("and comes back with other capabilities is opened anew", async () => {
    const { server, send, upstream, client } = await after404()
    server.capabilities = { ...allCapabilities, prompts: undefined as never }
    server.sessions.clear()
    await expect(send(...call)).rejects.toMatchObject({ code: -31001, data: { sent: "no" } })
    await vi.waitFor(() => expect(upstream.info(client)?.capabilities).not.toHaveProperty("prompts"), soon)
    await vi.waitFor(async () => expect(await send(...call)).toMatchObject(hi), soon)
  })

  it("and takes long for another does not hold a request beyond its deadline", async () => {
    const { server, send } = await openFaulty({}, { callMs: 1_000 })
    server.sessions.clear()
    server.spoil("initialize", () => undefined)
    await expect(Promise.all([send(...call), send(...call)])).rejects.toMatchObject({
      code: -31002,
      data: { sent: "no", reason: expect.stringContaining("no session again") },
    })
  })

  it("lets what it executes for the old one end", async () => {
    const { server, send } = await after404()
    let answer = (): void => undefined
    server.spoil("tools/call", (response, { message }) => {
      answer = () => json(response, { id: message["id"] ?? null, result: { slow: true } })
    })
    const slow = send(...call)
    await vi.waitFor(() => expect(server.count("tools/call")).toBe(1), soon)
    server.sessions.clear()
    expect(await send(...call)).toMatchObject(hi)
    answer()
    expect(await slow).toEqual({ value: { slow: true } })
  })

  it("does not get a retry for a method it does not know", async () => {
    const { server, send } = await after404()
    server.spoil("prompts/get", (response, { message }) =>
      json(response, { id: message["id"] ?? null, error: { code: -32601, message: "Method not found" } }, 404),
    )
    await expect(send("prompts/get", { name: "greet" })).rejects.toMatchObject({ code: -32601 })
    expect(server.count("initialize")).toBe(1)
  })

  it("runs a tool that is a task only in the new one, and does not say it did not when it has forgotten the task", async () => {
    const tasks = { requests: { tools: { call: {} } } }
    const { server, send } = await openFaulty({ capabilities: { ...allCapabilities, tasks } }, {}, (fresh) => {
      fresh.tools[0] = { ...fresh.tools[0], execution: { taskSupport: "required" } }
    })
    const created: Fault = (response, { message }) => {
      json(response, {
        id: message["id"] ?? null,
        result: { task: { taskId: "1", status: "working", pollInterval: 10 } },
      })
    }
    const ended: Fault = (response, { message }) =>
      json(response, { id: message["id"] ?? null, result: { taskId: "1", status: "completed" } })
    server.sessions.clear()
    server.spoil("tools/call", unknownSession)
    server.spoil("tools/call", created)
    server.spoil("tasks/get", ended)
    await send(...call)
    expect(server.count("tasks/result")).toBe(1)
    server.spoil("tools/call", created)
    server.spoil("tasks/get", unknownSession, 2)
    await expect(send(...call)).rejects.toMatchObject({ code: -31001, data: { sent: "maybe" } })
  })

  it("is not suspected when it merely has no stream", async () => {
    const { server, send } = await openFaulty({}, {}, (fresh) =>
      fresh.spoil("GET", (response) => void response.writeHead(404).end()),
    )
    expect(await send(...call)).toMatchObject(hi)
    await vi.waitFor(() => expect(server.count("ping")).toBe(1), soon)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(server.count("initialize")).toBe(1)
  })
})

it("a server of the SDK that forgets again and again loses no call", async () => {
  const server = await startHttpFixture("v1")
  closers.push(() => server.close())
  const client = createClient()
  const { upstream } = create(entryOf(httpTarget(server.url)))
  await ready(upstream, client)
  const echo = { method: "tools/call", params: { name: "echo", arguments: { text: "hi" } } }
  const send = () => upstream.handle(echo, createContext({ client }))
  for (let time = 0; time < 4; time += 1) {
    server.forgetSessions()
    for (const answer of await Promise.all([send(), send(), send()])) expect(answer).toMatchObject(hi)
  }
  expect(server.counts().rpc["initialize"]).toBe(5)
})
