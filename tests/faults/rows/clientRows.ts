/** Rows about clients that misbehave. */
import { once } from "node:events"
import { request as httpRequest } from "node:http"
import { connect as connectSocket } from "node:net"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { stdioProgram, until, writeManifest } from "../../e2e/rig.ts"
import type { Json } from "../../e2e/testClient.ts"
import { connectStdio, versions } from "../rig/client.ts"
import { must, mustSucceed } from "../rig/finding.ts"
import { Oracle } from "../rig/oracle.ts"
import { stdioMount } from "../rig/upstreams.ts"
import type { Row } from "./row.ts"

const MiB = 1024 * 1024
const KiB = 1024

export const clientRows: readonly Row[] = [
  {
    id: "F33",
    fault: "The client is gone in the middle of its call",
    required:
      "2026-07-28: the server is told to cancel within 1 s; 2025-11-25: the call goes on, and ends by its deadline",
    on: ["stdio", "http"],
    entry: { timeouts: { call: "30s" } },
    async check({ key, log, connect, run, client }) {
      const modern = await connect("modern")
      const leaving = new AbortController()
      const gone = modern.call(`${key}_fault`, { signal: leaving.signal })
      await log.find(key, "executed")
      const at = Date.now()
      leaving.abort()
      const { call } = await gone
      const cancelled = (which: string) => log.of(key, "cancelled").find((line) => line.call === which)
      const told = await until("the server is told", () => cancelled(call))
      must((told?.at ?? 0) - at <= run.within(1_000), `told after ${(told?.at ?? 0) - at} ms`)
      const staying = new AbortController()
      const kept = client.call(`${key}_work`, { args: { ms: 800 }, signal: staying.signal })
      const ran = await until("it runs", () => log.of(key, "executed").find((line) => line.call !== call))
      staying.abort()
      await kept
      await delay(1_000)
      must(cancelled(ran?.call ?? "") === undefined, "a legacy call was cancelled")
      return `modern: cancelled after ${(told?.at ?? 0) - at} ms; legacy: not cancelled`
    },
  },
  {
    id: "F34",
    fault: "The client never reads",
    required: "1 MiB waits, then it is cut off",
    later: "see the figure `floods`",
  },
  {
    id: "F35",
    fault: "A body larger than allowed, in chunks or with a false length",
    required: "413 before it is parsed; on standard input -31004, and the host goes on",
    on: ["stdio"],
    async check({ host, key, run }) {
      const chunked = await postPieces(host.url, 6)
      must(chunked === 413, `chunked: ${chunked}`)
      const declared = await postDeclared(host.url, 100 * MiB)
      must(/^HTTP\/1\.1 413 /.test(declared), `declared: ${declared.slice(0, 40)}`)
      const program = stdioProgram(
        await writeManifest({
          servers: { one: { mount: stdioMount({ name: key }, path.join(run.folder, "f35.log")) } },
        }),
      )
      const client = await connectStdio(program, new Oracle())
      const refusal = (): Json | undefined => client.heard.find(({ error }) => error?.code === -31004)
      // Nobody reads its id: the refusal has none.
      client.request("tools/call", { name: "one_work", text: "x".repeat(6 * MiB) }).catch(() => undefined)
      await until("it is refused", refusal, 60_000)
      mustSucceed(await client.call("one_work"))
      client.close()
      return "413 chunked and declared; on standard input -31004, and the next call is answered"
    },
  },
  {
    id: "F36",
    fault: "10,000 idle sessions",
    required: "at most 25 KiB each",
    on: ["http"],
    alone: true,
    async check({ host, run }) {
      const count = run.full ? 10_000 : 1_000
      await openSessions(host.url, 200)
      const look = async () => {
        const { heapUsed, external, rss } = await host.memory()
        return { live: heapUsed + external, rss }
      }
      const before = await look()
      await openSessions(host.url, count)
      const after = await look()
      const [live, resident] = [after.live - before.live, after.rss - before.rss].map((bytes) => bytes / count / KiB)
      const each = `${live?.toFixed(1)} KiB each on the heap, ${resident?.toFixed(1)} KiB resident`
      // With few of them the resident memory is that of what ran before.
      must(Number(live) <= 25 && (!run.full || Number(resident) <= 25), each)
      return `${count}: ${each} (they go after 24 h; that is a test of its own)`
    },
  },
  {
    id: "F37",
    fault: "An id that is still in flight is used again",
    required: "-32600 to that client only, and the first call goes on",
    on: ["stdio"],
    async check({ host, key, log, client }) {
      const headers = await openSession(host.url)
      const body = (call: string, ms: number) => ({
        jsonrpc: "2.0",
        id: 7,
        method: "tools/call",
        params: { name: `${key}_work`, arguments: { call, ms } },
      })
      const first = post(host.url, headers, body("twin-1", 8_000))
      await until("it runs", () => log.of(key, "executed").length > 0)
      const second = await post(host.url, headers, body("twin-2", 0))
      const other = await client.call(`${key}_work`)
      mustSucceed(other)
      must(second["error"]?.code === -32600, JSON.stringify(second))
      must(JSON.stringify((await first)["result"]).includes("done twin-1"), "the first call did not get its result")
      const ran = log.of(key, "executed").map(({ call }) => call)
      must(!ran.includes("twin-2"), "the second was executed")
      return "-32600, not executed; the first call and another client's got their results"
    },
  },
]

async function post(url: string, headers: Record<string, string>, body: unknown): Promise<Json> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return {
    status: response.status,
    session: response.headers.get("mcp-session-id"),
    ...(text === "" ? {} : JSON.parse(text)),
  }
}

async function openSession(url: string): Promise<Record<string, string>> {
  const params = { protocolVersion: versions.legacy, capabilities: {}, clientInfo: { name: "idle", version: "1" } }
  const { session } = await post(url, {}, { jsonrpc: "2.0", id: 1, method: "initialize", params })
  return { "mcp-session-id": String(session), "mcp-protocol-version": versions.legacy }
}

async function openSessions(url: string, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 50)
    await Promise.all(Array.from({ length: 50 }, () => openSession(url)))
}

/** Sends megabytes without saying how many; the status of the answer. */
async function postPieces(url: string, megabytes: number): Promise<number | undefined> {
  const request = httpRequest(url, { method: "POST", headers: { "content-type": "application/json" } })
  request.on("error", () => undefined)
  const answered = once(request, "response")
  for (let sent = 0; sent < megabytes && !request.destroyed; sent += 1) request.write(Buffer.alloc(MiB, "x"))
  request.end()
  const [response] = await answered
  response.resume()
  return response.statusCode
}

/** Says how much is to come and sends none of it; the beginning of the answer. */
async function postDeclared(url: string, bytes: number): Promise<string> {
  const { hostname, port, pathname } = new URL(url)
  const socket = connectSocket(Number(port), hostname)
  socket.on("error", () => undefined)
  socket.write(`POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${bytes}\r\n\r\n`)
  const [chunk] = await once(socket, "data")
  socket.destroy()
  return String(chunk)
}
