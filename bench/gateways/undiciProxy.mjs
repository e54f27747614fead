// node undiciProxy.mjs --port N --upstream URL — the floor for HTTP upstreams: a reverse proxy with undici's
// Pool.dispatch that looks at nothing and passes bytes both ways.
import { createServer } from "node:http"
import { Pool } from "undici"
import { optionOf } from "../servers/options.mjs"

const upstream = new URL(optionOf("upstream"))
const pool = new Pool(upstream.origin, { connections: null, pipelining: 1 })
const hop = new Set(["connection", "keep-alive", "transfer-encoding", "host", "date"])

createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => forward(request, response, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
}).listen(Number(optionOf("port", "0")), "127.0.0.1", 4_096)

function forward(request, response, body) {
  const { method, url: path, headers } = request
  pool.dispatch(
    { method, path, headers: passed(headers), body: method === "POST" ? body : null },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, answered) {
        response.writeHead(status, passed(answered))
      },
      onResponseData(_controller, chunk) {
        response.write(chunk)
      },
      onResponseEnd() {
        response.end()
      },
      onResponseError() {
        if (response.headersSent) response.destroy()
        else response.writeHead(502).end()
      },
    },
  )
}

function passed(headers) {
  const out = {}
  for (const name in headers) if (!hop.has(name)) out[name] = headers[name]
  return out
}
