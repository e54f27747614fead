/** `/mcp` for modern clients, byte by byte (specification 2026-07-28, basic/transports/streamable-http). */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../../src/protocol/json.ts"
import { closeAll } from "../../fixtures/harness.ts"
import { soon } from "../../upstreams/support.ts"
import { local, modern, modernMeta, rawServer, send, startRig, stream } from "../support.ts"

afterEach(closeAll)

const prefix = "io.modelcontextprotocol/"
const code = (error: { json: JsonObject }): unknown => (error.json["error"] as JsonObject | undefined)?.["code"]
const call = (name: string, args: JsonObject = {}, options = {}) =>
  modern("tools/call", { name, arguments: args }, options)

describe("a request", () => {
  it("is answered with what this generation adds, and no session", async () => {
    const { url } = await startRig()
    const answer = await send(url, call("main_echo", { text: "hi" }, { id: "x" }))
    expect(answer.status).toBe(200)
    expect(answer.headers["content-type"]).toBe("application/json")
    expect(answer.headers).not.toHaveProperty("mcp-session-id")
    expect(answer.json).toMatchObject({
      jsonrpc: "2.0",
      id: "x",
      result: {
        resultType: "complete",
        content: [{ text: "hi", _meta: { "x-content": 1 } }],
        _meta: { "x-meta": { kept: true }, [`${prefix}serverInfo`]: { name: "test-host", version: "1.2.3" } },
        "x-extra": { kept: [1, "two", null] },
      },
    })
    expect(answer.json["result"]).not.toHaveProperty("ttlMs")
  })

  it.each(["tools/list", "prompts/list", "resources/list", "resources/templates/list", "server/discover"])(
    "%s says how long its answer may be kept",
    async (method) => {
      const { url } = await startRig()
      const { json } = await send(url, modern(method))
      expect(json["result"]).toMatchObject({
        resultType: "complete",
        ttlMs: expect.any(Number),
        cacheScope: expect.stringMatching(/^(public|private)$/),
        _meta: { [`${prefix}serverInfo`]: { name: "test-host" } },
      })
    },
  )

  it("resources/read says so too, and keeps what a modern server said", async () => {
    const { url } = await startRig({ servers: [local("main"), rawServer("raw")] })
    const read = await send(url, modern("resources/read", { uri: "test://main/a" }))
    expect(read.json["result"]).toMatchObject({
      ttlMs: expect.any(Number),
      cacheScope: expect.any(String),
      contents: [{ uri: "test://main/a" }],
    })
    const kept = { resultType: "x-other", content: [], _meta: { [`${prefix}serverInfo`]: { name: "inner" }, a: 1 } }
    const other = await send(url, call("raw_do_result", { result: kept }))
    expect(other.json["result"]).toMatchObject({
      resultType: "x-other",
      _meta: { a: 1, [`${prefix}serverInfo`]: { name: "test-host" } },
    })
  })

  it("server/discover tells versions, capabilities, who and how", async () => {
    const { url } = await startRig({
      host: { title: "T", instructions: "Be kind.", websiteUrl: "https://example.com" },
    })
    const { json } = await send(url, modern("server/discover"))
    expect(json["result"]).toMatchObject({
      resultType: "complete",
      supportedVersions: expect.arrayContaining(["2026-07-28"]),
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
      },
      instructions: expect.stringMatching(/^Be kind\./),
      _meta: {
        [`${prefix}serverInfo`]: { name: "test-host", title: "T", version: "1.2.3", websiteUrl: "https://example.com" },
      },
    })
  })

  it("streams what comes before its answer, when it was asked for", async () => {
    const { url } = await startRig()
    const asked = await send(url, call("main_log", { text: "x" }, { meta: { [`${prefix}logLevel`]: "info" } }))
    expect(asked.headers).toMatchObject({ "content-type": "text/event-stream", "x-accel-buffering": "no" })
    expect(asked.events.map(({ method, id }) => method ?? id)).toEqual(["notifications/message", 1])
    for (const meta of [{}, { [`${prefix}logLevel`]: "error" }]) {
      const silent = await send(url, call("main_log", { text: "x" }, { meta }))
      expect(silent.headers["content-type"]).toBe("application/json")
    }
    const progress = await send(url, call("main_slow", { ms: 30, steps: 3 }, { meta: { progressToken: 7 } }))
    expect(progress.events.map(({ params }) => (params as JsonObject | undefined)?.["progressToken"])).toEqual([
      7,
      7,
      7,
      undefined,
    ])
  })

  it("that needs input is told so, with who asks, and goes on with the answers", async () => {
    const { url } = await startRig({
      servers: [{ ...local("main"), target: { ...local("main").target, era: "modern" } as never }],
    })
    const meta = { [`${prefix}clientCapabilities`]: { elicitation: { form: {} } } }
    const asked = await send(url, call("main_ask", { question: "Why?" }, { meta }))
    const result = asked.json["result"] as JsonObject
    expect(result).toMatchObject({
      resultType: "input_required",
      inputRequests: { question: { method: "elicitation/create", params: { message: "Title of v2-mcp: Why?" } } },
    })
    expect(result).not.toHaveProperty("ttlMs")
    const params: JsonObject = {
      name: "main_ask",
      arguments: { question: "Why?" },
      inputResponses: { question: { action: "accept", content: { answer: "so" } } },
    }
    if (result["requestState"] !== undefined) params["requestState"] = result["requestState"]
    const done = await send(url, modern("tools/call", params, { meta, id: 2 }))
    expect(done.text).toContain("so")
    expect(done.json["result"]).toMatchObject({ resultType: "complete" })
  })

  it("of the older generation only is unknown here", async () => {
    const { url } = await startRig()
    for (const method of [
      "ping",
      "logging/setLevel",
      "resources/subscribe",
      "resources/unsubscribe",
      "initialize",
      "x/unknown",
    ]) {
      const answer = await send(url, modern(method))
      expect({ method, status: answer.status, code: code(answer) }).toEqual({ method, status: 404, code: -32601 })
    }
  })

  it("for what does not exist is invalid", async () => {
    const { url } = await startRig()
    expect(await send(url, call("none"))).toMatchObject({ status: 200, json: { error: { code: -32602 } } })
    const read = await send(url, modern("resources/read", { uri: "test://nowhere" }))
    expect(read).toMatchObject({ status: 200, json: { error: { code: -32602, data: { uri: "test://nowhere" } } } })
    // The codes of earlier revisions are not sent to this generation, whoever made them.
    const upstream = await send(url, modern("resources/read", { uri: "test://main/items/missing" }))
    expect(upstream.json).toMatchObject({ error: { code: -32602, data: { uri: "test://main/items/missing" } } })
  })

  it("needs no session, and one that is named changes nothing", async () => {
    const { url } = await startRig()
    const { headers, body } = call("main_echo", { text: "hi" })
    const answer = await send(url, {
      headers: { ...headers, "mcp-session-id": "whatever", "last-event-id": "7" },
      body,
    })
    expect(answer.status).toBe(200)
    expect(answer.headers).not.toHaveProperty("mcp-session-id")
  })

  it("may use the id of another on its way", async () => {
    const { url } = await startRig()
    const [slow, fast] = await Promise.all([
      send(url, call("main_slow", { ms: 200 })),
      send(url, call("main_echo", { text: "hi" })),
    ])
    expect(slow.text).toContain("slept 200")
    expect(fast.text).toContain("hi")
  })
})

describe("headers", () => {
  const { headers, body } = call("main_echo", { text: "hi" })
  const refused = async (change: Record<string, string | undefined>, message: unknown = body) => {
    const { url } = await startRig()
    return send(url, { headers: { ...headers, ...change }, body: message })
  }

  it.each<[string, Record<string, string | undefined>]>([
    ["no version", { "mcp-protocol-version": undefined }],
    ["another version", { "mcp-protocol-version": "2025-11-25" }],
    ["no method", { "mcp-method": undefined }],
    ["another method", { "mcp-method": "tools/list" }],
    ["the method in another case", { "mcp-method": "Tools/Call" }],
    ["no name", { "mcp-name": undefined }],
    ["another name", { "mcp-name": "main_add" }],
    ["the name in another case", { "mcp-name": "MAIN_ECHO" }],
    ["a name that is not what its Base64 says", { "mcp-name": "=?base64?eA==?=" }],
    ["a malformed name", { "mcp-name": "=?base64?%%%?=" }],
  ])("with %s are -32020", async (_what, change) => {
    expect(await refused(change)).toMatchObject({
      status: 400,
      json: { jsonrpc: "2.0", id: 1, error: { code: -32020 } },
    })
  })

  it("may carry a name as Base64, and must where it is not plain", async () => {
    const { url } = await startRig({ servers: [local("main")] })
    const sentinel = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`
    expect((await send(url, { headers: { ...headers, "mcp-name": sentinel("main_echo") }, body })).status).toBe(200)
    const read = modern("resources/read", { uri: "test://main/items/ü" })
    const answer = await send(url, {
      headers: { ...read.headers, "mcp-name": sentinel("test://main/items/ü") },
      body: read.body,
    })
    expect(answer.status).toBe(200)
  })

  it("without an envelope in the body are -32602", async () => {
    const bare = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "main_echo" } }
    expect(await refused({}, bare)).toMatchObject({ status: 400, json: { id: 1, error: { code: -32602 } } })
    const meta = modernMeta()
    delete meta[`${prefix}clientCapabilities`]
    const lacking = { ...bare, params: { ...bare.params, _meta: meta } }
    expect(await refused({}, lacking)).toMatchObject({
      status: 400,
      json: { error: { code: -32602, message: expect.stringContaining("clientCapabilities") } },
    })
  })

  it("and envelope may lack who the client is", async () => {
    const { url } = await startRig()
    const meta = modernMeta()
    delete meta[`${prefix}clientInfo`]
    const params = { name: "main_echo", arguments: { text: "hi" }, _meta: meta }
    expect((await send(url, { headers, body: { ...body, params } })).status).toBe(200)
  })

  it.each(["1900-01-01", "2027-01-01", "x"])("of version %s are -32022 with what is spoken", async (version) => {
    const { url } = await startRig({ servers: [] })
    const { headers: sent, body: message } = modern(
      "tools/list",
      {},
      { meta: { [`${prefix}protocolVersion`]: version } },
    )
    const answer = await send(url, { headers: { ...sent, "mcp-protocol-version": version }, body: message })
    expect(answer).toMatchObject({
      status: 400,
      json: {
        id: 1,
        error: {
          code: -32022,
          data: { requested: version, supported: expect.arrayContaining(["2026-07-28", "2025-11-25"]) },
        },
      },
    })
  })

  it.each([null, {}, true])("of a request whose id is %j are 400", async (id) => {
    expect(await refused({}, { ...body, id })).toMatchObject({
      status: 400,
      json: { id: null, error: { code: -32600 } },
    })
  })

  it("of a notification are 202", async () => {
    const { url } = await startRig({ servers: [] })
    const message = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1, _meta: modernMeta() } }
    expect(await send(url, { headers: { "mcp-protocol-version": "2026-07-28" }, body: message })).toMatchObject({
      status: 202,
      text: "",
    })
  })

  it("accept neither JSON nor a stream at their peril", async () => {
    expect((await refused({ accept: "text/html" })).status).toBe(406)
  })
})

describe("Mcp-Param headers", () => {
  const tool = {
    name: "query",
    inputSchema: {
      type: "object",
      properties: {
        region: { type: "string", "x-mcp-header": "Region" },
        nested: { type: "object", properties: { limit: { type: "integer", "x-mcp-header": "Limit" } } },
      },
    },
  }
  const servers = [rawServer("raw", { lists: { tools: [tool] } })]
  const query = async (args: JsonObject, params: Record<string, string>) => {
    const { url } = await startRig({ servers })
    const { headers, body } = call("raw_query", args)
    return send(url, { headers: { ...headers, ...params }, body })
  }

  it("mirror the arguments a tool marks", async () => {
    const args = { region: "eu", nested: { limit: 42 } }
    expect((await query(args, { "mcp-param-region": "eu", "mcp-param-limit": "42" })).status).toBe(200)
    expect((await query(args, { "Mcp-Param-Region": "=?base64?ZXU=?=", "MCP-PARAM-LIMIT": "42.0" })).status).toBe(200)
    expect((await query({ region: null }, {})).status).toBe(200)
    expect((await query({}, { "mcp-param-unknown": "x" })).status).toBe(200)
  })

  it.each<[string, JsonObject, Record<string, string>]>([
    ["missing", { region: "eu" }, {}],
    ["different", { region: "eu" }, { "mcp-param-region": "us" }],
    ["given for null", { region: null }, { "mcp-param-region": "null" }],
    ["given for nothing", {}, { "mcp-param-region": "eu" }],
    ["malformed", { region: "eu" }, { "mcp-param-region": "=?base64?%?=" }],
    ["another number", { nested: { limit: 42 } }, { "mcp-param-limit": "41" }],
  ])("that are %s are -32020", async (_what, args, params) => {
    expect(await query(args, params)).toMatchObject({ status: 400, json: { id: 1, error: { code: -32020 } } })
  })
})

describe("subscriptions/listen", () => {
  const listen = (notifications: JsonObject, id: number | string = "sub") =>
    modern("subscriptions/listen", { notifications }, { id })
  const subscriptionId = { [`${prefix}subscriptionId`]: "sub" }

  it("acknowledges what it honours first, then tells of just that", async () => {
    const { url } = await startRig()
    const filter = {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ["test://main/a", "test://nowhere", 7],
      unknownThing: true,
    }
    const events = await stream(url, listen(filter))
    expect(events.headers).toMatchObject({ "content-type": "text/event-stream", "x-accel-buffering": "no" })
    await events.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    expect(events.messages[0]).toEqual({
      jsonrpc: "2.0",
      method: "notifications/subscriptions/acknowledged",
      params: {
        notifications: { toolsListChanged: true, resourceSubscriptions: ["test://main/a"] },
        _meta: subscriptionId,
      },
    })
    await send(url, call("main_addResource", { uri: "test://more" }))
    await send(url, call("main_touch", { uri: "test://blob" }))
    await send(url, call("main_touch", { uri: "test://a" }))
    await send(url, call("main_addTool", { name: "extra" }))
    await events.find(({ method }) => method === "notifications/tools/list_changed")
    expect(events.messages.slice(1)).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/resources/updated",
        params: { uri: "test://main/a", _meta: subscriptionId },
      },
      { jsonrpc: "2.0", method: "notifications/tools/list_changed", params: { _meta: subscriptionId } },
    ])
    expect(events.ended).toBe(false)
  })

  it("keeps subscriptions apart, and ends one without the other", async () => {
    const { url } = await startRig()
    const [one, two] = [
      await stream(url, listen({ toolsListChanged: true }, 1)),
      await stream(url, listen({ resourcesListChanged: true }, 2)),
    ]
    for (const each of [one, two])
      await each.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    two.close()
    await two.end()
    await send(url, call("main_addResource", { uri: "test://more" }))
    await send(url, call("main_addTool", { name: "extra" }))
    expect(await one.find(({ method }) => method === "notifications/tools/list_changed")).toMatchObject({
      params: { _meta: { [`${prefix}subscriptionId`]: 1 } },
    })
    expect(one.messages).toHaveLength(2)
  })

  it("may honour nothing, but must be told what", async () => {
    const { url } = await startRig()
    const events = await stream(url, listen({}))
    expect(await events.find(({ method }) => method !== undefined)).toMatchObject({ params: { notifications: {} } })
    expect(await send(url, modern("subscriptions/listen"))).toMatchObject({ json: { error: { code: -32602 } } })
  })

  it("ends with a result when the host ends it", async () => {
    const { url, endpoint } = await startRig()
    const events = await stream(url, listen({ toolsListChanged: true }))
    await events.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    await endpoint.close()
    await events.end()
    expect(events.messages.at(-1)).toMatchObject({
      jsonrpc: "2.0",
      id: "sub",
      result: { resultType: "complete", _meta: subscriptionId },
    })
  })
})

describe("a connection that closes", () => {
  it("cancels the request, at the server too", async () => {
    const { url } = await startRig()
    const slow = await stream(url, call("main_slow", { ms: 60_000, steps: 2_000 }, { meta: { progressToken: 1 } }))
    await slow.find(({ method }) => method === "notifications/progress")
    slow.close()
    await vi.waitFor(
      async () => expect((await send(url, call("main_stats"))).text).toContain('\\"cancelled\\":1'),
      soon,
    )
  })

  it("after its answer cancels nothing", async () => {
    const { url } = await startRig()
    for (let count = 0; count < 5; count += 1) await send(url, call("main_slow", { ms: 5 }))
    expect((await send(url, call("main_stats"))).text).toContain('\\"cancelled\\":0')
  })
})
