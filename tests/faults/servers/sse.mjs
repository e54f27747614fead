// The fault server over the HTTP+SSE transport of revision 2024-11-05: one event stream, and a URL to post to.
import { randomUUID } from "node:crypto"
import { createPort, readBody, toEvent } from "./webPort.mjs"

export function serveSse({ server }) {
  const streams = new Map()
  const announce = (message) => {
    for (const stream of streams.values()) stream.write(toEvent(JSON.stringify({ jsonrpc: "2.0", ...message })))
  }
  const open = (request, response) => {
    const session = randomUUID()
    streams.set(session, response)
    response.once("close", () => streams.delete(session))
    response.writeHead(200, { "content-type": "text/event-stream" })
    const url = new URL(request.url, "http://web")
    url.searchParams.set("session", session)
    response.write(`event: endpoint\ndata: ${url.pathname}${url.search}\n\n`)
  }
  return (request, response) => {
    if (request.method === "GET") return open(request, response)
    const stream = streams.get(new URL(request.url, "http://web").searchParams.get("session"))
    if (request.method !== "POST" || stream === undefined) return response.writeHead(405).end()
    readBody(request, (text) => {
      response.writeHead(202).end()
      const port = createPort({ transport: "sse", response: stream, head: () => undefined, frame: toEvent, announce })
      server.message(JSON.parse(text), port)
    })
  }
}
