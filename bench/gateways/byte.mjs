// node byte.mjs --port N -- command args… — as far as it goes in JavaScript: requests are parsed, answers are not. It knows
// the one way in which the suite's echo server begins an answer, {"jsonrpc":"2.0","id":N, and puts another id there.
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import { optionOf } from "../servers/options.mjs"
import { startChild } from "./child.mjs"

const prefix = '{"jsonrpc":"2.0","id":'
const waiting = new Map()
let nextId = 1
const session = randomUUID()
const send = startChild(process.argv.slice(process.argv.indexOf("--") + 1), (line) => {
  const comma = line.indexOf(44, prefix.length)
  const id = Number(line.latin1Slice(prefix.length, comma))
  const entry = waiting.get(id)
  // Notifications are beyond it.
  if (entry === undefined) return
  waiting.delete(id)
  answer(entry, Buffer.from(prefix + JSON.stringify(entry.id), "utf8"), line.subarray(comma))
})

createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => receive(request, response, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
}).listen(Number(optionOf("port", "0")), "127.0.0.1", 4_096)

function receive(request, response, body) {
  if (request.method !== "POST") return response.writeHead(405).end()
  const message = JSON.parse(body.toString("utf8"))
  if (message.id === undefined) response.writeHead(202).end()
  else {
    const id = nextId++
    waiting.set(id, { id: message.id, response, method: message.method })
    message.id = id
  }
  send(JSON.stringify(message))
}

function answer({ response, method }, start, rest) {
  const headers = { "content-type": "application/json", "content-length": start.length + rest.length }
  if (method === "initialize") headers["mcp-session-id"] = session
  response.writeHead(200, headers)
  // Small answers in one piece: a copy costs less than a second system call.
  if (rest.length < 65_536) return response.end(Buffer.concat([start, rest]))
  response.cork()
  response.write(start)
  response.end(rest)
}
