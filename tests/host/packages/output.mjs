// A server of SDK version 2 with one tool for each kind of structured output.
import { McpServer } from "@modelcontextprotocol/server"
import { z } from "zod"

const node = z.object({
  name: z.string(),
  get children() {
    return z.array(node)
  },
})
const outputs = {
  list: [z.array(z.string()), ["a"]],
  number: [z.number(), 7],
  either: [z.union([z.object({ a: z.string() }), z.null()]), null],
  tree: [z.array(node), [{ name: "a", children: [{ name: "b", children: [] }] }]],
  object: [node, { name: "a", children: [] }],
}

export default () => {
  const server = new McpServer({ name: "output", version: "1.0.0" })
  for (const [name, [outputSchema, structuredContent]] of Object.entries(outputs)) {
    const answer = async () => ({ content: [{ type: "text", text: "given" }], structuredContent })
    server.registerTool(name, { outputSchema }, answer)
  }
  return server
}
