/**
 * A client without an SDK, so that nothing a server sends is dropped or filled in on the way to a comparison: whole
 * responses as JSON, over standard streams, HTTP, or in memory, in either generation.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { InMemoryTransport } from "@modelcontextprotocol/client"
import { closers } from "../fixtures/harness.ts"
import type { Program } from "./rig.ts"
import { type Asked, defaultAnswer, everything, type Json } from "./testClient.ts"

export interface Raw {
  /** The answer to `initialize` or `server/discover`. */
  readonly opening: Json
  readonly heard: Json[]
  readonly asked: Asked[]
  /** The whole response: its `result` or `error`. */
  request(method: string, params?: Json): Promise<{ result?: Json; error?: Json }>
  close(): Promise<void>
}

export interface RawOptions {
  readonly era?: "legacy" | "modern"
  readonly capabilities?: Json
  readonly answer?: (question: Asked) => Json | Promise<Json>
}

type Receive = (message: Json) => void

/** Carries messages; what it receives goes to the function it was connected with, and why it broke to the other. */
interface Carrier {
  connect(receive: Receive, broken: (reason: Error) => void): Promise<void>
  send(message: Json): Promise<void>
  close(): Promise<void>
}

const version = { legacy: "2025-11-25", modern: "2026-07-28" }
const clientInfo = { name: "raw-client", version: "1.0.0" }

export async function connectRaw(carrier: Carrier, options: RawOptions = {}): Promise<Raw> {
  const { era = "legacy", capabilities = everything, answer = defaultAnswer } = options
  const waiting = new Map<number, (response: Json | Promise<never>) => void>()
  const broken = (reason: Error): void => {
    for (const settle of waiting.values()) settle(Promise.reject(reason))
  }
  const heard: Json[] = []
  const asked: Asked[] = []
  let last = 0
  const receive = (message: Json): void => {
    if (!("method" in message)) return waiting.get(message["id"])?.(message)
    if (!("id" in message)) return void heard.push(message)
    const question = { method: String(message["method"]), params: message["params"] ?? {} }
    asked.push(question)
    void Promise.resolve(answer(question)).then((result) => carrier.send({ jsonrpc: "2.0", id: message["id"], result }))
  }
  await carrier.connect(receive, broken)
  const request = (method: string, params: Json = {}): Promise<Json> => {
    last += 1
    const id = last
    const response = new Promise<Json>((resolve) => {
      waiting.set(id, resolve)
    }).finally(() => waiting.delete(id))
    const sent = era === "modern" ? withEnvelope(params, capabilities) : params
    carrier.send({ jsonrpc: "2.0", id, method, params: sent }).catch(broken)
    return response
  }
  const opening =
    era === "modern"
      ? await request("server/discover")
      : await request("initialize", { protocolVersion: version.legacy, capabilities, clientInfo })
  if (era === "legacy") await carrier.send({ jsonrpc: "2.0", method: "notifications/initialized" })
  const close = (): Promise<void> => carrier.close()
  closers.push(close)
  return { opening: opening["result"], heard, asked, request, close }
}

function withEnvelope(params: Json, capabilities: Json): Json {
  const meta = {
    ...params["_meta"],
    "io.modelcontextprotocol/protocolVersion": version.modern,
    "io.modelcontextprotocol/clientInfo": clientInfo,
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  }
  return { ...params, _meta: meta }
}

export function overStdio({ command, args, env }: Program): Carrier {
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] })
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString("utf8")
  })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  return {
    async connect(receive, broken) {
      createInterface({ input: child.stdout }).on("line", (line) => receive(JSON.parse(line)))
      child.once("close", (code) => broken(new Error(`The program ended with code ${code}: ${errors}`)))
      child.stdin.on("error", broken)
    },
    async send(message) {
      child.stdin.write(`${JSON.stringify(message)}\n`)
    },
    async close() {
      child.stdin.end()
      const timer = setTimeout(() => child.kill("SIGKILL"), 3_000)
      await exited
      clearTimeout(timer)
    },
  }
}

interface Connectable {
  connect(transport: InMemoryTransport): Promise<void>
}

export function inMemory(server: unknown): Carrier {
  const [near, far] = InMemoryTransport.createLinkedPair()
  return {
    async connect(receive) {
      near.onmessage = (message) => receive(JSON.parse(JSON.stringify(message)))
      await near.start()
      // Both SDKs' servers take both SDKs' transports.
      await (server as Connectable).connect(far)
    },
    send: (message) => near.send(message as never),
    close: () => near.close(),
  }
}

export function overHttp(url: string): Carrier {
  const closing = new AbortController()
  let session: string | undefined
  let receive: Receive = () => undefined
  return {
    async connect(target) {
      receive = target
    },
    async send(message) {
      const modern = message["params"]?._meta?.["io.modelcontextprotocol/protocolVersion"]
      const name = message["params"]?.name ?? message["params"]?.uri ?? message["params"]?.taskId
      const response = await fetch(url, {
        method: "POST",
        signal: closing.signal,
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...(session !== undefined && { "mcp-session-id": session, "mcp-protocol-version": version.legacy }),
          ...(modern !== undefined && { "mcp-protocol-version": modern, "mcp-method": message["method"] }),
          ...(modern !== undefined && name !== undefined && { "mcp-name": name }),
        },
        body: JSON.stringify(message),
      })
      session = response.headers.get("mcp-session-id") ?? session
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) await events(response, receive)
      else {
        const text = await response.text()
        if (text !== "") receive(JSON.parse(text))
      }
    },
    async close() {
      if (session !== undefined) await fetch(url, { method: "DELETE", headers: { "mcp-session-id": session } })
      closing.abort()
    },
  }
}

async function events(response: Response, receive: Receive): Promise<void> {
  let buffer = ""
  const decoder = new TextDecoder()
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffer += decoder.decode(chunk, { stream: true })
    const parts = buffer.split("\n\n")
    buffer = parts.pop() ?? ""
    for (const part of parts) {
      const data = part
        .split("\n")
        .flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trimStart()] : []))
        .join("\n")
      if (data !== "") receive(JSON.parse(data))
    }
  }
}
