// node web.mjs --log file [--port N] — fault servers behind URLs, as many as are asked for. /http/<name> is Streamable HTTP,
// /sse/<name> the older HTTP+SSE; the query says the rest: ?fault=F6&era=modern&events=1. Prints its port.
import { createServer } from "node:http"
import { optionOf } from "../../../bench/servers/options.mjs"
import { createFaultServer } from "./faults.mjs"
import { serveHttp } from "./http.mjs"
import { httpRows } from "./httpRows.mjs"
import { serveSse } from "./sse.mjs"

const log = optionOf("log", undefined)
const transports = { http: serveHttp, sse: serveSse }
const servers = new Map()

/** The server of a URL, made when it is first asked for. */
function serverOf({ pathname, searchParams }) {
  const [, transport, name] = pathname.split("/")
  const made = servers.get(pathname)
  if (made !== undefined) return made
  const fault = searchParams.get("fault") ?? ""
  const server = createFaultServer({ name, fault, era: searchParams.get("era") ?? "legacy", log })
  const serve = transports[transport]({ server, row: httpRows[fault], events: searchParams.has("events") })
  servers.set(pathname, serve)
  return serve
}

const server = createServer({ keepAliveTimeout: 3_000 }, (request, response) => {
  // What breaks off is a fault, or the host's answer to one.
  response.on("error", () => undefined)
  serverOf(new URL(request.url, "http://web"))(request, response)
})
server.listen(Number(optionOf("port", "0")), "127.0.0.1", 4_096, () => {
  process.stdout.write(`${server.address().port}\n`)
})
process.on("SIGTERM", () => process.exit(0))
