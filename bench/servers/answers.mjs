// What every echo server of the suite answers: one place, so that direct, stdio and HTTP upstreams send the same bytes.
// No dependencies. `text` echoes; `blob` answers `bytes` characters with quotes, backslashes and newlines in them.

const legacyVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"]
const modernVersion = "2026-07-28"
const versionKey = "io.modelcontextprotocol/protocolVersion"
const serverKey = "io.modelcontextprotocol/serverInfo"

const schema = {
  type: "object",
  properties: { text: { type: "string" }, bytes: { type: "integer" }, nonce: { type: "string" } },
}

/** `tools` pads the list: `echo`, `blob` and as many like them as asked for. */
export function createAnswers({ name = "echo", tools = 2 } = {}) {
  const serverInfo = { name, version: "1.0.0" }
  const list = ["echo", "blob", ...Array.from({ length: Math.max(0, tools - 2) }, (_, at) => `tool_${at}`)].map(
    (tool) => ({ name: tool, description: `Answers what it is given: ${tool} of ${name}.`, inputSchema: schema }),
  )
  const methods = {
    initialize: (params) => ({
      protocolVersion: legacyVersions.includes(params.protocolVersion) ? params.protocolVersion : legacyVersions[0],
      capabilities: { tools: {} },
      serverInfo,
    }),
    "server/discover": () => ({
      supportedVersions: [modernVersion],
      capabilities: { tools: {} },
      ttlMs: 3_600_000,
      cacheScope: "public",
    }),
    ping: () => ({}),
    "tools/list": (params) =>
      isModern(params) ? { tools: list, ttlMs: 3_600_000, cacheScope: "public" } : { tools: list },
    "tools/call": (params) => ({ content: [{ type: "text", text: textOf(params) }] }),
  }
  /** The result or error member of a request's answer. */
  return ({ method, params = {} }) => {
    const answer = methods[method]
    if (answer === undefined) return { error: { code: -32601, message: `Method not found: ${method}` } }
    const result = answer(params)
    if (!isModern(params)) return { result }
    return { result: { resultType: "complete", ...result, _meta: { [serverKey]: serverInfo } } }
  }
}

/** The progress notification that comes before an answer when the caller asked for it, else undefined. */
export function progressOf({ params }) {
  const progressToken = params?._meta?.progressToken
  if (progressToken === undefined || params.arguments?.progress !== true) return undefined
  return { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken, progress: 1, total: 2 } }
}

export function isModern(params) {
  return params?._meta?.[versionKey] === modernVersion
}

function textOf({ name, arguments: given = {} }) {
  return name.endsWith("blob") ? `${given.nonce} ${filler(given.bytes)}` : `echo ${given.text}`
}

const fillers = new Map()

/** Text with what JSON escapes in it: quotes, backslashes, newlines, and letters outside ASCII. */
export function filler(bytes) {
  let text = fillers.get(bytes)
  if (text === undefined) {
    const line = 'line "x" of a file \\ with what JSON escapes, and é too\n'
    text = line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes)
    fillers.set(bytes, text)
  }
  return text
}
