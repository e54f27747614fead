// A server in process without an SDK whose list grows: `grow` adds a tool and announces it, `lists` answers how often it
// was listed. `config.tools` says how many tools it lists at first, these two among them.
export default ({ config }) => {
  let count = config.tools
  let lists = 0
  let transport
  const inputSchema = {
    type: "object",
    properties: { text: { type: "string" }, count: { type: "integer" }, filter: { enum: ["none", "some", "all"] } },
  }
  const tools = () =>
    ["grow", "lists", ...Array.from({ length: count - 2 }, (_, at) => `tool_${at}`)].map((name) => ({
      ...{ name, description: `Answers what it is given, as one of ${config.tools} tools: ${name}.`, inputSchema },
    }))
  const answers = {
    initialize: () => ({
      protocolVersion: "2025-11-25",
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: "growing", version: "1" },
    }),
    "tools/list": () => {
      lists += 1
      return { tools: tools() }
    },
    "tools/call": async ({ name }) => {
      if (name === "grow") {
        count += 1
        await transport.send({ jsonrpc: "2.0", method: "notifications/tools/list_changed" })
      }
      return { content: [{ type: "text", text: String(name === "lists" ? lists : count) }] }
    },
  }
  return {
    async connect(given) {
      transport = given
      transport.onmessage = async ({ id, method, params }) => {
        if (id === undefined) return
        await transport.send({ jsonrpc: "2.0", id, result: await (answers[method] ?? (() => ({})))(params ?? {}) })
      }
      await transport.start()
    },
    close: async () => transport?.close(),
  }
}
