// node sdk.mjs --port N --upstreams JSON — the usual gateway: SDK client, SDK server, a name table between them.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { createMcpHandler, Server } from "@modelcontextprotocol/server"
import { optionOf } from "../servers/options.mjs"
import { serveFetch } from "./serveFetch.mjs"
import { connect, upstreamsOf } from "./toUpstream.mjs"

const sdk = { Client, StreamableHTTPClientTransport, StdioClientTransport }
const owners = new Map()
const tools = []
const mounted = await Promise.all(upstreamsOf(process.argv).map(async (each) => [each.key, await connect(each, sdk)]))
for (const [key, client] of mounted) {
  for (const tool of (await client.listTools()).tools) {
    owners.set(`${key}_${tool.name}`, { client, name: tool.name })
    tools.push({ ...tool, name: `${key}_${tool.name}` })
  }
}
const handler = createMcpHandler(() => {
  const server = new Server({ name: "sdk", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler("tools/list", () => ({ tools }))
  server.setRequestHandler("tools/call", ({ params }, { mcpReq }) => {
    const { client, name } = owners.get(params.name)
    const token = mcpReq._meta?.progressToken
    const onprogress = (progress) =>
      void mcpReq.notify({ method: "notifications/progress", params: { ...progress, progressToken: token } })
    return client.callTool({ ...params, name }, { signal: mcpReq.signal, ...(token !== undefined && { onprogress }) })
  })
  return server
})
serveFetch(Number(optionOf("port", "0")), (request) => handler.fetch(request))
