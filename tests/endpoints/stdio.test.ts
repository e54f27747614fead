/** The stdio endpoint: one client of either generation, line by line. */
import { PassThrough, Writable } from "node:stream"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import { StdioEndpoint } from "../../src/endpoints/stdioEndpoint.ts"
import type { Host } from "../../src/host/host.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"
import {
  createHost,
  initialize,
  local,
  modern,
  modernMeta,
  type RigOptions,
  rawServer,
  request,
  startHost,
  toolCall,
} from "./support.ts"

afterEach(closeAll)

interface Pipe {
  readonly host: Host
  readonly endpoint: StdioEndpoint
  readonly input: PassThrough
  readonly messages: JsonObject[]
  write(message: unknown): void
  /** The first message that is like this, once it is there. */
  find(test: (message: JsonObject) => boolean): Promise<JsonObject>
  /** Sends a request and gives its answer. */
  ask(body: JsonObject): Promise<JsonObject>
}

async function pipe(options: RigOptions & { drainMs?: number; eras?: string[]; host?: object } = {}): Promise<Pipe> {
  return attach(await startHost(options), options)
}

function attach(
  host: Host,
  { drainMs = 200, eras = ["legacy", "modern"] }: { drainMs?: number; eras?: string[] } = {},
): Pipe {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const endpoint = new StdioEndpoint({ served: host, input, output, eras, drainMs })
  closers.push(() => endpoint.close(AbortSignal.abort()))
  const messages: JsonObject[] = []
  let text = ""
  output.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
    const lines = text.split("\n")
    text = lines.pop() ?? ""
    for (const line of lines) messages.push(JSON.parse(line) as JsonObject)
  })
  const find = (test: (message: JsonObject) => boolean): Promise<JsonObject> =>
    vi.waitFor(() => {
      const found = messages.find(test)
      if (found === undefined) throw new Error(`not among ${JSON.stringify(messages)}`)
      return found
    }, soon)
  const write = (message: unknown): void => {
    input.write(typeof message === "string" ? message : `${JSON.stringify(message)}\n`)
  }
  return {
    host,
    endpoint,
    input,
    messages,
    write,
    find,
    ask: (body) => {
      write(body)
      return find((message) => message["id"] === body["id"] && !("method" in message))
    },
  }
}

const notification = (method: string, params: JsonObject = {}): JsonObject => ({ jsonrpc: "2.0", method, params })
const modernCall = (id: string, name: string, args: JsonObject = {}, meta: JsonObject = {}): JsonObject =>
  modern("tools/call", { name, arguments: args }, { id, meta }).body

describe("a legacy client", () => {
  it("shakes hands, lists, calls and pings", async () => {
    const { ask, write } = await pipe()
    expect(await ask(initialize({ protocolVersion: "2025-06-18" }, "i"))).toMatchObject({
      jsonrpc: "2.0",
      result: { protocolVersion: "2025-06-18", serverInfo: { name: "test-host" } },
    })
    write(notification("notifications/initialized"))
    expect(JSON.stringify(await ask(request(1, "tools/list")))).toContain("main_echo")
    expect(await ask(toolCall(2, "main_echo", { text: "hi\n\u2028é" }))).toMatchObject({
      result: { content: [{ text: "hi\n\u2028é" }] },
    })
    expect(await ask(request(3, "ping"))).toEqual({ jsonrpc: "2.0", id: 3, result: {} })
    expect(await ask(request(4, "x/unknown"))).toMatchObject({ error: { code: -32601 } })
    expect(await ask(initialize({}, 5))).toMatchObject({ error: { code: -32600 } })
  })

  it("begins with initialize", async () => {
    const { ask } = await pipe()
    expect(await ask(request(1, "tools/list"))).toMatchObject({ error: { code: -32600 } })
    expect(await ask(request(2, "ping"))).toMatchObject({ result: {} })
  })

  it("is asked, told of progress, and cancels", async () => {
    const { ask, write, find, messages } = await pipe()
    await ask(initialize({ capabilities: { elicitation: {} } }))
    write(toolCall(1, "main_ask", { question: "Why?" }))
    const question = await find(({ method }) => method === "elicitation/create")
    write({ jsonrpc: "2.0", id: question["id"], result: { action: "decline" } })
    expect(JSON.stringify(await find(({ id }) => id === 1))).toContain("decline")
    const params = { name: "main_slow", arguments: { ms: 60_000, steps: 2_000 }, _meta: { progressToken: "p" } }
    write(request(2, "tools/call", params))
    await find(({ method }) => method === "notifications/progress")
    write(notification("notifications/cancelled", { requestId: 2 }))
    await vi.waitFor(async () => {
      const id = `stats-${Math.random()}`
      expect(JSON.stringify(await ask(toolCall(id, "main_stats")))).toContain('\\"cancelled\\":1')
    }, soon)
    expect(messages.filter(({ id }) => id === 2)).toEqual([])
  })

  it("hears of changes", async () => {
    const { ask, find } = await pipe()
    await ask(initialize())
    await ask(request(1, "tools/list"))
    await ask(toolCall(2, "main_addTool", { name: "extra" }))
    await find(({ method }) => method === "notifications/tools/list_changed")
  })

  it("is answered at once while servers start; its first list waits for them", async () => {
    const servers = [
      rawServer("slow", { never: true }, { timeouts: { startMs: 60_000, listMs: 200, callMs: 500, totalMs: 500 } }),
      local("main"),
    ]
    const { ask } = attach(createHost({ servers }))
    expect(await ask(initialize())).toMatchObject({
      result: { capabilities: { tools: { listChanged: true }, prompts: {} } },
    })
    // `timeouts.list` later what there is is listed.
    expect(JSON.stringify(await ask(request(1, "tools/list")))).toContain("main_echo")
  })
})

describe("a modern client", () => {
  it("needs no handshake", async () => {
    const { ask } = await pipe()
    expect(await ask(modern("server/discover", {}, { id: "d" }).body)).toMatchObject({
      result: { supportedVersions: expect.arrayContaining(["2026-07-28"]), resultType: "complete" },
    })
    expect(await ask(modernCall("c", "main_echo", { text: "hi" }))).toMatchObject({
      result: { resultType: "complete", content: [{ text: "hi" }] },
    })
    expect(await ask(modern("ping", {}, { id: "p" }).body)).toMatchObject({ error: { code: -32601 } })
    expect(
      await ask(
        modern("tools/list", {}, { id: "v", meta: { "io.modelcontextprotocol/protocolVersion": "1999-01-01" } }).body,
      ),
    ).toMatchObject({
      error: { code: -32022, data: { requested: "1999-01-01", supported: expect.arrayContaining(["2026-07-28"]) } },
    })
    expect(await ask(request("e", "server/discover"))).toMatchObject({ error: { code: -32602 } })
  })

  it("may be found out first and go on as a legacy one", async () => {
    const { ask } = await pipe()
    await ask(modern("server/discover", {}, { id: "d" }).body)
    expect(await ask(initialize())).toMatchObject({ result: { protocolVersion: "2025-11-25" } })
    expect(await ask(toolCall(1, "main_echo", { text: "hi" }))).toMatchObject({ result: { content: [{ text: "hi" }] } })
    expect((await ask(toolCall(2, "main_echo", { text: "hi" })))["result"]).not.toHaveProperty("resultType")
  })

  it("cancels by notification", async () => {
    const { ask, write, find, messages } = await pipe()
    write(modernCall("c", "main_slow", { ms: 60_000, steps: 2_000 }, { progressToken: "p" }))
    await find(({ method }) => method === "notifications/progress")
    write(notification("notifications/cancelled", { requestId: "c", _meta: modernMeta() }))
    await vi.waitFor(async () => {
      expect(JSON.stringify(await ask(modernCall(`s-${Math.random()}`, "main_stats")))).toContain('\\"cancelled\\":1')
    }, soon)
    expect(messages.filter(({ id }) => id === "c")).toEqual([])
  })

  it("listens: acknowledged first, told what it asked for, ended with a result or by itself", async () => {
    const { ask, find, messages, write, endpoint } = await pipe()
    const listen = (id: string, notifications: JsonObject) =>
      modern("subscriptions/listen", { notifications }, { id }).body
    const about = (id: string) =>
      messages.filter(
        ({ params }) =>
          (params as { _meta?: JsonObject } | undefined)?._meta?.["io.modelcontextprotocol/subscriptionId"] === id,
      )
    write(listen("one", { toolsListChanged: true, resourceSubscriptions: ["test://main/a"] }))
    write(listen("two", { promptsListChanged: true }))
    await vi.waitFor(() => expect([about("one").length, about("two").length]).toEqual([1, 1]), soon)
    expect(about("one")[0]).toMatchObject({
      method: "notifications/subscriptions/acknowledged",
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ["test://main/a"] } },
    })
    await ask(modernCall("t", "main_touch", { uri: "test://a" }))
    await ask(modernCall("a", "main_addTool", { name: "extra" }))
    await find(({ method }) => method === "notifications/tools/list_changed")
    expect(about("one").map(({ method }) => method)).toEqual([
      "notifications/subscriptions/acknowledged",
      "notifications/resources/updated",
      "notifications/tools/list_changed",
    ])
    expect(about("two")).toHaveLength(1)
    write(notification("notifications/cancelled", { requestId: "two" }))
    await ask(modernCall("e", "main_echo", { text: "still here" }))
    await endpoint.close(new AbortController().signal)
    expect(messages.filter(({ id }) => id === "one")).toMatchObject([
      { result: { resultType: "complete", _meta: { "io.modelcontextprotocol/subscriptionId": "one" } } },
    ])
    expect(messages.filter(({ id }) => id === "two")).toEqual([])
  })

  it("sees the same after its subscription has ended", async () => {
    const { ask, write, find } = await pipe({ servers: [local("main", "v2-mcp", { localMode: "proxy" })] })
    const meta = { "io.modelcontextprotocol/clientCapabilities": { roots: {} } }
    const list = async (id: string) =>
      ((await ask(modern("tools/list", {}, { id, meta }).body))["result"] as JsonObject)["tools"]
    const before = await list("l1")
    write(modern("subscriptions/listen", { notifications: { toolsListChanged: true } }, { id: "s", meta }).body)
    await find(({ method }) => method === "notifications/subscriptions/acknowledged")
    write(notification("notifications/cancelled", { requestId: "s" }))
    await ask(modern("tools/call", { name: "main_addTool", arguments: { name: "extra" } }, { id: "c", meta }).body)
    await vi.waitFor(async () => expect(JSON.stringify(await list(`l-${Math.random()}`))).toContain("main_extra"), soon)
    expect(JSON.stringify(before)).not.toContain("main_extra")
  })

  it("may not use an id twice at once, but again later", async () => {
    const { ask, write, messages, find } = await pipe()
    write(modernCall("x", "main_slow", { ms: 300 }))
    write(modernCall("x", "main_echo", { text: "hi" }))
    await find(({ id, error }) => id === "x" && (error as JsonObject | undefined)?.["code"] === -32600)
    await find(({ id, result }) => id === "x" && result !== undefined)
    messages.length = 0
    expect(await ask(modernCall("x", "main_echo", { text: "hi" }))).toMatchObject({
      result: { content: [{ text: "hi" }] },
    })
  })
})

describe("lines", () => {
  it.each<[string, string, number]>([
    ["garbage", "hello\n", -32700],
    ["half a message", '{"jsonrpc":"2.0"\n', -32700],
    ["no message", '{"jsonrpc":"2.0","id":1}\n', -32600],
    ["a batch", `[${JSON.stringify(request(1, "ping"))}]\n`, -32600],
    ["too deep", `{"jsonrpc":"2.0","id":1,"method":"x","params":${'{"a":'.repeat(200)}1${"}".repeat(200)}}\n`, -31004],
    ["too long", `${JSON.stringify(request(1, "x", { text: "x".repeat(4 * 1024 * 1024) }))}\n`, -31004],
  ])("of %s are refused, and the next is served", async (_what, line, code) => {
    const { write, find, ask } = await pipe({ servers: [] })
    write(line)
    expect(await find(({ id }) => id === null)).toMatchObject({ jsonrpc: "2.0", id: null, error: { code } })
    expect(await ask(request("p", "ping"))).toMatchObject({ result: {} })
  })

  it("may be empty, end in CR LF, and come in pieces", async () => {
    const { input, find, messages } = await pipe({ servers: [] })
    const bytes = Buffer.from(`\n\r\n${JSON.stringify(request("é", "ping"))}\r\n`, "utf8")
    for (const byte of bytes) input.write(Buffer.of(byte))
    await find(({ id }) => id === "é")
    expect(messages).toHaveLength(1)
  })

  it("are answered in any order, each once", async () => {
    const { ask, write, messages } = await pipe()
    await ask(initialize())
    for (let id = 1; id <= 50; id += 1)
      write(toolCall(id, id % 2 === 0 ? "main_echo" : "main_slow", id % 2 === 0 ? { text: "x" } : { ms: 20 }))
    await vi.waitFor(() => expect(messages).toHaveLength(51), soon)
    expect(new Set(messages.map(({ id }) => id)).size).toBe(51)
  })
})

describe("eras", () => {
  it("[legacy] answers a probe as a legacy server, so that clients of both fall back", async () => {
    const { ask } = await pipe({ eras: ["legacy"] })
    const probe = await ask(modern("server/discover", {}, { id: "d" }).body)
    expect([-32020, -32021, -32022]).not.toContain((probe["error"] as JsonObject)["code"])
    expect(await ask(initialize())).toMatchObject({ result: { protocolVersion: "2025-11-25" } })
    expect(await ask(modern("server/discover", {}, { id: "e" }).body)).toMatchObject({ error: { code: -32601 } })
  })

  it("[modern] names its versions to a legacy client", async () => {
    const { ask } = await pipe({ eras: ["modern"] })
    expect(await ask(initialize())).toMatchObject({
      error: {
        code: -32022,
        message: expect.stringContaining("2026-07-28"),
        data: { supported: ["2026-07-28"], requested: "2025-11-25" },
      },
    })
    expect(await ask(modernCall("c", "main_echo", { text: "hi" }))).toHaveProperty("result")
  })
})

describe("a client that does not read", () => {
  /** Takes nothing of what is written to it until it is told to. */
  function deaf(host: Host, stalledMs: number) {
    const input = new PassThrough()
    const taken: string[] = []
    let take = (): void => undefined
    const output = new Writable({
      decodeStrings: false,
      write(chunk: Uint8Array | string, _encoding, done) {
        const write = take
        take = () => {
          write()
          taken.push(chunk.toString())
          done()
        }
      },
    })
    output.on("error", () => undefined)
    const endpoint = new StdioEndpoint({
      served: host,
      input,
      output,
      eras: ["legacy", "modern"],
      drainMs: 200,
      stalledMs,
    })
    closers.push(() => endpoint.close(AbortSignal.abort()))
    const write = (message: JsonObject): void => void input.write(`${JSON.stringify(message)}\n`)
    return {
      ...{ endpoint, input, output, taken, write },
      /** Reads from now on. */
      read(): void {
        const poll = setInterval(() => {
          for (let chunks = 0; chunks < 100; chunks += 1) {
            const now = take
            take = () => undefined
            now()
          }
        }, 1)
        closers.push(() => clearInterval(poll))
      },
    }
  }

  const big = { content: [{ type: "text", text: "x".repeat(400_000) }] }

  it("has a bounded amount waiting for it, whatever a server tells, and hears the latest when it reads again", async () => {
    const host = await startHost({ servers: [rawServer("raw", { capabilities: { tools: {}, logging: {} } })] })
    const { input, output, taken, write, read } = deaf(host, 600_000)
    write(initialize())
    for (let id = 1; id <= 50; id += 1) write(toolCall(id, "raw_do_result", { result: big }))
    await vi.waitFor(() => expect(input.isPaused()).toBe(true), soon)
    const params = { level: "error", data: "x".repeat(1_000) }
    for (let id = 100; id < 120; id += 1)
      write(toolCall(id, "raw_do_flood", { method: "notifications/message", params, count: 2_000 }))
    await delay(300)
    // The requests that one piece of its input held may all have been answered, the rest was not read.
    expect(output.writableLength).toBeLessThan(50 * 400_000 + 2 * 1024 * 1024)
    read()
    const ids = (): unknown[] =>
      taken
        .join("")
        .split("\n")
        .filter(Boolean)
        .map((text) => (JSON.parse(text) as JsonObject)["id"])
    await vi.waitFor(() => expect(ids()).toContain(119), { timeout: 20_000, interval: 100 })
    expect(ids().filter((id) => id !== undefined)).toHaveLength(71)
  })

  it("is taken for gone when it takes nothing for long", async () => {
    const host = await startHost({ servers: [rawServer("raw")] })
    const { endpoint, write, output } = deaf(host, 100)
    write(initialize())
    for (let id = 1; id <= 5; id += 1) write(toolCall(id, "raw_do_result", { result: big }))
    await endpoint.ended
    expect(output.destroyed).toBe(true)
  })

  it("does not hold the end up", async () => {
    const host = await startHost({ servers: [rawServer("raw")] })
    const { endpoint, write, output } = deaf(host, 600_000)
    write(initialize())
    await vi.waitFor(() => expect(output.writableLength).toBeGreaterThan(0), soon)
    await endpoint.close(new AbortController().signal)
    expect(output.destroyed).toBe(true)
  })
})

describe("the end", () => {
  it("of the input ends the endpoint", async () => {
    const { endpoint, input, ask } = await pipe({ servers: [] })
    await ask(request(1, "ping"))
    input.end()
    await endpoint.ended
  })

  it("of the output does too", async () => {
    const host = await startHost({ servers: [] })
    const [input, output] = [new PassThrough(), new PassThrough()]
    const endpoint = new StdioEndpoint({ served: host, input, output, eras: ["legacy"], drainMs: 100 })
    output.destroy(new Error("EPIPE"))
    await endpoint.ended
    await endpoint.close(AbortSignal.abort())
  })

  it("lets what is in flight end, and answers the rest with -31007", async () => {
    const servers = [local("main"), rawServer("raw")]
    const { endpoint, input, ask, write, messages } = await pipe({ servers, drainMs: 4_000 })
    await ask(initialize())
    write(toolCall("slow", "main_slow", { ms: 200 }))
    write(toolCall("hang", "raw_do_hang"))
    write(modernCall("modern", "raw_do_hang"))
    await ask(request("p", "ping"))
    input.end()
    await endpoint.ended
    await endpoint.close(new AbortController().signal)
    const answers = Object.fromEntries(
      messages.map(({ id, result, error }) => [id, result === undefined ? (error as JsonObject)["code"] : "result"]),
    )
    expect(answers).toEqual({ 0: "result", p: "result", slow: "result", hang: -31007, modern: -31007 })
    // Nothing comes after the end.
    const count = messages.length
    write(request("late", "ping"))
    await delay(20)
    expect(messages).toHaveLength(count)
  })

  it("comes at once when hurried", async () => {
    const { endpoint, ask, write, messages } = await pipe({ servers: [rawServer("raw")], drainMs: 600_000 })
    await ask(initialize())
    write(toolCall("hang", "raw_do_hang"))
    await ask(request("p", "ping"))
    await endpoint.close(AbortSignal.abort())
    expect(messages.find(({ id }) => id === "hang")).toMatchObject({ error: { code: -31007, data: { sent: "maybe" } } })
  })
})
