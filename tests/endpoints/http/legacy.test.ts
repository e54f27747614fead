/** `/mcp` for legacy clients, byte by byte. */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../../src/protocol/json.ts"
import { closeAll } from "../../fixtures/harness.ts"
import { soon } from "../../upstreams/support.ts"
import { initialize, local, openSession, rawServer, request, send, startRig, toolCall } from "../support.ts"

afterEach(closeAll)

const versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"]
const notification = (method: string, params: JsonObject = {}): JsonObject => ({ jsonrpc: "2.0", method, params })

describe("initialize", () => {
  it.each(versions)("agrees on %s", async (protocolVersion) => {
    const { url } = await startRig()
    const answer = await send(url, { body: initialize({ protocolVersion }, "i") })
    expect(answer.status).toBe(200)
    expect(answer.headers["content-type"]).toBe("application/json")
    expect(answer.json).toMatchObject({
      jsonrpc: "2.0",
      id: "i",
      result: {
        protocolVersion,
        serverInfo: { name: "test-host", version: "1.2.3" },
        capabilities: { tools: { listChanged: true } },
      },
    })
    // What the other generation adds is not for these clients.
    expect(answer.json["result"]).not.toHaveProperty("resultType")
    expect(answer.json["result"]).not.toHaveProperty("_meta")
  })

  it.each(["1999-01-01", "2026-07-28", "2027-12-31", "", 7, undefined])(
    "offers its latest for %j",
    async (protocolVersion) => {
      const { url } = await startRig({ servers: [] })
      const answer = await send(url, { body: initialize({ protocolVersion } as JsonObject) })
      expect(answer.json).toMatchObject({ result: { protocolVersion: "2025-11-25" } })
    },
  )

  it("gives every session an id of its own, of at least 128 bits", async () => {
    const { url } = await startRig({ servers: [] })
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () =>
        String((await send(url, { body: initialize() })).headers["mcp-session-id"]),
      ),
    )
    expect(new Set(ids).size).toBe(50)
    for (const id of ids) {
      expect(id).toMatch(/^[\x21-\x7e]+$/)
      // A UUID of version 4 has 122 random bits in 128.
      expect(id.replaceAll("-", "").length * 4).toBeGreaterThanOrEqual(128)
    }
  })

  it("happens once in a session", async () => {
    const { url } = await startRig({ servers: [] })
    const session = await openSession(url)
    const again = await session.send(initialize({}, 9))
    // An `initialize` opens a session of its own, whatever session it names.
    expect(again.headers["mcp-session-id"]).not.toBe(session.id)
    expect((await session.send(request(1, "ping"))).json).toEqual({ jsonrpc: "2.0", id: 1, result: {} })
  })

  it("opens no session when it is refused", async () => {
    const { url } = await startRig({ servers: [] })
    expect((await send(url, { body: initialize(), headers: { accept: "text/html" } })).status).toBe(406)
    expect((await send(url, { body: notification("initialize", initialize()["params"] as JsonObject) })).status).toBe(
      400,
    )
    const bad = await send(url, { body: { ...initialize(), id: null } })
    expect(bad.json).toMatchObject({ id: null, error: { code: -32600 } })
    expect(
      (
        await send(url, {
          body: request(1, "ping"),
          headers: { "mcp-session-id": String(bad.headers["mcp-session-id"]) },
        })
      ).status,
    ).toBe(404)
  })
})

describe("sessions", () => {
  it("are needed for everything else, and known", async () => {
    const { url } = await startRig({ servers: [] })
    const session = await openSession(url)
    for (const method of ["POST", "GET", "DELETE"]) {
      const body = method === "POST" ? request(7, "tools/list") : undefined
      const missing = await send(url, { method, body })
      expect(missing).toMatchObject({
        status: 400,
        json: { id: body === undefined ? null : 7, error: { code: -32600 } },
      })
      const unknown = await send(url, {
        method,
        body,
        headers: { "mcp-session-id": "00000000-0000-0000-0000-000000000000" },
      })
      expect(unknown).toMatchObject({ status: 404, json: { error: { message: expect.stringContaining("not found") } } })
      const versioned = await send(url, {
        method,
        body,
        headers: { ...session.headers, "mcp-protocol-version": "1999-01-01" },
      })
      expect(versioned).toMatchObject({ status: 400, json: { error: { code: -32600 } } })
    }
  })

  it("need no version header", async () => {
    const { url } = await startRig({ servers: [] })
    const session = await openSession(url)
    expect((await session.send(request(1, "ping"), { "mcp-protocol-version": undefined })).status).toBe(200)
  })

  it("end with DELETE, with all that belongs to them", async () => {
    const { url } = await startRig({ servers: [rawServer("raw")] })
    const [session, other] = [await openSession(url), await openSession(url)]
    const events = await session.stream()
    const hanging = session.send(toolCall(1, "raw_do_hang"))
    await session.send(request(2, "ping"))
    expect((await send(url, { method: "DELETE", headers: session.headers })).status).toBe(200)
    await events.end()
    await hanging
    expect((await session.send(request(3, "ping"))).status).toBe(404)
    expect((await send(url, { method: "DELETE", headers: session.headers })).status).toBe(404)
    expect((await other.send(request(1, "ping"))).status).toBe(200)
  })

  const large = { capabilities: { experimental: { mine: { text: "x".repeat(3_500_000) } } } }

  it("are kept while their clients declare little, whatever others declare", async () => {
    const { url } = await startRig({ servers: [] })
    const modest = await openSession(url)
    const others = []
    for (let at = 0; at < 6; at += 1) others.push(await openSession(url, large))
    expect((await modest.send(request(1, "ping"))).status).toBe(200)
    const statuses = await Promise.all(others.map(async ({ send }) => (await send(request(1, "ping"))).status))
    expect(statuses).toEqual([404, 404, 200, 200, 200, 200])
  })

  it("are refused when those in use leave no room", async () => {
    const { url } = await startRig({ servers: [] })
    const sessions = []
    for (let at = 0; at < 4; at += 1) sessions.push(await openSession(url, large))
    const streams = await Promise.all(sessions.map((session) => session.stream()))
    const refused = await send(url, { body: initialize(large, "fifth") })
    expect(refused).toMatchObject({ status: 503, json: { id: "fifth", error: { code: -31006, data: { sent: "no" } } } })
    expect(refused.headers).not.toHaveProperty("mcp-session-id")
    // One that declares little still finds room, and one that ends leaves some.
    expect((await (await openSession(url)).send(request(1, "ping"))).status).toBe(200)
    streams[0]?.close()
    await streams[0]?.end()
    await vi.waitFor(() => openSession(url, large), soon)
  })

  it("do not hear of each other's requests", async () => {
    const { url } = await startRig({ servers: [rawServer("raw")] })
    const [ann, bob] = [await openSession(url), await openSession(url)]
    const hanging = ann.send(toolCall(1, "raw_do_hang"))
    await ann.send(request(2, "ping"))
    await bob.send(notification("notifications/cancelled", { requestId: 1 }))
    expect((await bob.send(request(1, "ping"))).json).toMatchObject({ id: 1, result: {} })
    await ann.send(notification("notifications/cancelled", { requestId: 1 }))
    await hanging
  })
})

describe("the session's stream", () => {
  it("is one: a second is refused and the first goes on", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const events = await session.stream()
    expect(events.status).toBe(200)
    expect(events.headers).toMatchObject({ "content-type": "text/event-stream", "x-accel-buffering": "no" })
    expect((await session.stream()).status).toBe(409)
    await session.send(toolCall(1, "main_addTool", { name: "extra" }))
    await events.find(({ method }) => method === "notifications/tools/list_changed")
    events.close()
    await vi.waitFor(async () => expect((await session.stream()).status).toBe(200), soon)
  })

  it("hears of changes once, and of subscribed resources under the URIs clients see", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const events = await session.stream()
    await session.send(request(1, "tools/list"))
    expect((await session.send(request(2, "resources/subscribe", { uri: "test://main/a" }))).json).toMatchObject({
      id: 2,
      result: {},
    })
    await session.send(toolCall(3, "main_touch", { uri: "test://a" }))
    expect(await events.find(({ method }) => method === "notifications/resources/updated")).toEqual({
      jsonrpc: "2.0",
      method: "notifications/resources/updated",
      params: { uri: "test://main/a" },
    })
    // At once, so that they are one change however slow the machine is.
    await Promise.all(["one", "two", "three"].map((name) => session.send(toolCall(name, "main_addTool", { name }))))
    await events.find(({ method }) => method === "notifications/tools/list_changed")
    const listed = await session.send(request(4, "tools/list"))
    expect(listed.text).toContain("main_three")
    expect(events.messages.map(({ method }) => method)).toEqual([
      "notifications/resources/updated",
      "notifications/tools/list_changed",
    ])
  })
})

describe("answers", () => {
  it("are JSON when nothing comes before them, and a stream when something does", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const plain = await session.send(toolCall(1, "main_echo", { text: "hi" }))
    expect(plain.headers["content-type"]).toBe("application/json")
    expect(plain.json).toMatchObject({
      jsonrpc: "2.0",
      id: 1,
      result: { content: [{ text: "hi" }], "x-extra": { kept: [1, "two", null] } },
    })
    const params = { name: "main_slow", arguments: { ms: 30, steps: 3 }, _meta: { progressToken: "p" } }
    const streamed = await session.send(request("s", "tools/call", params))
    expect(streamed.headers["content-type"]).toBe("text/event-stream")
    expect(streamed.events.map(({ id, method }) => id ?? method)).toEqual([
      "notifications/progress",
      "notifications/progress",
      "notifications/progress",
      "s",
    ])
    expect(streamed.events[0]).toMatchObject({ params: { progressToken: "p", progress: 1, "x-progress": 1 } })
  })

  it.each<[string | undefined, string]>([
    ["application/json, text/event-stream", "application/json"],
    ["text/event-stream, application/json;q=0.9", "application/json"],
    ["*/*", "application/json"],
    [undefined, "application/json"],
    ["application/json", "application/json"],
    ["text/event-stream", "text/event-stream"],
  ])("to a client that accepts %s are %s", async (accept, type) => {
    const { url } = await startRig()
    const session = await openSession(url)
    const answer = await session.send(toolCall(1, "main_echo", { text: "hi" }), { accept })
    expect(answer.headers["content-type"]).toBe(type)
    const message = type === "application/json" ? answer.json : answer.events[0]
    expect(message).toMatchObject({ id: 1, result: { content: [{ text: "hi" }] } })
  })

  it("are none to a client that accepts neither", async () => {
    const { url } = await startRig({ servers: [] })
    const session = await openSession(url)
    expect((await session.send(request(1, "ping"), { accept: "text/html" })).status).toBe(406)
  })

  it("come without what precedes them to a client that accepts no stream, which cannot be asked", async () => {
    const { url } = await startRig({ servers: [rawServer("raw"), local("main")] })
    const session = await openSession(url, { capabilities: { roots: {} } })
    const params = { name: "main_slow", arguments: { ms: 30, steps: 3 }, _meta: { progressToken: "p" } }
    expect((await session.send(request(1, "tools/call", params), { accept: "application/json" })).json).toMatchObject({
      id: 1,
      result: {},
    })
    const asked = await session.send(toolCall(2, "raw_do_ask", { method: "roots/list" }), {
      accept: "application/json",
    })
    expect(asked.json).toMatchObject({ id: 2, result: { structuredContent: { error: { code: -32600 } } } })
  })

  it("of notifications and answers are 202 without a body", async () => {
    const { url } = await startRig({ servers: [] })
    const session = await openSession(url)
    for (const body of [
      notification("notifications/initialized"),
      notification("notifications/unknown"),
      notification("notifications/cancelled", { requestId: 99 }),
      { jsonrpc: "2.0", id: "host-1", result: {} },
      { jsonrpc: "2.0", id: 99, error: { code: 1, message: "x" } },
    ]) {
      expect(await session.send(body)).toMatchObject({ status: 202, text: "" })
    }
  })

  it("tell unknown methods and components as the protocol does", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const code = async (body: JsonObject) => ((await session.send(body)).json["error"] as JsonObject)["code"]
    expect(await code(request(1, "x/unknown"))).toBe(-32601)
    expect(await code(request(2, "server/discover"))).toBe(-32601)
    expect(await code(toolCall(3, "echo_main"))).toBe(-32602)
    expect(await code(request(4, "tools/call"))).toBe(-32602)
    expect(await code(request(5, "prompts/get", { name: "none" }))).toBe(-32602)
    expect(await code(request(6, "resources/read", { uri: "test://nowhere/else" }))).toBe(-32002)
    expect(await code(request(7, "tools/list", { cursor: "bad" }))).toBe(-32602)
    expect(await code(request(8, "logging/setLevel", { level: "loud" }))).toBe(-32602)
    expect(await code(request(9, "completion/complete", { ref: { type: "ref/x" } }))).toBe(-32602)
  })
})

describe("request ids", () => {
  it("that are in use are refused, and the first request is answered", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const first = session.send(toolCall(1, "main_slow", { ms: 2_000 }))
    await session.send(request("1", "ping"))
    expect((await session.send(request(1, "ping"))).json).toMatchObject({ id: 1, error: { code: -32600 } })
    expect((await first).json).toMatchObject({ id: 1, result: { content: [{ text: "slept 2000" }] } })
    expect((await session.send(request(1, "ping"))).json).toMatchObject({ id: 1, result: {} })
  })

  it.each([null, true, {}, [1]])("that are %j are refused", async (id) => {
    const { url } = await startRig({ servers: [] })
    const session = await openSession(url)
    expect((await session.send({ jsonrpc: "2.0", id, method: "ping" })).json).toMatchObject({ error: { code: -32600 } })
  })
})

describe("cancelling", () => {
  it("reaches the server, and the request ends without an answer", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const call = await session.stream(
      request("c", "tools/call", {
        name: "main_slow",
        arguments: { ms: 60_000, steps: 2_000 },
        _meta: { progressToken: 1 },
      }),
    )
    await call.find(({ method }) => method === "notifications/progress")
    await session.send(notification("notifications/cancelled", { requestId: "c" }))
    await call.end()
    expect(call.messages.every(({ id }) => id === undefined)).toBe(true)
    await vi.waitFor(
      async () => expect((await session.send(toolCall("s", "main_stats"))).text).toContain('\\"cancelled\\":1'),
      soon,
    )
  })

  it("is not a connection that breaks", async () => {
    const { url } = await startRig()
    const session = await openSession(url)
    const call = await session.stream(
      request("c", "tools/call", {
        name: "main_slow",
        arguments: { ms: 3_000, steps: 300 },
        _meta: { progressToken: 1 },
      }),
    )
    await call.find(({ method }) => method === "notifications/progress")
    call.close()
    // Still being served: its id is taken until it has ended (2025-11-25, basic/transports).
    expect((await session.send(request("c", "ping"))).json).toMatchObject({ error: { code: -32600 } })
    await vi.waitFor(async () => expect((await session.send(request("c", "ping"))).json).toHaveProperty("result"), soon)
    expect((await session.send(toolCall("s", "main_stats"))).text).toContain('\\"cancelled\\":0')
  })
})

describe("questions", () => {
  it("go to the client on the stream of the call that caused them", async () => {
    const { url } = await startRig()
    const [ann, bob] = [
      await openSession(url, { capabilities: { elicitation: {} } }),
      await openSession(url, { capabilities: { elicitation: {} } }),
    ]
    const [annEvents, bobEvents] = [await ann.stream(), await bob.stream()]
    const call = await ann.stream(toolCall(1, "main_ask", { question: "Why?" }))
    const question = await call.find(({ method }) => method === "elicitation/create")
    expect(question["params"]).toMatchObject({ message: "Title of v2-mcp: Why?" })
    // Somebody else's answer is none.
    await bob.send({ jsonrpc: "2.0", id: question["id"], result: { action: "accept", content: { answer: "bob's" } } })
    await ann.send({ jsonrpc: "2.0", id: question["id"], result: { action: "accept", content: { answer: "ann's" } } })
    await call.end()
    expect(JSON.stringify(call.messages.at(-1))).toContain("ann's")
    expect([...annEvents.messages, ...bobEvents.messages]).toEqual([])
  })

  it("are withdrawn when the call is cancelled", async () => {
    const { url } = await startRig()
    const session = await openSession(url, { capabilities: { elicitation: {} } })
    const events = await session.stream()
    const call = await session.stream(toolCall(1, "main_ask"))
    const question = await call.find(({ method }) => method === "elicitation/create")
    await session.send(notification("notifications/cancelled", { requestId: 1 }))
    await call.end()
    await vi.waitFor(() => {
      const told = [...call.messages, ...events.messages].find(({ method }) => method === "notifications/cancelled")
      expect(told).toMatchObject({ params: { requestId: question["id"] } })
    }, soon)
  })

  it("answered with an error come back to the server as one", async () => {
    const { url } = await startRig({ servers: [rawServer("raw")] })
    const session = await openSession(url, { capabilities: { sampling: {} } })
    const call = await session.stream(
      toolCall(1, "raw_do_ask", { method: "sampling/createMessage", params: { messages: [] } }),
    )
    const question = await call.find(({ method }) => method === "sampling/createMessage")
    const error = { code: -1, message: "User rejected", data: { x: [1] } }
    await session.send({ jsonrpc: "2.0", id: question["id"], error })
    await call.end()
    expect(call.messages.at(-1)).toMatchObject({ result: { structuredContent: { error } } })
  })
})

describe("log messages", () => {
  it("respect the level each client has set", async () => {
    const { url } = await startRig()
    const [quiet, loud] = [await openSession(url), await openSession(url)]
    await quiet.send(request(1, "logging/setLevel", { level: "error" }))
    await loud.send(request(1, "logging/setLevel", { level: "debug" }))
    const levels = async (session: typeof quiet, level: string) =>
      (await session.send(toolCall(2, "main_log", { text: "x", level }))).events.flatMap(({ params }) =>
        params === undefined ? [] : [(params as JsonObject)["level"]],
      )
    expect(await levels(quiet, "info")).toEqual([])
    expect(await levels(quiet, "error")).toEqual(["error"])
    expect(await levels(loud, "debug")).toEqual(["debug"])
  })
})

describe("batches", () => {
  it("exist in 2025-03-26 and nowhere else", async () => {
    const { url } = await startRig({ servers: [] })
    const body = [request(1, "ping"), request(2, "ping")]
    for (const protocolVersion of versions) {
      const session = await openSession(url, { protocolVersion })
      const answer = await session.send(body)
      expect({ protocolVersion, status: answer.status }).toEqual({
        protocolVersion,
        status: protocolVersion === "2025-03-26" ? 200 : 400,
      })
      if (protocolVersion !== "2025-03-26") expect(answer.json).toMatchObject({ error: { code: -32600 } })
    }
    expect((await send(url, { body: [initialize()] })).status).toBe(400)
  })

  it("are answered whole: requests, failures, no notifications", async () => {
    const { url } = await startRig()
    const session = await openSession(url, { protocolVersion: "2025-03-26" })
    const answer = await session.send([
      request("a", "ping"),
      notification("notifications/unknown"),
      toolCall("b", "main_slow", { ms: 50 }),
      request("c", "x/unknown"),
      request("d", "initialize", {}),
    ])
    const answers = JSON.parse(answer.text) as JsonObject[]
    expect(answers).toHaveLength(4)
    expect(
      Object.fromEntries(answers.map(({ id, error }) => [id, (error as JsonObject | undefined)?.["code"]])),
    ).toEqual({
      a: undefined,
      b: undefined,
      c: -32601,
      d: -32600,
    })
    expect((await session.send([notification("notifications/unknown")])).status).toBe(202)
  })

  it("do not steal the answer of a request that has their id", async () => {
    const { url } = await startRig()
    const session = await openSession(url, { protocolVersion: "2025-03-26" })
    const first = session.send(toolCall(1, "main_slow", { ms: 2_000 }))
    await session.send(request(9, "ping"))
    const batch = JSON.parse((await session.send([request(1, "ping"), request(2, "ping"), request(2, "ping")])).text)
    expect(batch).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 1, error: expect.objectContaining({ code: -32600 }) }),
        expect.objectContaining({ id: 2, result: {} }),
        expect.objectContaining({ id: 2, error: expect.objectContaining({ code: -32600 }) }),
      ]),
    )
    expect((await first).json).toMatchObject({ id: 1, result: { content: [{ text: "slept 2000" }] } })
  })

  it("carry questions and progress on the way", async () => {
    const { url } = await startRig()
    const session = await openSession(url, { protocolVersion: "2025-03-26", capabilities: { sampling: {} } })
    const call = await session.stream([toolCall(1, "main_sample"), request(2, "ping")])
    const question = await call.find(({ method }) => method === "sampling/createMessage")
    await session.send({
      jsonrpc: "2.0",
      id: question["id"],
      result: { model: "m", role: "assistant", content: { type: "text", text: "t" } },
    })
    await call.end()
    expect(call.messages.at(-1)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 2, result: {} }),
        expect.objectContaining({ id: 1, result: expect.anything() }),
      ]),
    )
  })

  it("end with their session", async () => {
    const { url } = await startRig({ servers: [rawServer("raw")] })
    const session = await openSession(url, { protocolVersion: "2025-03-26" })
    const batch = session.send([toolCall(1, "raw_do_hang"), request(2, "ping")])
    await session.send(request(3, "ping"))
    expect((await send(url, { method: "DELETE", headers: session.headers })).status).toBe(200)
    await batch
  })
})
