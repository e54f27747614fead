/** A server over stdio, whose results reach the host as bytes: each tool answers what its call says. */
import path from "node:path"

const raw = path.resolve(import.meta.dirname, "../fixtures/servers/raw.mjs")

/** Files for `start`; `mount: { command: node, args: [./server.mjs] }` of the manifest runs it. */
export const stdioServer = {
  "server.mjs": `
import { initializeResult, serveRaw } from ${JSON.stringify(raw)}
const tool = (name) => ({ name, inputSchema: { type: "object" } })
serveRaw(({ method, params }) => {
  if (method === "initialize") return { ...initializeResult("said", params), capabilities: { tools: {}, prompts: {}, resources: {} } }
  if (method === "tools/list") return { tools: ["say", "fail", "show"].map(tool) }
  if (method === "prompts/list") return { prompts: [{ name: "say" }] }
  if (method === "resources/list") return { resources: [{ uri: "test://ada@example.com/a", name: "a" }] }
  if (method === "tools/call" && params.name === "say") return params.arguments.result
  if (method === "tools/call" && params.name === "fail") return { error: params.arguments.error }
  if (method === "tools/call") return { content: [{ type: "text", text: JSON.stringify(params.arguments) }] }
  if (method === "prompts/get") return { messages: [{ role: "user", content: { type: "text", text: params.arguments.text } }] }
  if (method === "resources/read") return { contents: [{ uri: params.uri, text: "write to ada@example.com" }, { uri: params.uri, blob: "YWRhQGV4YW1wbGUuY29t" }] }
  return {}
})`,
}

export const stdioMount = `mount: { command: ${JSON.stringify(process.execPath)}, args: [./server.mjs] }`
