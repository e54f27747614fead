import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { describe, expect, it } from "vitest"
import { Reply } from "../../../src/endpoints/http/reply.ts"
import { RawResult } from "../../../src/protocol/rawResult.ts"
import { closers } from "../../fixtures/harness.ts"

/** Its bytes in pieces that a socket could have made; more than the buffers of a connection hold. */
function resultOf(options: { readonly passing: boolean }): { result: RawResult; value: unknown } {
  const value = { content: [{ type: "text", text: "é\n".repeat(3_000_000) }] }
  const bytes = Buffer.from(JSON.stringify(value))
  const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) => {
    const part = bytes.subarray(at * 65_536, (at + 1) * 65_536)
    const piece = Buffer.from(new ArrayBuffer(part.length))
    part.copy(piece)
    return piece
  })
  return { result: new RawResult(pieces, { holdsUris: false, hasMeta: false, ...options }), value }
}

/** A server that answers everything with the result. */
async function serve(result: RawResult, accept: string): Promise<{ port: number; ended: Promise<void> }> {
  let end: () => void
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    response.once("close", () => end())
    new Reply(response, accept).answerBytes(7, result)
  })
  closers.push(async () => void server.close())
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { port: (server.address() as { port: number }).port, ended }
}

const left = ({ bytes }: RawResult): number => bytes.reduce((size, piece) => size + piece.length, 0)

/** Reads nothing for a while, so that most of the answer has to wait. */
async function readSlowly(port: number): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve) => get({ port, agent: false }, resolve))
  await new Promise((resolve) => setTimeout(resolve, 200))
  return text(response)
}

describe("a large result", () => {
  it.each([
    ["JSON", "application/json"],
    ["an event stream", "text/event-stream"],
  ])("reaches a client that reads late whole, as %s, and is kept no longer", async (_what, accept) => {
    const { result, value } = resultOf({ passing: true })
    const { port, ended } = await serve(result, accept)
    const answer = await readSlowly(port)
    const json = /\{.*\}/.exec(answer)?.[0] ?? ""
    // Compared like this, since a failing comparison would print it all.
    expect(json === JSON.stringify({ jsonrpc: "2.0", id: 7, result: value })).toBe(true)
    await ended
    expect(left(result)).toBe(0)
  })

  it("that is sent again stays", async () => {
    const { result, value } = resultOf({ passing: false })
    const size = left(result)
    const { port } = await serve(result, "application/json")
    for (let time = 0; time < 2; time += 1) {
      const answer = await (await fetch(`http://127.0.0.1:${port}`)).json()
      expect(answer).toEqual({ jsonrpc: "2.0", id: 7, result: value })
    }
    expect(left(result)).toBe(size)
  })

  it("whose client goes away harms nothing", async () => {
    const { result } = resultOf({ passing: true })
    const { port, ended } = await serve(result, "application/json")
    const socket = connect(port, "127.0.0.1")
    socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    socket.once("data", () => socket.resetAndDestroy())
    await ended
  })
})
