/**
 * A client with no more to it than its sockets, so that hundreds fit into one process: either generation, over HTTP. Every
 * message it receives is searched for canaries before anything else is done with it.
 */
import { createHttpWire, readMessages } from "../e2e/httpWire.ts"
import type { Json } from "../e2e/testClient.ts"
import { canaryOf, count, type Findings, search } from "./canaries.ts"

const capabilities = { elicitation: { form: {} }, sampling: {} }
// All alike, so that nothing but the request tells them apart.
const clientInfo = { name: "canary", version: "1" }
const meta = "io.modelcontextprotocol"
const legacyVersion = "2025-11-25"
const modernVersion = "2026-07-28"

export interface CanaryClient {
  readonly index: number
  /** Calls a tool with the canary of that call and answers what it asks; true when all that came back is its own. */
  probe(tool: string, call: number, args: Json): Promise<boolean>
  close(): void
}

interface Options {
  readonly url: string
  readonly index: number
  readonly era: "legacy" | "modern"
  /** Resources this client wants to hear of. */
  readonly uris: readonly string[]
  readonly findings: Findings
}

interface Posting {
  readonly body: Json
  readonly headers: Record<string, string>
  /** The call the answer's stream belongs to. */
  readonly call?: number
  readonly onMessage?: (message: Json) => void
}

/** Answers a question with the canary in it and this client's own. */
function answerTo({ method, params }: Json, own: string): Json {
  const asked = JSON.stringify(params).match(/canary-\d+-\d+/)?.[0]
  if (method === "elicitation/create") return { action: "accept", content: { answer: `${own} on ${asked}` } }
  return { model: "none", role: "assistant", content: { type: "text", text: `${own} on ${asked}` } }
}

function isOwn(result: Json, own: string): boolean {
  const text = result["content"]?.[0]?.text
  if (typeof text !== "string" || result["isError"] === true) return false
  const { canary, person, model } = JSON.parse(text)
  return canary === own && person === `${own} on ${own}` && model === `${own} on ${own}`
}

export async function connectCanary(options: Options): Promise<CanaryClient> {
  return options.era === "legacy" ? connectLegacy(options) : connectModern(options)
}

async function connectLegacy(options: Options): Promise<CanaryClient> {
  const { index, uris, findings } = options
  const wire = createWire(options)
  let id = 0
  let headers: Record<string, string> = {}
  const post = (body: Json, more: Partial<Posting> = {}) => wire.post({ body, headers, ...more })
  const ask = async (method: string, params: Json, more: Partial<Posting> = {}): Promise<Json> => {
    id += 1
    return post({ id, method, params }, more)
  }
  const { session } = await wire.open({
    id: 0,
    method: "initialize",
    params: { protocolVersion: legacyVersion, capabilities, clientInfo },
  })
  headers = { "mcp-session-id": session, "mcp-protocol-version": legacyVersion }
  await post({ method: "notifications/initialized" })
  wire.listen(headers)
  await ask("logging/setLevel", { level: "info" })
  for (const uri of uris) await ask("resources/subscribe", { uri })
  const probe = async (tool: string, call: number, args: Json): Promise<boolean> => {
    const own = canaryOf(index, call)
    const onMessage = (message: Json): void => {
      if (!("id" in message) || !("method" in message)) return
      findings.questions += 1
      void post({ id: message["id"], result: answerTo(message, own) })
    }
    const params = { name: tool, arguments: { canary: own, ...args }, _meta: { progressToken: own } }
    return isOwn(resultOf(await ask("tools/call", params, { call, onMessage })), own)
  }
  return { index, probe, close: wire.close }
}

async function connectModern(options: Options): Promise<CanaryClient> {
  const { index, uris, findings } = options
  const wire = createWire(options)
  let id = 0
  const ask = async (method: string, params: Json, more: Partial<Posting> = {}): Promise<Json> => {
    id += 1
    const _meta = {
      ...params["_meta"],
      [`${meta}/protocolVersion`]: modernVersion,
      [`${meta}/clientInfo`]: clientInfo,
      [`${meta}/clientCapabilities`]: capabilities,
      [`${meta}/logLevel`]: "info",
    }
    const name = params["name"]
    const headers = {
      "mcp-protocol-version": modernVersion,
      "mcp-method": method,
      ...(name !== undefined && { "mcp-name": name }),
    }
    return wire.post({ body: { id, method, params: { ...params, _meta } }, headers, ...more })
  }
  await new Promise<void>((resolve) => {
    const onMessage = ({ method }: Json): void => {
      if (method === "notifications/subscriptions/acknowledged") resolve()
    }
    // It ends with the client.
    ask("subscriptions/listen", { notifications: { resourceSubscriptions: uris } }, { onMessage }).catch(
      () => undefined,
    )
  })
  const probe = async (tool: string, call: number, args: Json): Promise<boolean> => {
    const own = canaryOf(index, call)
    const params = { name: tool, arguments: { canary: own, ...args }, _meta: { progressToken: own } }
    let result = resultOf(await ask("tools/call", params, { call }))
    for (let round = 0; result["resultType"] === "input_required" && round < 8; round += 1) {
      const { inputRequests = {}, requestState } = result
      const questions = Object.entries(inputRequests as Json)
      findings.questions += questions.length
      const inputResponses = Object.fromEntries(questions.map(([key, question]) => [key, answerTo(question, own)]))
      result = resultOf(await ask("tools/call", { ...params, inputResponses, requestState }, { call }))
    }
    return isOwn(result, own)
  }
  return { index, probe, close: wire.close }
}

function resultOf({ result, error }: Json): Json {
  if (error !== undefined) throw new Error(`${error.code} ${error.message}`)
  return result ?? {}
}

function createWire({ url, index, findings }: Options) {
  const { send, close } = createHttpWire(url)
  const post = async ({ body, headers, call, onMessage }: Posting): Promise<Json> => {
    const response = await send("POST", headers, body)
    let last: Json = {}
    const receive = (text: string): void => {
      search(findings, text, { client: index, call })
      last = JSON.parse(text)
      count(findings, last)
      onMessage?.(last)
    }
    await readMessages(response, receive)
    return last
  }
  return {
    post,
    async open(body: Json): Promise<{ session: string }> {
      const response = await send("POST", {}, body)
      await readMessages(response, () => undefined)
      return { session: String(response.headers["mcp-session-id"]) }
    },
    /** The stream for what belongs to no request. */
    listen(headers: Record<string, string>): void {
      const receive = (text: string): void => {
        search(findings, text, { client: index, call: undefined })
        count(findings, JSON.parse(text))
      }
      // It ends with the client.
      send("GET", headers)
        .then(
          (response) => readMessages(response, receive),
          () => undefined,
        )
        .catch(() => undefined)
    },
    close,
  }
}
