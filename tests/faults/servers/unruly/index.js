// A package that runs in the host's own process and does it harm, as its tools say.
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"

const kept = []

const tools = {
  work: ({ call, ms = 0 }) => new Promise((resolve) => setTimeout(resolve, ms, `done ${call}`)),
  block({ ms }) {
    for (const end = performance.now() + ms; performance.now() < end; );
    return "blocked"
  },
  keep({ megabytes }) {
    for (let each = 0; each < megabytes; each += 1)
      kept.push(Array.from({ length: 65_536 }, (_, at) => at + each + 0.5))
    return "kept"
  },
  throwLater: () =>
    new Promise(() => {
      setTimeout(() => {
        throw new Error("thrown where nobody waits")
      }, 50)
    }),
}

export default () => {
  const server = new Server({ name: "unruly", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, async () => ({
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => ({
    content: [{ type: "text", text: await tools[params.name](params.arguments ?? {}) }],
  }))
  return server
}
