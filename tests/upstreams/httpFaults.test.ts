/** Answers over HTTP that nobody could take: refused at the limit, for the one request they belong to. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { createClient, createContext } from "../wire/support.ts"
import { farTooMuch, probeLoad } from "./loadProbe.ts"
import { create, entryOf, httpTarget, ready, soon } from "./support.ts"

afterEach(closeAll)

const MiB = 1024 * 1024
const timeouts = { startMs: 20_000, listMs: 10_000, callMs: 30_000, totalMs: 40_000 }
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`
const deepAnswer = (id: unknown, depth: number): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[],"x":${nested(depth)}}}`

type Tool = (response: ServerResponse, id: unknown, args: JsonObject) => void

const json = (response: ServerResponse, body: string | Buffer, status = 200): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(body)
const events = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { "content-type": "text/event-stream" })
const result = (text: string): JsonObject => ({ content: [{ type: "text", text }] })

/** Writes the same megabyte again and again, as fast as it is read. */
function flood(response: ServerResponse, bytes: number, piece: Buffer): void {
  let left = bytes
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= piece.length
      if (!response.write(piece)) return void response.once("drain", more)
    }
    response.end()
  }
  more()
}

const tools: Readonly<Record<string, Tool>> = {
  echo: (response, id) => json(response, JSON.stringify({ jsonrpc: "2.0", id, result: result("hi") })),
  never: () => undefined,
  deepJson: (response, id, { depth }) => json(response, deepAnswer(id, depth as number)),
  deepEvent: (response, id, { depth }) => void events(response).write(`data: ${deepAnswer(id, depth as number)}\n\n`),
  deepRefusal: (response, id, { depth }) =>
    json(response, deepAnswer(id, depth as number).replace("result", "error"), 400),
  notUtf8Json: (response, id) =>
    json(
      response,
      Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"x":"`), invalid, Buffer.from('"}}')]),
    ),
  notUtf8Event: (response) =>
    void events(response).write(Buffer.concat([Buffer.from("data: "), invalid, Buffer.from("\n\n")])),
  longEvent: (response, _id, { head, piece }) => {
    events(response).write(String(head))
    flood(response, 400 * MiB, Buffer.from(String(piece).repeat(MiB / Buffer.byteLength(String(piece)))))
  },
  longJson: (response) => {
    response.writeHead(200, { "content-type": "application/json" })
    flood(response, 400 * MiB, Buffer.alloc(MiB, "x"))
  },
  // Answers the request before it, too.
  others: (response, id) => {
    for (let other = 0; other < 20; other += 1)
      if (other !== id) writeEvent(response, { jsonrpc: "2.0", id: other, result: result("wrong") })
    writeEvent(response, { jsonrpc: "2.0", id: String(id), result: result("wrong") })
    writeEvent(response, { jsonrpc: "2.0", id: id as number, result: result("right") })
    writeEvent(response, { jsonrpc: "2.0", id: id as number, result: result("again") })
    response.end()
  },
  doubleId: (response, id, { other }) =>
    json(response, `{"jsonrpc":"2.0","id":${id},"result":{"content":[]},"id":${other}}`),
}
const invalid = Buffer.from([0xc3, 0x28])

function writeEvent(response: ServerResponse, message: JsonObject): void {
  if (!response.headersSent) events(response)
  response.write(`data: ${JSON.stringify(message)}\n\n`)
}

/** A legacy server with the tools above. `stream` is written to every GET stream. */
async function serve(stream?: (response: ServerResponse, nth: number) => void): Promise<string> {
  let streams = 0
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === "GET" && stream !== undefined) {
      streams += 1
      return stream(events(response), streams)
    }
    if (request.method !== "POST") return void response.writeHead(405).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString("utf8"))
    if (method === "tools/call") return (tools[params.name] as Tool)(response, id, params.arguments)
    if (id === undefined) return void response.writeHead(202).end()
    if (stream !== undefined) response.setHeader("mcp-session-id", "1")
    const capabilities = { tools: { listChanged: true } }
    const shaken = { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "s", version: "1" } }
    json(response, JSON.stringify({ jsonrpc: "2.0", id, result: method === "initialize" ? shaken : { tools: [] } }))
  }
  return listen((request, response) => void respond(request, response))
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

async function open(url: string) {
  const target = httpTarget(url, { transport: "http", era: "legacy" })
  const test = create(entryOf(target, { timeouts, session: "shared" }))
  await ready(test.upstream)
  const call = (name: string, args: JsonObject = {}, client = createClient()) =>
    test.upstream.handle({ method: "tools/call", params: { name, arguments: args } }, createContext({ client }))
  return { ...test, call }
}

const failure = (code: number, reason: RegExp) => ({
  code,
  data: { sent: "maybe", reason: expect.stringMatching(reason) },
})
const echoed = { value: { content: [{ text: "hi" }] } }

describe("answers over HTTP", () => {
  it.each(["deepJson", "deepEvent"])("that nest too deep end their request at once (%s)", async (tool) => {
    const { call } = await open(await serve())
    for (const depth of [127, 5_000, 100_000])
      await expect(call(tool, { depth })).rejects.toMatchObject(failure(-31004, /deeper than 128/))
    expect(await call("echo")).toMatchObject(echoed)
  })

  it("with a failing status that nest too deep end their request", async () => {
    const { call } = await open(await serve())
    await expect(call("deepRefusal", { depth: 5_000 })).rejects.toMatchObject({
      message: expect.stringContaining("400"),
    })
  })

  it.each(["notUtf8Json", "notUtf8Event"])("that are not UTF-8 are -31003 (%s)", async (tool) => {
    const { call } = await open(await serve())
    await expect(call(tool)).rejects.toMatchObject(failure(-31003, /not UTF-8/))
    expect(await call("echo")).toMatchObject(echoed)
  })

  it.each([
    ["an event from its beginning", "longEvent", { head: "data: ", piece: "x" }],
    ["an event with an id", "longEvent", { head: "id: 1\ndata: ", piece: "x" }],
    ["an event of wide characters", "longEvent", { head: "id: 1\ndata: ", piece: "あ" }],
    ["an event of many lines", "longEvent", { head: "id: 1\n", piece: `data: ${"x".repeat(1017)}\n` }],
    ["an event without a name for anything", "longEvent", { head: "", piece: "x" }],
    ["a body", "longJson", {}],
  ])("of 400 MB are refused at the limit (%s)", async (_what, tool, args) => {
    const { call } = await open(await serve())
    const probe = probeLoad()
    await expect(call(tool, args)).rejects.toMatchObject(failure(-31004, /more than 16777216/))
    probe.stop()
    expect(probe.growth).toBeLessThan(farTooMuch)
    expect(await call("echo")).toMatchObject(echoed)
  })

  it("answer no request but their own, whatever ids they have", async () => {
    const { call } = await open(await serve())
    const bob = createClient({ key: "bob" })
    const outcome = vi.fn()
    for (let waiting = 0; waiting < 5; waiting += 1) call("never", {}, bob).then(outcome, outcome)
    expect(await call("others")).toMatchObject({ value: { content: [{ text: "right" }] } })
    for (let other = 1; other < 8; other += 1)
      await expect(call("doubleId", { other })).rejects.toMatchObject(failure(-31001, /before answering/))
    expect(outcome).not.toHaveBeenCalled()
  })
})

describe("the stream of a session", () => {
  it("is opened again after a message that cannot be taken", async () => {
    const second = vi.fn()
    const url = await serve((response, nth) => {
      if (nth === 1) response.write(`retry: 50\ndata: ${deepAnswer(1, 5_000).replace('"id":1,', "")}\n\n`)
      else {
        second()
        response.write(": here\n\n")
      }
    })
    const { call } = await open(url)
    await vi.waitFor(() => expect(second).toHaveBeenCalled(), soon)
    expect(await call("echo")).toMatchObject(echoed)
  })
})

describe("the older HTTP+SSE", () => {
  /** Messages go to the one stream; a tool's answer is what `answer` writes there. */
  async function serveSse(answer: (stream: ServerResponse, id: unknown, args: JsonObject) => void): Promise<string> {
    let stream: ServerResponse | undefined
    const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      if (request.method === "GET") {
        stream = events(response)
        return void stream.write("event: endpoint\ndata: /messages\n\n")
      }
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString("utf8"))
      response.writeHead(202).end()
      const capabilities = { tools: {} }
      const shaken = { protocolVersion: "2024-11-05", capabilities, serverInfo: { name: "s", version: "1" } }
      if (id === undefined || stream === undefined) return
      if (method === "tools/call" && params.name !== "echo") return answer(stream, id, params.arguments)
      const results: JsonObject = { initialize: shaken, "tools/list": { tools: [] }, "tools/call": result("hi") }
      // The blank line comes on its own, as it may.
      stream.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} })}\n`)
      setImmediate(() => stream?.write("\n"))
    }
    return listen((request, response) => void respond(request, response))
  }

  async function openSse(url: string) {
    const test = create(entryOf(httpTarget(url, { transport: "sse", era: "legacy" }), { timeouts, session: "shared" }))
    await ready(test.upstream)
    const call = (name: string, args: JsonObject = {}) =>
      test.upstream.handle({ method: "tools/call", params: { name, arguments: args } }, createContext())
    return { ...test, call }
  }

  it("ends a request whose answer nests too deep", async () => {
    const { call } = await openSse(
      await serveSse((stream, id, { depth }) => void stream.write(`data: ${deepAnswer(id, depth as number)}\n\n`)),
    )
    for (const depth of [127, 5_000]) {
      await expect(call("deep", { depth })).rejects.toMatchObject(failure(-31004, /deeper than 128/))
      expect(await call("echo")).toMatchObject(echoed)
    }
  })

  it.each([
    ["an event of 400 MB", -31004, (stream: ServerResponse): void => flood(stream, 400 * MiB, Buffer.alloc(MiB, "x"))],
    [
      "what is not UTF-8",
      -31003,
      (stream: ServerResponse): void => void stream.write(Buffer.concat([invalid, Buffer.from("\n\n")])),
    ],
  ] as const)("refuses %s and connects again", async (_what, code, write) => {
    const { call, upstream } = await openSse(
      await serveSse((stream) => {
        stream.write("data: ")
        write(stream)
      }),
    )
    const probe = probeLoad()
    await expect(call("any")).rejects.toMatchObject(failure(code, /more than|not UTF-8/))
    await ready(upstream)
    probe.stop()
    expect(probe.growth).toBeLessThan(farTooMuch)
    expect(await call("echo")).toMatchObject(echoed)
  })
})
