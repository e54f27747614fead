import path from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { StdioChannel } from "../../src/upstreams/stdioChannel.ts"
import type { Era } from "../../src/wire/eras/versions.ts"
import { openSession } from "../../src/wire/open.ts"
import type { SessionOptions, UpstreamSession } from "../../src/wire/session.ts"
import { programFile } from "../fixtures/programs.ts"
import { createClient, createContext, sessionOptions, settle, TestChannel } from "./support.ts"

const fixtures = path.resolve(import.meta.dirname, "../fixtures/servers")
const silent = { debug() {}, info() {}, warn() {}, error() {} }

const options = (eras: readonly Era[], more: Partial<SessionOptions> = {}) => ({
  ...sessionOptions(more),
  eras,
  signal: new AbortController().signal,
})

describe("with real servers over stdio", () => {
  const open: UpstreamSession[] = []
  afterEach(async () => {
    for (const session of open.splice(0)) await session.close()
  })

  const connect = (file: string, args: string[]) => async () =>
    new StdioChannel(
      {
        command: process.execPath,
        args: [programFile(file), ...args],
        cwd: fixtures,
        env: { PATH: process.env["PATH"] ?? "" },
      },
      silent,
    )

  it.each<[string, string[], Era[], Era | undefined]>([
    ["v1-stdio.mjs", [], ["modern"], undefined],
    ["v1-stdio.mjs", [], ["legacy", "modern"], "legacy"],
    ["v1-stdio.mjs", [], ["modern", "legacy"], "legacy"],
    ["v2-stdio.mjs", [], ["legacy", "modern"], "legacy"],
    ["v2-stdio.mjs", [], ["modern", "legacy"], "modern"],
    ["v2-stdio.mjs", ["--modern-only"], ["legacy"], undefined],
    ["v2-stdio.mjs", ["--modern-only"], ["legacy", "modern"], "modern"],
    ["v2-stdio.mjs", ["--legacy-only"], ["modern"], undefined],
    ["v2-stdio.mjs", ["--legacy-only"], ["modern", "legacy"], "legacy"],
  ])("%s %j tried as %j speaks %s", async (file, args, eras, spoken) => {
    const opening = openSession(connect(file, args), options(eras))
    if (spoken === undefined) return expect(opening).rejects.toThrow()
    const session = await opening
    open.push(session)
    expect(session.era).toBe(spoken)
    expect(session.protocolVersion).toBe(spoken === "modern" ? "2026-07-28" : "2025-11-25")
    expect(session.serverInfo).toMatchObject({ version: "1.0.0" })
    expect(session.capabilities).toHaveProperty("tools")
    expect(session.instructions).toMatch(/^Instructions of /)
    expect(session.pid).toBeTypeOf("number")
    const { value } = await session.request({ method: "tools/list", params: {} }, createContext())
    expect(value["tools"]).toContainEqual(expect.objectContaining({ name: "echo" }))
  })
})

const initialized: JsonObject = {
  protocolVersion: "2025-06-18",
  capabilities: { tools: {} },
  serverInfo: { name: "s", version: "1" },
}
const discovered: JsonObject = {
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: { listChanged: true } },
  _meta: { "io.modelcontextprotocol/serverInfo": { name: "s", version: "2" } },
  instructions: "Be kind.",
  resultType: "complete",
}

/** Answers `initialize` or `server/discover` with these, and nothing to a method that has no answer here. */
function server(answers: Record<string, JsonObject>): TestChannel {
  return new TestChannel((message, channel) => {
    const answer = answers[String(message["method"])]
    const id = message["id"] as number | undefined
    if (answer !== undefined && id !== undefined) channel.receive({ id, ...answer })
  })
}

const unknown = { error: { code: -32601, message: "Method not found" } }

describe("the handshake", () => {
  it("is initialize, then initialized, with what the host declares", async () => {
    const channel = server({ initialize: { result: initialized } })
    const capabilitiesFor = vi.fn(() => ({ roots: {} }))
    const session = await openSession(async () => channel, options(["legacy"], { capabilitiesFor }))
    expect(channel.sent).toEqual([
      {
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: {
          protocolVersion: "2025-11-25",
          capabilities: { roots: {} },
          clientInfo: { name: "mcp-host", version: "1.0.0" },
        },
      },
      { jsonrpc: "2.0", method: "notifications/initialized", params: {} },
    ])
    expect(channel.agreed).toEqual([["2025-06-18", true]])
    expect(session).toMatchObject({ era: "legacy", protocolVersion: "2025-06-18", instructions: undefined })
    expect(capabilitiesFor).toHaveBeenCalledWith("legacy", undefined)
  })

  it.each(["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"])(
    "accepts an answer of %s",
    async (protocolVersion) => {
      const channel = server({ initialize: { result: { ...initialized, protocolVersion } } })
      const session = await openSession(async () => channel, options(["legacy"]))
      expect(session.protocolVersion).toBe(protocolVersion)
    },
  )

  it.each(["1999-01-01", "2026-07-28", undefined, 7])("refuses an answer of %s", async (protocolVersion) => {
    const result = { ...initialized, protocolVersion } as JsonObject
    const channel = server({ initialize: { result } })
    await expect(openSession(async () => channel, options(["legacy"]))).rejects.toMatchObject({ code: -31003 })
    expect(channel.closes).toBe(1)
    expect(channel.of("notifications/initialized")).toEqual([])
  })

  it("of the modern generation is one discovery with an envelope, then a listen stream", async () => {
    const channel = server({ "server/discover": { result: discovered } })
    const session = await openSession(async () => channel, options(["modern"]))
    expect(channel.sent[0]).toMatchObject({
      method: "server/discover",
      params: {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "mcp-host" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    })
    expect(channel.sent[1]).toMatchObject({
      method: "subscriptions/listen",
      params: { notifications: { toolsListChanged: true } },
    })
    expect(channel.agreed).toEqual([["2026-07-28", false]])
    expect(session).toMatchObject({
      era: "modern",
      serverInfo: { name: "s", version: "2" },
      instructions: "Be kind.",
      inFlight: 0,
    })
  })

  it("takes a server that names no version it knows for one of the other generation", async () => {
    const channel = server({
      "server/discover": { result: { ...discovered, supportedVersions: ["2027-01-01"] } },
      initialize: { result: initialized },
    })
    expect((await openSession(async () => channel, options(["modern", "legacy"]))).era).toBe("legacy")
  })

  it("tells the first of two refusals", async () => {
    const channel = server({ initialize: { error: { code: -1, message: "first" } }, "server/discover": unknown })
    await expect(openSession(async () => channel, options(["legacy", "modern"]))).rejects.toMatchObject({
      code: -1,
      message: "first",
    })
    expect(channel.closes).toBe(1)
  })

  it.each([-31005, -31006])("takes refused credentials and limits (%i) for no sign of a generation", async (code) => {
    const channel = server({ "server/discover": { error: { code, message: "no" } } })
    await expect(openSession(async () => channel, options(["modern", "legacy"]))).rejects.toMatchObject({ code })
    expect(channel.of("initialize")).toEqual([])
  })

  /** Channels to a server that dies of being asked to discover. */
  function dying() {
    const channels: TestChannel[] = []
    const connect = async () => {
      const channel = server({ initialize: { result: initialized } })
      const answer = channel.reply
      channel.reply = (message, at) => {
        if (message["method"] === "server/discover") at.end("its process exited with code 1")
        else answer?.(message, at)
      }
      channels.push(channel)
      return channel
    }
    return { channels, connect }
  }

  it("makes no more channels than it may, and tells why it had none", async () => {
    const { channels, connect } = dying()
    const opening = openSession(connect, { ...options(["modern", "legacy"]), most: 1 })
    await expect(opening).rejects.toMatchObject({ code: -31001, message: expect.stringMatching(/exited with code 1/) })
    expect(channels).toHaveLength(1)
  })

  it("connects again when the server dies of being asked to discover", async () => {
    const { channels, connect } = dying()
    const closed = vi.fn()
    const session = await openSession(connect, options(["modern", "legacy"], { closed }))
    expect(session.era).toBe("legacy")
    expect(channels).toHaveLength(2)
    expect(closed).not.toHaveBeenCalled()
    channels[1]?.end("later")
    expect(closed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "later" }))
  })

  describe("with a silent server", () => {
    beforeEach(() => void vi.useFakeTimers())
    afterEach(() => void vi.useRealTimers())

    it("waits three seconds for a discovery, then shakes hands", async () => {
      const channel = server({ initialize: { result: initialized } })
      const opening = openSession(async () => channel, options(["modern", "legacy"]))
      await vi.advanceTimersByTimeAsync(2_900)
      expect(channel.of("initialize")).toEqual([])
      await vi.advanceTimersByTimeAsync(200)
      expect((await opening).era).toBe("legacy")
    })

    it("waits for the start time when there is no other generation to try", async () => {
      const channel = server({})
      const failure = openSession(async () => channel, options(["modern"])).catch((error: unknown) => error)
      await vi.advanceTimersByTimeAsync(4_900)
      expect(channel.closes).toBe(0)
      await vi.advanceTimersByTimeAsync(200)
      expect(await failure).toMatchObject({ code: -31002 })
      expect(channel.closes).toBe(1)
    })

    it("stops at once when the host closes, and closes the channel", async () => {
      for (const eras of [["legacy"], ["modern"], ["legacy", "modern"]] as Era[][]) {
        const channel = server({})
        const controller = new AbortController()
        const failure = openSession(async () => channel, { ...options(eras), signal: controller.signal }).catch(
          (error: unknown) => error,
        )
        await settle()
        controller.abort()
        await vi.advanceTimersByTimeAsync(10)
        expect({ eras, closes: channel.closes }).toEqual({ eras, closes: 1 })
        expect(await failure).toBeInstanceOf(Error)
      }
    })
  })
})

describe("a modern session", () => {
  const answers = (more: Record<string, JsonObject> = {}) => ({
    "server/discover": { result: discovered },
    "tools/call": { result: { content: [], resultType: "complete" } },
    ...more,
  })

  it("sends each request with its own client's capabilities and log level", async () => {
    const channel = server(answers())
    const capabilitiesFor = vi.fn((_era: Era, client) => client?.capabilities ?? {})
    const session = await openSession(async () => channel, options(["modern"], { capabilitiesFor }))
    const client = createClient({ era: "modern", capabilities: { sampling: {} } })
    const params = {
      name: "t",
      _meta: { "io.modelcontextprotocol/protocolVersion": "1999-01-01", traceparent: "00-1" },
    }
    await session.request({ method: "tools/call", params }, createContext({ client, logLevel: "debug" }))
    expect(channel.of("tools/call")[0]?.["params"]).toEqual({
      name: "t",
      _meta: {
        traceparent: "00-1",
        progressToken: expect.any(Number),
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { name: "mcp-host", version: "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": { sampling: {} },
        "io.modelcontextprotocol/logLevel": "debug",
      },
    })
  })

  it("writes headers where requests have them, and none where they have not", async () => {
    const tool = {
      name: "t",
      inputSchema: { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" } } },
    }
    const invalid = { name: "bad", inputSchema: { properties: { p: { type: "number", "x-mcp-header": "P" } } } }
    const listed = { "tools/list": { result: { tools: [tool, invalid] } } }
    const http = Object.assign(server(answers(listed)), { abandon: () => true })
    const notification = vi.fn()
    const session = await openSession(async () => http, options(["modern"], { notification }))
    const list = await session.request({ method: "tools/list", params: {} }, createContext())
    expect(list.value["tools"]).toEqual([tool])
    expect(notification).toHaveBeenCalledWith(
      expect.objectContaining({ method: "host/dropped", params: expect.objectContaining({ name: "bad" }) }),
      undefined,
    )
    await session.request({ method: "tools/call", params: { name: "t", arguments: { region: "é" } } }, createContext())
    expect(http.headers.at(-1)).toEqual({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "t",
      "mcp-param-region": "=?base64?w6k=?=",
    })
    const pipe = server(answers(listed))
    const other = await openSession(async () => pipe, options(["modern"]))
    expect((await other.request({ method: "tools/list", params: {} }, createContext())).value["tools"]).toHaveLength(2)
    await other.request({ method: "tools/call", params: { name: "t" } }, createContext())
    expect(pipe.headers.at(-1)).toBeUndefined()
  })

  it.each([-32020, -32022])("turns the hop's own error %i into one of the host", async (code) => {
    const channel = server(answers({ "tools/call": { error: { code, message: "Header mismatch" } } }))
    const session = await openSession(async () => channel, options(["modern"]))
    await expect(
      session.request({ method: "tools/call", params: { name: "t" } }, createContext()),
    ).rejects.toMatchObject({ code: -31003 })
  })

  it("has no log levels, but takes subscriptions to its listen stream", async () => {
    const channel = server(answers())
    const acknowledge = channel.reply
    channel.reply = (message, at) => {
      acknowledge?.(message, at)
      if (message["method"] !== "subscriptions/listen") return
      const _meta = { "io.modelcontextprotocol/subscriptionId": message["id"] as number }
      at.receive({ method: "notifications/subscriptions/acknowledged", params: { _meta, notifications: {} } })
    }
    const session = await openSession(async () => channel, options(["modern"]))
    expect(await session.request({ method: "logging/setLevel", params: { level: "info" } }, createContext())).toEqual({
      value: {},
    })
    await session.request({ method: "resources/subscribe", params: { uri: "test://a" } }, createContext())
    expect(channel.of("subscriptions/listen").at(-1)).toMatchObject({
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ["test://a"] } },
    })
    await session.request({ method: "resources/unsubscribe", params: { uri: "test://a" } }, createContext())
    expect(channel.of("subscriptions/listen").at(-1)?.["params"]).toHaveProperty("notifications", {
      toolsListChanged: true,
    })
    expect(channel.sent.map((message) => message["method"])).not.toContain("logging/setLevel")
  })

  it("gives log lines of a shared pipe to the one request that wants them, in turn", async () => {
    const notification = vi.fn()
    const channel = server({ "server/discover": { result: discovered } })
    const session = await openSession(async () => channel, options(["modern"], { notification }))
    const [first, second] = [createContext({ logLevel: "info" }), createContext({ logLevel: "info" })]
    const call = { method: "tools/call", params: { name: "t" } }
    const pending = [session.request(call, first), session.request(call, second)]
    await settle()
    expect(channel.of("tools/call")).toHaveLength(1)
    const log = { method: "notifications/message", params: { level: "info", data: "x" } }
    channel.receive(log)
    channel.receive({ id: channel.of("tools/call")[0]?.["id"] as number, result: {} })
    await vi.waitFor(() => expect(channel.of("tools/call")).toHaveLength(2), { timeout: 20_000 })
    channel.receive(log)
    channel.receive({ id: channel.of("tools/call")[1]?.["id"] as number, result: {} })
    await Promise.all(pending)
    channel.receive(log)
    expect(notification.mock.calls.map(([, context]) => context)).toEqual([first, second, undefined])
  })

  it("lets a request that waits for its turn be cancelled", async () => {
    const channel = server({ "server/discover": { result: discovered } })
    const session = await openSession(async () => channel, options(["modern"]))
    const controller = new AbortController()
    const call = { method: "tools/call", params: { name: "t" } }
    void session.request(call, createContext({ logLevel: "info" })).catch(() => undefined)
    const waiting = session.request(call, createContext({ logLevel: "info", signal: controller.signal }))
    controller.abort()
    const late = new Promise((resolve) => setTimeout(() => resolve("still waiting"), 500))
    expect(await Promise.race([waiting.catch(() => "cancelled"), late])).toBe("cancelled")
  })
})
