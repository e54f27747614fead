/** One face for the clients of both SDKs, so that a test is written once: what they send and receive stays their own. */
import {
  type ClientCapabilities as CapabilitiesV2,
  Client as ClientV2,
  type Transport as TransportV2,
} from "@modelcontextprotocol/client"
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js"
import type { Transport as TransportV1 } from "@modelcontextprotocol/sdk/shared/transport.js"
import {
  CallToolResultSchema,
  type ClientCapabilities as CapabilitiesV1,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js"
import { closers } from "../fixtures/harness.ts"

// biome-ignore lint/suspicious/noExplicitAny: results are compared by the tests, whatever the SDKs call their types
type Any = any
export type Json = Record<string, Any>

export interface ClientOptions {
  readonly name?: string
  /** Default: form elicitation, sampling and roots. */
  readonly capabilities?: Json
  /** Answers a question; default: whatever lets the fixtures go on. */
  readonly answer?: (question: Asked) => Json | Promise<Json>
}

export interface Asked {
  readonly method: string
  readonly params: Json
}

interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (progress: Json) => void
  readonly meta?: Json
}

export interface TestClient {
  readonly era: "legacy" | "modern"
  readonly version: string
  readonly serverInfo: Json
  readonly capabilities: Json
  readonly instructions: string | undefined
  /** Questions this client was asked, in order. */
  readonly asked: Asked[]
  /** Notifications this client received, in order. */
  readonly heard: Asked[]
  readonly pid: number | undefined
  request(method: string, params?: Json, options?: CallOptions): Promise<Json>
  call(name: string, args?: Json, options?: CallOptions): Promise<Json>
  /** The JSON text of the first content block. */
  json(name: string, args?: Json, options?: CallOptions): Promise<Any>
  /** All pages of a list. */
  list(method: string, member: string): Promise<{ items: Json[]; pages: number }>
  /** Hears of changes of lists and of these resources from now on. */
  listenTo(uris: readonly string[]): Promise<void>
  setLevel(level: string): Promise<void>
  notify(method: string): Promise<void>
  /** The client ends its session, where its transport can. */
  leave(): Promise<void>
  close(): Promise<void>
}

export const everything: Json = { elicitation: { form: {} }, sampling: {}, roots: { listChanged: true } }

export function defaultAnswer({ method, params }: Asked): Json {
  if (method === "elicitation/create") return { action: "accept", content: { answer: `re: ${params["message"]}` } }
  if (method === "roots/list") return { roots: [{ uri: "file:///root", name: "root" }] }
  return { model: "test-model", role: "assistant", content: { type: "text", text: "hello" } }
}

interface Wire {
  readonly request: TestClient["request"]
  readonly call: TestClient["call"]
}

async function pagesOf(request: Wire["request"], method: string, member: string) {
  const items: Json[] = []
  let pages = 0
  let cursor: string | undefined
  do {
    const page = await request(method, cursor === undefined ? {} : { cursor })
    items.push(...page[member])
    cursor = page["nextCursor"]
    pages += 1
  } while (cursor !== undefined)
  return { items, pages }
}

async function jsonOf(call: Wire["call"], name: string, args?: Json, options?: CallOptions): Promise<Any> {
  const result = await call(name, args, options)
  const text = result["content"]?.[0]?.text
  if (result["isError"] === true) throw new Error(`${name} answered an error: ${text}`)
  return JSON.parse(text)
}

export async function connectV1(transport: TransportV1, options: ClientOptions): Promise<TestClient> {
  const { name = "v1-client", capabilities = everything, answer = defaultAnswer } = options
  const client = new ClientV1({ name, version: "1.0.0" }, { capabilities: capabilities as CapabilitiesV1 })
  const asked: Asked[] = []
  const heard: Asked[] = []
  const respond = async ({ method, params }: { method: string; params?: unknown }): Promise<Any> => {
    const question = { method, params: (params ?? {}) as Json }
    asked.push(question)
    return answer(question)
  }
  if ("elicitation" in capabilities) client.setRequestHandler(ElicitRequestSchema, respond)
  if ("sampling" in capabilities) client.setRequestHandler(CreateMessageRequestSchema, respond)
  if ("roots" in capabilities) client.setRequestHandler(ListRootsRequestSchema, respond)
  client.fallbackNotificationHandler = async ({ method, params }) => void heard.push({ method, params: params ?? {} })
  await client.connect(transport)
  closers.push(() => client.close())
  const request: Wire["request"] = (method, params = {}, { meta, ...rest } = {}) =>
    client.request({ method, params: withMeta(params, meta) }, ResultSchema, {
      timeout,
      ...rest,
    } as Json) as Promise<Json>
  const call: Wire["call"] = (tool, args, { meta, ...rest } = {}) => {
    const params = withMeta({ name: tool, ...(args !== undefined && { arguments: args }) }, meta)
    return client.callTool(params as Any, CallToolResultSchema, { timeout, ...rest } as Json) as Promise<Json>
  }
  return {
    era: "legacy",
    version: (transport as { protocolVersion?: string }).protocolVersion ?? "2025-11-25",
    serverInfo: client.getServerVersion() as Json,
    capabilities: client.getServerCapabilities() as Json,
    instructions: client.getInstructions(),
    asked,
    heard,
    pid: (transport as { pid?: number | null }).pid ?? undefined,
    request,
    call,
    json: (tool, args, rest) => jsonOf(call, tool, args, rest),
    list: (method, member) => pagesOf(request, method, member),
    listenTo: async (uris) => {
      for (const uri of uris) await client.subscribeResource({ uri })
    },
    notify: (method) => client.notification({ method } as Any),
    setLevel: async (level) => void (await client.setLoggingLevel(level as Any)),
    leave: async () => undefined,
    close: () => client.close(),
  }
}

const negotiation = {
  "v2 legacy": {},
  "v2 auto": { versionNegotiation: { mode: "auto" } },
  "v2 modern": { versionNegotiation: { mode: { pin: "2026-07-28" } } },
} as const

/** Longest wait for an answer, in milliseconds: deadlines that matter are the host's. */
const timeout = 180_000

const notifications = [
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
  "notifications/message",
] as const

export async function connectV2(
  transport: TransportV2,
  kind: keyof typeof negotiation,
  options: ClientOptions,
): Promise<TestClient> {
  const { name = "v2-client", capabilities = everything, answer = defaultAnswer } = options
  const client = new ClientV2(
    { name, version: "1.0.0" },
    { capabilities: capabilities as CapabilitiesV2, ...negotiation[kind] },
  )
  const asked: Asked[] = []
  const heard: Asked[] = []
  const respond = async ({ method, params }: { method: string; params?: unknown }): Promise<Any> => {
    const question = { method, params: (params ?? {}) as Json }
    asked.push(question)
    return answer(question)
  }
  if ("elicitation" in capabilities) client.setRequestHandler("elicitation/create", respond)
  if ("sampling" in capabilities) client.setRequestHandler("sampling/createMessage", respond)
  if ("roots" in capabilities) client.setRequestHandler("roots/list", respond)
  for (const method of notifications) {
    client.setNotificationHandler(method, ({ params }) => void heard.push({ method, params: (params ?? {}) as Json }))
  }
  await client.connect(transport)
  closers.push(() => client.close())
  let level: string | undefined
  const era = client.getProtocolEra() === "modern" ? "modern" : "legacy"
  // The modern generation asks for log messages with every request.
  const metaOf = (meta: Json | undefined): Json | undefined =>
    era === "modern" && level !== undefined ? { ...meta, "io.modelcontextprotocol/logLevel": level } : meta
  const request: Wire["request"] = async (method, params = {}, { meta, ...rest } = {}) =>
    client.request({ method, params: withMeta(params, metaOf(meta)) } as Any, { timeout, ...rest } as Any)
  const call: Wire["call"] = (tool, args, { meta, ...rest } = {}) => {
    const params = withMeta({ name: tool, ...(args !== undefined && { arguments: args }) }, metaOf(meta))
    return client.callTool(params as Any, { timeout, ...rest } as Any) as Promise<Json>
  }
  return {
    era,
    version: client.getNegotiatedProtocolVersion() ?? "",
    serverInfo: client.getServerVersion() as Json,
    capabilities: client.getServerCapabilities() as Json,
    instructions: client.getInstructions(),
    asked,
    heard,
    pid: (transport as { pid?: number | null }).pid ?? undefined,
    request,
    call,
    json: (tool, args, rest) => jsonOf(call, tool, args, rest),
    list: (method, member) => pagesOf(request, method, member),
    listenTo: async (uris) => {
      if (era === "legacy") {
        for (const uri of uris) await client.subscribeResource({ uri })
        return
      }
      const subscription = await client.listen({
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: [...uris],
      })
      closers.push(() => subscription.close())
    },
    notify: (method) => client.notification({ method } as Any),
    setLevel: async (wanted) => {
      level = wanted
      if (era === "legacy") await client.setLoggingLevel(wanted as Any)
    },
    leave: async () => undefined,
    close: () => client.close(),
  }
}

function withMeta(params: Json, meta: Json | undefined): Json {
  return meta === undefined ? params : { ...params, _meta: { ...params["_meta"], ...meta } }
}
