// node fastmcp.mjs --port N --upstreams JSON, run inside a folder where fastmcp is installed. fastmcp has no mounting and
// no proxy of its own; this is the composition its documentation leads to: one `addTool` per upstream tool whose `execute`
// calls an SDK client, served with the documented `httpStream` transport.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { optionOf } from "../servers/options.mjs"
import { connect, upstreamsOf } from "./toUpstream.mjs"

const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`))
const load = (name) => import(pathToFileURL(require.resolve(name)))
const { FastMCP } = await import(pathToFileURL(`${process.cwd()}/node_modules/fastmcp/dist/FastMCP.js`))
const { z } = await load("zod")
const [{ Client }, { StdioClientTransport }, { StreamableHTTPClientTransport }] = await Promise.all(
  ["index", "stdio", "streamableHttp"].map((each) => load(`@modelcontextprotocol/sdk/client/${each}.js`)),
)

const server = new FastMCP({ name: "fastmcp", version: "1.0.0" })
const sdk = { Client, StdioClientTransport, StreamableHTTPClientTransport }
for (const upstream of upstreamsOf(process.argv)) {
  const client = await connect(upstream, sdk)
  const { tools } = await client.listTools()
  for (const { name, description } of tools) {
    server.addTool({
      name: `${upstream.key}_${name}`,
      description,
      parameters: z.object({}).passthrough(),
      execute: (args, { reportProgress }) =>
        client.callTool({ name, arguments: args }, undefined, args.progress ? { onprogress: reportProgress } : {}),
    })
  }
}
await server.start({
  transportType: "httpStream",
  httpStream: { port: Number(optionOf("port", "0")), host: "127.0.0.1" },
})
