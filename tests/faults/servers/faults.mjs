// The script of faults, shared by all transports: a server is healthy but for the one row of the fault model it is started
// with. `work` and `fault` are its tools; `fault` goes wrong as the row says, `work` never does by itself. Every execution is
// a line in the rig's log before anything is answered, so that the log holds whatever a dead server did.
//
// A port is how a transport carries things for one message: `frame(text)` gives the bytes of one message, `write(bytes)`
// puts bytes where the answer belongs, `answer(member)` answers, `tell(message)` sends something along with the request,
// `cut()` breaks the connection off, `flood(bytes, piece)` writes as fast as it is read.
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { createRecorder } from "./recorder.mjs"

const modernVersion = "2026-07-28"
const metaKey = "io.modelcontextprotocol"
const MiB = 1024 * 1024
const secret = "s3cr3t-of-the-portal"
export const hostileText = 'é\u2028😀 日本語 \u0000 \\ "'

const textResult = (text) => ({ content: [{ type: "text", text }] })
const later = (ms, work) => setTimeout(work, ms)

/** What each row does: `call` to a call of `fault`, `method` to any request, `cancelled` to a cancellation. */
const rows = {
  F1: { call: ({ note }) => die(note) },
  F2: {
    call: ({ note }) => {
      const { pid } = spawn("sleep", ["600"], { stdio: "inherit" })
      note("grandchild", { child: pid })
      // The child is there before its parent goes.
      later(50, () => {
        note("died")
        process.exit(1)
      })
    },
  },
  F4: { method: ({ method }) => method === "initialize" || method === "server/discover" },
  F5: {
    method: ({ method, port, note }) => {
      if (method !== "server/discover") return false
      note("died")
      if (port.transport === "stdio") process.exit(1)
      port.cut()
      return true
    },
  },
  F6: { call: () => undefined },
  F7: { call: (call) => void every(100, () => progress(call)) },
  F8: { call: ({ port }) => void every(50, () => port.write(port.frame("x").subarray(0, 1))) },
  F9: {
    call: ({ port, args, work }) => {
      port.write(Buffer.concat(Array.from({ length: args.lines ?? 5 }, () => port.frame("no message"))))
      if (args.lines === undefined) work()
    },
    before: (write) =>
      write(Buffer.concat([Buffer.from("Welcome!\n\n"), Buffer.from([0, 1, 0xff, 0xfe, 10, 0x80, 10])])),
  },
  F10: { call: ({ port, args }) => port.flood(args.bytes ?? 24 * MiB, args.piece ?? MiB) },
  F11: { call: ({ port, answerText }) => bytewise(port, port.frame(answerText(hostileText))) },
  F12: {
    call: ({ port, args, answerText }) => {
      const bad = args.what === "nul" ? Buffer.from([0]) : Buffer.from([0xc3, 0x28])
      const [before, after] = port.frame(answerText("@@")).toString("latin1").split("@@")
      port.write(Buffer.concat([Buffer.from(before, "latin1"), bad, Buffer.from(after, "latin1")]), true)
    },
  },
  F13: {
    call: ({ port, answerText }) => {
      port.write(Buffer.concat([port.frame(answerText("first")), port.frame(answerText("second"))]), true)
    },
  },
  F14: {
    call: ({ id, port, work }) => {
      for (const other of [String(id), Number(id) + 1, Number(id) + 100_000, -1, null, true])
        port.write(port.frame(JSON.stringify({ jsonrpc: "2.0", id: other, result: textResult("wrong") })))
      work()
    },
  },
  F15: { call: () => undefined, cancelled: ({ pending }) => later(50, () => pending.work("late")) },
  F16: {
    call: ({ id, port }) =>
      port.write(
        port.frame(JSON.stringify({ jsonrpc: "2.0", id, result: textResult("x"), error: { code: 1, message: "y" } })),
        true,
      ),
  },
  F17: { call: ({ note }) => stopReading(note) },
  F18: { call: ({ args, work }) => floodErrors(args.bytes, work) },
  F19: {
    call: ({ port, work, args }) => {
      work()
      const end = Date.now() + args.ms
      const timer = every(10, () => {
        for (let time = 0; time < 100; time += 1) port.announce({ method: "notifications/tools/list_changed" })
        if (Date.now() > end) clearInterval(timer)
      })
    },
  },
  F20: { list: () => ({ tools: [], nextCursor: randomUUID() }) },
  F21: { call: ({ note }) => die(note), list: () => ({ tools: [...tools, tool(`since_${process.pid}`)] }) },
  F22: { call: ({ note }) => outOfMemory(note) },
  F23: { start: () => process.exit(1) },
  F33: { call: () => undefined },
  flood: { call: floodClient },
  hang: { call: () => undefined },
}

const tool = (name) => ({ name, description: `${name} of the fault rig`, inputSchema: { type: "object" } })
const tools = ["work", "fault"].map(tool)
const thing = { uriTemplate: "fault://thing/{call}", name: "thing" }

/** A server with one row's fault; `message(message, port)` takes what comes, `left(id)` that nobody waits for it. */
export function createFaultServer({ name, fault, era = "legacy", log }) {
  const row = rows[fault] ?? {}
  const { note, executed } = createRecorder(log, name)
  const running = new Map()
  const abandon = (id) => {
    const pending = running.get(id)
    if (pending === undefined) return
    note("cancelled", { call: pending.call })
    row.cancelled?.({ pending })
  }
  const message = (received, port) => {
    const { id, method, params = {} } = received
    if (method === "notifications/cancelled") return abandon(params.requestId)
    if (id === undefined || method === undefined) return
    const modern = params._meta?.[`${metaKey}/protocolVersion`] === modernVersion
    const answer = (member) => {
      running.delete(id)
      port.answer({ jsonrpc: "2.0", id, ...(modern && member.result ? { result: complete(member.result) } : member) })
    }
    if (row.method?.({ method, port, note }) === true) return
    if (method === "tools/list") note("listed")
    if (method === "initialize") note("opened")
    const known = answers({ row, era })[method]
    if (known !== undefined) return answer({ result: known(params) })
    if (method !== "tools/call" && method !== "resources/read")
      return answer({ error: { code: -32601, message: `Method not found: ${method}` } })
    const args = params.arguments ?? {}
    const call = method === "tools/call" ? args.call : params.uri.split("/").at(-1)
    executed(call)
    const result = method === "tools/call" ? textResult : (text) => ({ contents: [{ uri: params.uri, text }] })
    const work = (text = `done ${call}`) => answer({ result: result(text) })
    const answerText = (text) => JSON.stringify({ jsonrpc: "2.0", id, result: result(text) })
    const context = { id, call, args, params, port, note, work, answerText }
    running.set(id, context)
    const faulty = params.name === "fault" ? row.call : undefined
    if (faulty !== undefined) return faulty(context)
    if (args.ms > 0) later(args.ms, () => work())
    else work()
  }
  note("started")
  row.start?.()
  return { message, left: abandon, before: row.before, note }
}

function answers({ row, era }) {
  const common = {
    ping: () => ({}),
    "tools/list": () => row.list?.() ?? { tools },
    "resources/list": () => ({ resources: [] }),
    "resources/templates/list": () => ({ resourceTemplates: [thing] }),
    "prompts/list": () => ({ prompts: [] }),
    "logging/setLevel": () => ({}),
  }
  const capabilities = { tools: { listChanged: true }, resources: {}, logging: {} }
  if (era === "modern")
    return {
      ...common,
      "server/discover": () => ({ supportedVersions: [modernVersion], capabilities, ttlMs: 0, cacheScope: "private" }),
    }
  const serverInfo = { name: "fault", version: "1.0.0" }
  return { ...common, initialize: () => ({ protocolVersion: "2025-11-25", capabilities, serverInfo }) }
}

function complete(result) {
  const caching = "tools" in result || "contents" in result ? { ttlMs: 0, cacheScope: "private" } : {}
  return {
    resultType: "complete",
    ...caching,
    ...result,
    _meta: { [`${metaKey}/serverInfo`]: { name: "fault", version: "1" } },
  }
}

function die(note) {
  note("died")
  process.kill(process.pid, "SIGKILL")
}

function every(ms, work) {
  const timer = setInterval(work, ms)
  return timer
}

function progress({ params, port }) {
  const progressToken = params._meta?.progressToken
  if (progressToken !== undefined)
    port.tell({ method: "notifications/progress", params: { progressToken, progress: Date.now() } })
}

function bytewise(port, bytes) {
  const next = (at) => {
    if (at >= bytes.length) return port.done()
    port.write(bytes.subarray(at, at + 1))
    setImmediate(next, at + 1)
  }
  next(0)
}

function stopReading(note) {
  note("stopped")
  process.kill(process.pid, "SIGSTOP")
}

function floodErrors(bytes, work) {
  const chunk = Buffer.from(`${"e".repeat(99)}\n`.repeat(655))
  const next = (left) => {
    if (left > 0) process.stderr.write(chunk, () => next(left - chunk.length))
    else work()
  }
  next(bytes)
}

function outOfMemory(note) {
  note("died")
  const kept = []
  for (;;) kept.push(new Array(100_000).fill({}))
}

/** Notifications to the client of this call, as fast as the host takes them. */
function floodClient({ args, params, port, note, work }) {
  const progressToken = params._meta?.progressToken
  const data = "x".repeat(args.size ?? 1_000)
  const run = async () => {
    for (let left = args.count - 1; left >= 0; left -= 1) {
      const message =
        progressToken === undefined
          ? { method: "notifications/message", params: { level: "info", data } }
          : { method: "notifications/progress", params: { progressToken, progress: args.count - left, message: data } }
      if (!port.tell(message)) await port.drained()
    }
    note("flooded")
    work()
  }
  void run()
}

export { secret }
