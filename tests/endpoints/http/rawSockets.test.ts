/** What the listener does with bytes that are no proper HTTP, with too many connections and with slow ones. */
import { createServer, type RequestListener } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import { answerClientErrors } from "../../../src/endpoints/http/clientErrors.ts"
import { limitConnections } from "../../../src/endpoints/http/connections.ts"
import { closeAll, closers } from "../../fixtures/harness.ts"
import { soon } from "../../upstreams/support.ts"
import { openSession, rawServer, startRig, toolCall } from "../support.ts"

afterEach(closeAll)

interface Wire {
  readonly socket: Socket
  readonly text: string
  readonly closed: boolean
}

function open(port: number, bytes = ""): Wire {
  const socket = connect(port, "127.0.0.1")
  closers.push(() => socket.destroy())
  let text = ""
  let closed = false
  socket.setEncoding("utf8").on("data", (chunk) => {
    text += chunk
  })
  socket.on("error", () => undefined)
  socket.on("close", () => {
    closed = true
  })
  socket.write(bytes)
  return {
    socket,
    get text() {
      return text
    },
    get closed() {
      return closed
    },
  }
}

const portOf = (base: string): number => Number(new URL(base).port)
/** The JSON-RPC error that the connection was closed with. */
function errorIn({ text }: Wire): unknown {
  const [head = "", body = ""] = text.split("\r\n\r\n")
  expect(head).toMatch(/^content-type: application\/json\r\ncontent-length: (\d+)\r\nconnection: close$/m)
  expect(head).toContain(`content-length: ${body.length}\r\n`)
  const { error, ...rest } = JSON.parse(body)
  expect(rest).toEqual({ jsonrpc: "2.0", id: null })
  return error
}
const answers = (wire: Wire, pattern: RegExp): Promise<void> =>
  vi.waitFor(() => expect(wire.text).toMatch(pattern), soon)
const closes = (wire: Wire): Promise<void> => vi.waitFor(() => expect(wire.closed).toBe(true), soon)

describe("requests that two readers may read in two ways", () => {
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
  const head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`
  const cases: Readonly<Record<string, string>> = {
    "a length and chunks": `${head}Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "chunks and a length": `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    "chunks behind a tab, and a length": `${head}Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    "two lengths": `${head}Content-Length: 40\r\nContent-Length: 41\r\n\r\n${ping}`,
    "one length twice": `${head}Content-Length: 40\r\nContent-Length: 40\r\n\r\n${ping}`,
    "a list of lengths": `${head}Content-Length: 40, 40\r\n\r\n${ping}`,
    "a length with a sign": `${head}Content-Length: +40\r\n\r\n${ping}`,
    "a negative length": `${head}Content-Length: -1\r\n\r\n${ping}`,
    "an encoding after chunked": `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    "an encoding like chunked": `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    "a space before the colon": `${head}Content-Length : 40\r\n\r\n${ping}`,
    "a folded header": `${head}X-A: b\r\n Content-Length: 40\r\n\r\n${ping}`,
    "bare line feeds": `POST /mcp HTTP/1.1\nHost: localhost\nContent-Length: 40\n\n${ping}`,
    "a bare carriage return": `${head}X-A: b\rX-B: c\r\nContent-Length: 40\r\n\r\n${ping}`,
    "a NUL": `${head}X-A: b\0c\r\nContent-Length: 40\r\n\r\n${ping}`,
    "a chunk's size in C": `${chunked}0x28\r\n${ping}\r\n0\r\n\r\n`,
    "a chunk's extension with a line feed": `${chunked}28;a\nb\r\n${ping}\r\n0\r\n\r\n`,
    "chunks ended by line feeds": `${chunked}28\n${ping}\n0\n\n`,
    "a chunk beyond all numbers": `${chunked}fffffffffffffffff\r\n${ping}`,
    "less than there is": `${head}Content-Length: 20\r\n\r\n${ping}`,
  }

  it.each(Object.entries(cases))("with %s are refused, and nothing behind them is read", async (_what, bytes) => {
    const { base } = await startRig({ servers: [] })
    const wire = open(portOf(base), `${bytes}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await answers(wire, /^HTTP\/1\.1 400 /)
    await closes(wire)
    expect(errorIn(wire)).toMatchObject({ code: -32600, message: expect.stringMatching(/no proper HTTP: Parse Error/) })
    expect(wire.text).not.toContain("200 OK")
  })

  it("with two hosts are refused", async () => {
    const { base } = await startRig({ servers: [] })
    const wire = open(portOf(base), "GET /healthz HTTP/1.1\r\nHost: localhost\r\nhOST: localhost\r\n\r\n")
    await answers(wire, /^HTTP\/1\.1 403 .*more than one Host/s)
  })
})

describe("what Node's server refuses", () => {
  /** A server whose connections are looked at all the time; what it does with a request is the test's. */
  async function listen(onRequest: RequestListener): Promise<number> {
    const timeouts = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 }
    const server = createServer(timeouts, onRequest)
    answerClientErrors(server)
    closers.push(() => {
      server.close()
      server.closeAllConnections()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return (server.address() as AddressInfo).port
  }
  const post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
  const bad = "GET / HTTP/1.1\r\nbad\r\n\r\n"

  it.each([
    [431, `GET /healthz HTTP/1.1\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`, /head of the request/],
    [
      413,
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2;${"a".repeat(20_000)}\r\n`,
      /chunk/,
    ],
  ])("for its size is told so (%i)", async (status, bytes, reason) => {
    const { base } = await startRig({ servers: [] })
    const wire = open(portOf(base), bytes)
    await closes(wire)
    expect(wire.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    const data = { sent: "no", retryable: false, reason: expect.stringMatching(reason) }
    expect(errorIn(wire)).toMatchObject({ code: -31004, data })
  })

  it.each([
    ["head", "POST / HTTP/1.1\r\nHost: localhost\r\n"],
    ["body", `${post}{}`],
  ])("because its %s does not come is told so", async (_what, bytes) => {
    const wire = open(await listen((request) => void request.resume()), bytes)
    await closes(wire)
    expect(wire.text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    const data = { sent: "no", retryable: true, reason: expect.stringMatching(/in time/) }
    expect(errorIn(wire)).toMatchObject({ code: -31004, data })
  })

  it("after an answer is answered behind it", async () => {
    const wire = open(
      await listen((_request, response) => void response.end("whole")),
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    await answers(wire, /whole/)
    wire.socket.write(bad)
    await closes(wire)
    expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK.*whole.*HTTP\/1\.1 400 Bad Request\r\n.*-32600/s)
  })

  it("in the middle of an answer is not written into it", async () => {
    const wire = open(
      await listen((_request, response) => void response.write("half")),
      `GET / HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    await answers(wire, /half/)
    wire.socket.write(bad)
    await closes(wire)
    expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(wire.text).not.toContain("400")
  })

  it("behind a request that has no answer yet does not say that nothing was sent", async () => {
    const large = `GET / HTTP/1.1\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`
    const wire = open(await listen(() => undefined), `GET / HTTP/1.1\r\nHost: a\r\n\r\n${large}`)
    await closes(wire)
    expect(wire.text).toMatch(/^HTTP\/1\.1 431 /)
    expect(errorIn(wire)).toMatchObject({ code: -31004, data: { sent: "maybe", retryable: false } })
  })
})

describe("connections", () => {
  it("beyond the limit are told so, before anything of them is read, until another has gone", async () => {
    const { base } = await startRig({ servers: [], http: { maxConnections: 2 } })
    const health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    const first = [open(portOf(base), health), open(portOf(base), health)]
    for (const wire of first) await answers(wire, /^HTTP\/1\.1 200 /)
    const third = open(portOf(base), health)
    await answers(third, /^HTTP\/1\.1 503 .*retry-after.*-31006.*2 connections/s)
    await closes(third)
    expect(third.text).not.toContain("200 OK")
    first[0]?.socket.destroy()
    await vi.waitFor(async () => {
      const next = open(portOf(base), health)
      await vi.waitFor(() => expect(next.text).toMatch(/^HTTP/), soon)
      expect(next.text).toMatch(/^HTTP\/1\.1 200 /)
    }, soon)
    first[1]?.socket.write(health)
    await vi.waitFor(() => expect(first[1]?.text.match(/200 OK/g)).toHaveLength(2), soon)
  })

  it("of one address have a limit of their own, unless many clients share it", async () => {
    for (const [isShared, expected] of [
      [false, /503 Service.*1 connections of this address/s],
      [true, /200 OK/],
    ] as const) {
      const server = createServer((_request, response) => void response.end())
      const stop = limitConnections(server, { total: 10, perAddress: 1, isShared: () => isShared })
      closers.push(() => {
        stop()
        server.close()
        server.closeAllConnections()
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as AddressInfo
      const [one, two] = [1, 2].map(() => open(port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) as [Wire, Wire]
      await answers(one, /200 OK/)
      await answers(two, expected)
    }
  })

  it("that send their head byte by byte are closed, and slow nobody else", async () => {
    const { base, url } = await startRig({ servers: [rawServer("raw")] })
    const slow = Array.from({ length: 100 }, () => open(portOf(base), "POST /mcp HTTP/1.1\r\n"))
    const drip = setInterval(() => {
      for (const { socket } of slow) socket.write("x-a: b\r\n")
    }, 500)
    closers.push(() => clearInterval(drip))
    const session = await openSession(url)
    for (let id = 1; id <= 20; id += 1) {
      expect((await session.send(toolCall(id, "raw_do_result", { result: { content: [] } }))).json).toMatchObject({
        id,
      })
    }
    await vi.waitFor(() => expect(slow.every(({ closed }) => closed)).toBe(true), { timeout: 60_000, interval: 200 })
    for (const { text } of slow) expect(text).toMatch(/^HTTP\/1\.1 408 .*-31004.*in time/s)
  })
})
