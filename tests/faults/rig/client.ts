/**
 * A client that hides nothing: every message with the id of a request is counted, whatever came before it, and a
 * connection that ends without an answer is an outcome of its own. Either generation over HTTP, legacy over stdio.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { createHttpWire, readMessages } from "../../e2e/httpWire.ts"
import { closers, type Program } from "../../e2e/rig.ts"
import type { Json } from "../../e2e/testClient.ts"
import type { CallRecord, Oracle, Outcome } from "./oracle.ts"

export const versions = { legacy: "2025-11-25", modern: "2026-07-28" } as const
export type Era = keyof typeof versions
const metaKey = "io.modelcontextprotocol"
const clientInfo = { name: "fault-rig", version: "1" }

export interface CallOptions {
  readonly args?: Json
  /** Told that it is on its way, with its id. */
  readonly sent?: (id: number) => void
  /** Closes the connection of the request, where it has one of its own. */
  readonly signal?: AbortSignal
  readonly progressToken?: string
}

export interface RigClient {
  readonly era: Era
  /** Notifications it received. */
  readonly heard: Json[]
  /** A call of a tool, recorded by the oracle. */
  call(tool: string, options?: CallOptions): Promise<Outcome>
  /** A read of `fault://<server>/thing/<call>`, recorded likewise. */
  read(server: string): Promise<Outcome>
  /** Any other request; its result. Throws its error. */
  request(method: string, params?: Json): Promise<Json>
  notify(method: string, params: Json): Promise<void>
  /** Ends its session, where it has one. */
  leave(): Promise<void>
  close(): void
}

/** What the two transports differ in: `exchange` gives every message that comes for a request, and why there was none. */
interface Wire {
  readonly era: Era
  exchange(message: Json, receive: (message: Json) => void, signal?: AbortSignal): Promise<void>
  leave(): Promise<void>
  close(): void
}

export async function connectHttp(url: string, oracle: Oracle, era: Era = "legacy"): Promise<RigClient> {
  const http = createHttpWire(url)
  let headers: Record<string, string> = {}
  const heard: Json[] = []
  const exchange: Wire["exchange"] = async (message, receive, signal) => {
    const name = message["params"]?.name ?? message["params"]?.uri
    const own = {
      "mcp-protocol-version": versions.modern,
      "mcp-method": message["method"],
      ...(name !== undefined && { "mcp-name": name }),
    }
    const response = await http.send("POST", era === "legacy" ? headers : own, message, signal)
    const session = response.headers["mcp-session-id"]
    if (typeof session === "string") headers = { "mcp-session-id": session, "mcp-protocol-version": versions.legacy }
    let messages = 0
    await readMessages(response, (text) => {
      messages += 1
      receive(JSON.parse(text) as Json)
    })
    if (messages === 0 && message["id"] !== undefined)
      throw new Error(`the answer ended without a message (HTTP ${response.statusCode})`)
  }
  const leave = async (): Promise<void> => {
    if (era === "legacy") (await http.send("DELETE", headers)).resume()
  }
  const client = createClient({ era, exchange, leave, close: http.close }, oracle, heard)
  if (era === "legacy") {
    await client.request("initialize", { protocolVersion: versions.legacy, capabilities: {}, clientInfo })
    await client.notify("notifications/initialized", {})
    // For what belongs to no request; ends with the client.
    http
      .send("GET", headers)
      .then((response) => readMessages(response, (text) => heard.push(JSON.parse(text) as Json)))
      .catch(() => undefined)
  }
  return client
}

/** Starts the program and speaks to it on its standard streams. */
export async function connectStdio(program: Program, oracle: Oracle): Promise<RigClient & { child: ChildProcess }> {
  const { command, args, env } = program
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "ignore"] })
  closers.push(() => child.kill("SIGKILL"))
  const heard: Json[] = []
  const waiting = new Map<number, { receive: (message: Json) => void; end: (reason?: Error) => void }>()
  child.stdin.on("error", () => undefined)
  child.once("close", (code, signal) => {
    for (const { end } of waiting.values()) end(new Error(`the host ended with ${code ?? signal}`))
  })
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line) as Json
    const pending = waiting.get(message["id"])
    if (pending === undefined || "method" in message) return void heard.push(message)
    pending.receive(message)
    pending.end()
  })
  const exchange: Wire["exchange"] = (message, receive) =>
    new Promise((resolve, reject) => {
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
      if (message["id"] === undefined) return resolve()
      // It stays registered, so that a second answer is seen.
      waiting.set(message["id"], { receive, end: (reason) => (reason === undefined ? resolve() : reject(reason)) })
    })
  const client = createClient(
    { era: "legacy", exchange, leave: async () => undefined, close: () => child.stdin.end() },
    oracle,
    heard,
  )
  await client.request("initialize", { protocolVersion: versions.legacy, capabilities: {}, clientInfo })
  await client.notify("notifications/initialized", {})
  return Object.assign(client, { child })
}

function createClient(wire: Wire, oracle: Oracle, heard: Json[]): RigClient {
  let last = 0
  const send = async (method: string, params: Json, options: CallOptions & { record?: CallRecord }): Promise<Json> => {
    last += 1
    const id = last
    let answer: Json = {}
    const receive = (message: Json): void => {
      if ("method" in message) return void heard.push(message)
      if (message["id"] !== id) return
      if (options.record !== undefined) options.record.answers += 1
      answer = message
    }
    options.sent?.(id)
    await wire.exchange({ id, method, params: withMeta(wire.era, params, options) }, receive, options.signal)
    return answer
  }
  const recorded = async (method: string, params: (call: string) => Json, options: CallOptions): Promise<Outcome> => {
    const safe = method === "resources/read"
    const record = oracle.begin({ safe, named: safe || String(params("")["name"]).endsWith("_work") })
    const { call } = record
    const began = performance.now()
    const end = (member: Json): Outcome => ({ call, ...member, ms: performance.now() - began, at: Date.now() })
    const outcome = await send(method, params(call), { ...options, record }).then(
      (message) => end(endOf(message)),
      (error: Error) => end({ lost: error.message }),
    )
    record.outcome = outcome
    record.abandoned = options.signal?.aborted === true
    return outcome
  }
  return {
    era: wire.era,
    heard,
    call: (name, options = {}) =>
      recorded("tools/call", (call) => ({ name, arguments: { call, ...options.args } }), options),
    read: (server) => recorded("resources/read", (call) => ({ uri: `fault://${server}/thing/${call}` }), {}),
    async request(method, params = {}) {
      const { result, error } = await send(method, params, {})
      if (result === undefined) throw new Error(`${method}: ${JSON.stringify(error ?? "no answer")}`)
      return result
    },
    notify: (method, params) => wire.exchange({ method, params }, () => undefined),
    leave: wire.leave,
    close: wire.close,
  }
}

function endOf({ result, error }: Json): Json {
  if (result !== undefined) return { result }
  return error === undefined ? { lost: "the answer ended without a message" } : { error }
}

function withMeta(era: Era, params: Json, { progressToken }: CallOptions): Json {
  const own = {
    ...(progressToken !== undefined && { progressToken }),
    ...(era === "modern" && {
      [`${metaKey}/protocolVersion`]: versions.modern,
      [`${metaKey}/clientInfo`]: clientInfo,
      [`${metaKey}/clientCapabilities`]: {},
    }),
  }
  return Object.keys(own).length === 0 ? params : { ...params, _meta: own }
}
