// node http.mjs [--port N] [--name N] [--tools N] [--answer json|sse] — the echo server over Streamable HTTP: both
// generations, no dependencies. This is the direct connection that the others are measured against. It checks what the
// specification asks of a server (session, version and mirrored headers) and prints its port when it listens.
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import { createAnswers, isModern, progressOf } from "./answers.mjs"
import { optionOf } from "./options.mjs"

const answer = createAnswers({ name: optionOf("name", "echo"), tools: Number(optionOf("tools", "2")) })
const events = optionOf("answer", "json") === "sse"
const sessions = new Set()

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => serve(request, response, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
})
server.listen(Number(optionOf("port", "0")), "127.0.0.1", 4_096, () => {
  process.stdout.write(`${server.address().port}\n`)
})
process.on("SIGTERM", () => process.exit(0))

function serve(request, response, body) {
  if (request.method === "DELETE") {
    sessions.delete(request.headers["mcp-session-id"])
    return response.writeHead(200).end()
  }
  if (request.method !== "POST") return response.writeHead(405, { allow: "POST, DELETE" }).end()
  const message = JSON.parse(body.toString("utf8"))
  const { headers } = request
  const modern = isModern(message.params)
  if (modern && (headers["mcp-method"] !== message.method || headers["mcp-protocol-version"] !== "2026-07-28"))
    return refuse(response, message.id, "Header mismatch")
  const session = message.method === "initialize" ? randomUUID() : headers["mcp-session-id"]
  if (message.method === "initialize") sessions.add(session)
  else if (!modern && message.method !== "server/discover" && !sessions.has(session))
    return refuse(response, message.id, "Unknown session", 404)
  if (message.id === undefined || message.method === undefined) return response.writeHead(202).end()
  send(response, message, message.method === "initialize" ? { "mcp-session-id": session } : {})
}

function send(response, message, headers) {
  const text = JSON.stringify({ jsonrpc: "2.0", id: message.id, ...answer(message) })
  const progress = progressOf(message)
  if (!events && progress === undefined) {
    const bytes = Buffer.from(text, "utf8")
    response
      .writeHead(200, { ...headers, "content-type": "application/json", "content-length": bytes.length })
      .end(bytes)
    return
  }
  response.writeHead(200, { ...headers, "content-type": "text/event-stream", "cache-control": "no-cache" })
  const before = progress === undefined ? "" : `event: message\ndata: ${JSON.stringify(progress)}\n\n`
  response.end(`${before}event: message\ndata: ${text}\n\n`)
}

function refuse(response, id, message, status = 400) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: id ?? null, error: { code: -32600, message } })
  response.writeHead(status, { "content-type": "application/json" }).end(body)
}
