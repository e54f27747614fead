/** A server in this process that answers as a test says, and keeps what it was asked. */
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpRequest } from "../../src/protocol/messages.ts"

export interface Told {
  notify(method: string, params: JsonObject): Promise<void>
  /** Asks its client, and gives the result. */
  ask(method: string, params: JsonObject): Promise<JsonObject>
}

export interface Script {
  readonly lists?: Readonly<Record<string, readonly JsonObject[]>>
  /** A result, or `{ error }`. */
  readonly answer: (request: McpRequest, told: Told) => JsonObject | Promise<JsonObject>
}

export interface Scripted {
  /** The file to put beside the manifest. */
  readonly code: string
  /** Calls, reads and so on, without lists. */
  readonly seen: McpRequest[]
  /** How many of them were cancelled. */
  cancelled: number
  readonly script: Script
  /** Announces something on its own. */
  announce?: (method: string, params?: JsonObject) => Promise<void>
}

let scripts = 0

export function createScripted(script: Script): Scripted {
  scripts += 1
  const key = `scripted-${scripts}`
  const scripted: Scripted = { code: code(key), seen: [], cancelled: 0, script }
  Object.assign(globalThis, { [key]: scripted })
  return scripted
}

/** A tool with annotations. */
export function tool(name: string, readOnlyHint?: boolean, inputSchema: JsonObject = { type: "object" }): JsonObject {
  return { name, inputSchema, ...(readOnlyHint !== undefined && { annotations: { readOnlyHint } }) }
}

export function text(value: string): JsonObject {
  return { content: [{ type: "text", text: value }] }
}

const code = (key: string) => `
const members = { "tools/list": "tools", "prompts/list": "prompts", "resources/list": "resources", "resources/templates/list": "resourceTemplates" }
const capabilities = { tools: { listChanged: true }, prompts: {}, resources: { subscribe: true }, completions: {} }
export default () => {
  const own = globalThis[${JSON.stringify(key)}]
  const waiting = new Map()
  let transport
  let asked = 0
  const send = (message) => transport.send({ jsonrpc: "2.0", ...message })
  const told = {
    notify: (method, params) => send({ method, params }),
    ask(method, params) {
      asked += 1
      const id = "ask-" + asked
      const answer = new Promise((resolve) => waiting.set(id, resolve))
      void send({ id, method, params })
      return answer
    },
  }
  own.announce = told.notify
  const respond = ({ method, params = {} }) => {
    if (method === "initialize")
      return { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "scripted", version: "1" } }
    if (members[method]) return { [members[method]]: own.script.lists?.[members[method]] ?? [] }
    if (method === "ping" || method.startsWith("resources/sub") || method === "logging/setLevel") return {}
    own.seen.push({ method, params })
    return own.script.answer({ method, params }, told)
  }
  return {
    async connect(given) {
      transport = given
      transport.onmessage = async (message) => {
        if (message.method === undefined) return waiting.get(message.id)?.(message.result ?? { error: message.error })
        if (message.method === "notifications/cancelled") own.cancelled += 1
        if (message.id === undefined) return
        const { error, ...result } = await respond(message)
        await send(error === undefined ? { id: message.id, result } : { id: message.id, error })
      }
      await transport.start()
    },
    close: () => transport?.close(),
  }
}`
