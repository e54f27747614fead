/** What the listener does with bytes that are no proper HTTP, with too many connections and with slow ones. */
import { createServer } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
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
    expect(wire.text).not.toContain("200 OK")
  })

  it("with two hosts are refused", async () => {
    const { base } = await startRig({ servers: [] })
    const wire = open(portOf(base), "GET /healthz HTTP/1.1\r\nHost: localhost\r\nhOST: localhost\r\n\r\n")
    await answers(wire, /^HTTP\/1\.1 403 .*more than one Host/s)
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
    for (const { text } of slow) expect(text).toMatch(/^HTTP\/1\.1 408 /)
  })
})
