// node mcpUse.mjs --port N --upstreams JSON, run inside a folder where mcp-use is installed: `server.proxy(connection)` and
// `server.listen(port)` as its documentation has them. The connection is made of the SDK client that mcp-use brings,
// because the package @mcp-use/client, which its other overload wants, is not on the registry.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { optionOf } from "../servers/options.mjs"
import { connect, upstreamsOf } from "./toUpstream.mjs"

const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`))
const load = (name) => import(pathToFileURL(`${process.cwd()}/node_modules/${name}`))
const { MCPServer } = await load("mcp-use/dist/index-node.js")
const { Client, StreamableHTTPClientTransport } = await import(
  pathToFileURL(require.resolve("@modelcontextprotocol/client"))
)
const { StdioClientTransport } = await import(pathToFileURL(require.resolve("@modelcontextprotocol/client/stdio")))

const server = new MCPServer({ name: "mcp-use", version: "1.0.0" })
for (const upstream of upstreamsOf(process.argv)) {
  const client = await connect(upstream, { Client, StreamableHTTPClientTransport, StdioClientTransport })
  await server.proxy(toConnection(upstream.key, client))
}
await server.listen(Number(optionOf("port", "0")))

function toConnection(name, client) {
  return {
    info: { server: { name } },
    supports: (capability) => client.getServerCapabilities()?.[capability] !== undefined,
    listTools: async () => (await client.listTools()).tools,
    // Progress only for who asked for it, as any client would.
    callTool: (tool, args, { signal, onprogress } = {}) =>
      client.callTool({ name: tool, arguments: args }, { signal, ...(args?.progress && { onprogress }) }),
    readResource: (uri) => client.readResource({ uri }),
    listPrompts: () => client.listPrompts(),
    getPrompt: (prompt, args) => client.getPrompt({ name: prompt, arguments: args }),
  }
}
