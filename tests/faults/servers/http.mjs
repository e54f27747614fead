// The fault server over Streamable HTTP: answers as JSON, or as event streams where `events` says so.
import { randomUUID } from "node:crypto"
import { createPort, readBody, toEvent } from "./webPort.mjs"

export function serveHttp({ server, row = {}, events }) {
  const sessions = new Set()
  const streams = new Set()
  const state = { sessions, times: new Map(), kept: [] }
  const announce = (message) => {
    for (const stream of streams) stream.write(toEvent(JSON.stringify({ jsonrpc: "2.0", ...message })))
  }
  const open = (response) => response.writeHead(200, { "content-type": "text/event-stream" })
  const listen = (request, response) => {
    if (row.get?.({ request, response, state, note: server.note }) === true) return
    open(response).write(": \n\n")
    streams.add(response)
    response.once("close", () => streams.delete(response))
  }
  const post = (request, response, message) => {
    const session = message.method === "initialize" ? randomUUID() : request.headers["mcp-session-id"]
    if (message.method === "initialize") sessions.add(session)
    if (row.post?.({ request, response, message, state, note: server.note }) === true) return
    const modern = request.headers["mcp-method"] !== undefined
    if (!modern && message.method !== "server/discover" && !sessions.has(session)) return response.writeHead(404).end()
    if (message.id === undefined || message.method === undefined) {
      server.message(message, undefined)
      return response.writeHead(202).end()
    }
    const type = events ? "text/event-stream" : "application/json"
    const head = () => {
      if (!response.headersSent)
        response.writeHead(200, { "content-type": type, ...(session !== undefined && { "mcp-session-id": session }) })
    }
    const frame = events ? toEvent : (text) => Buffer.from(text)
    const port = createPort({ transport: "http", response, head, frame, announce })
    // Who closes the stream no longer waits for the answer.
    response.once("close", () => response.writableEnded || server.left(message.id))
    server.message(message, port)
  }
  return (request, response) => {
    if (request.method === "GET") return listen(request, response)
    if (request.method === "DELETE") return response.writeHead(200).end()
    readBody(request, (text) => post(request, response, JSON.parse(text)))
  }
}
