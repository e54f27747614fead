// node bare.mjs --port N -- command args… — the floor for stdio upstreams: HTTP in front, one child behind, every message
// parsed and written again with its id rewritten, nothing else: no names, no checks, no deadlines. No dependencies.
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import { optionOf } from "../servers/options.mjs"
import { startChild } from "./child.mjs"

const waiting = new Map()
let nextId = 1
const session = randomUUID()
const send = startChild(process.argv.slice(process.argv.indexOf("--") + 1), (line) => {
  const message = JSON.parse(line.toString("utf8"))
  if (message.method === "notifications/progress") return progressed(message)
  const entry = waiting.get(message.id)
  if (entry === undefined) return
  waiting.delete(message.id)
  message.id = entry.id
  answer(entry, JSON.stringify(message))
})

createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => receive(request, response, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
}).listen(Number(optionOf("port", "0")), "127.0.0.1", 4_096)

function receive(request, response, body) {
  if (request.method !== "POST") return response.writeHead(405).end()
  const message = JSON.parse(body.toString("utf8"))
  const entry = { id: message.id, response, method: message.method, token: message.params?._meta?.progressToken }
  if (message.id !== undefined) {
    message.id = nextId++
    waiting.set(message.id, entry)
    if (entry.token !== undefined) message.params._meta.progressToken = message.id
  } else response.writeHead(202).end()
  send(JSON.stringify(message))
}

function answer({ response, method }, text) {
  if (response.headersSent) return response.end(`event: message\ndata: ${text}\n\n`)
  const bytes = Buffer.from(text, "utf8")
  const headers = { "content-type": "application/json", "content-length": bytes.length }
  if (method === "initialize") headers["mcp-session-id"] = session
  response.writeHead(200, headers).end(bytes)
}

function progressed(message) {
  const entry = waiting.get(message.params.progressToken)
  if (entry === undefined) return
  message.params.progressToken = entry.token
  if (!entry.response.headersSent) entry.response.writeHead(200, { "content-type": "text/event-stream" })
  entry.response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
}
