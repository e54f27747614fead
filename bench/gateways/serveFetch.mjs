// A web handler on node:http, as the SDK's adapters do it.
import { createServer } from "node:http"

export function serveFetch(port, handle) {
  createServer({ keepAliveTimeout: 120_000 }, async (request, response) => {
    try {
      await write(response, await handle(await toRequest(request, response)))
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    }
  }).listen(port, "127.0.0.1", 4_096)
}

async function toRequest(request, response) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const controller = new AbortController()
  response.once("close", () => controller.abort())
  return new Request(`http://${request.headers.host}${request.url}`, {
    method: request.method,
    headers: Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    signal: controller.signal,
    ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
  })
}

async function write(response, answer) {
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null) return response.end()
  for await (const chunk of answer.body) response.write(chunk)
  response.end()
}
