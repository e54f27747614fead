// A server without an SDK that answers what the test says: each request but the first ones goes to the function that
// `globalThis.scripts` has under `config.key`. `config.tools` is what it lists. Cancellations go there too.
export default ({ config }) => {
  let transport
  const send = (message) => transport.send({ jsonrpc: "2.0", ...message })
  const serverInfo = { name: config.key, version: "1" }
  const capabilities = { tools: {}, resources: {}, prompts: {}, completions: {} }
  const fixed = {
    initialize: () => ({ protocolVersion: "2025-11-25", capabilities, serverInfo }),
    ping: () => ({}),
    "tools/list": () => ({ tools: config.tools.map((tool) => ({ inputSchema: { type: "object" }, ...tool })) }),
    "resources/list": () => ({ resources: [{ uri: "test://one", name: "one" }] }),
    "resources/templates/list": () => ({ resourceTemplates: [] }),
    "prompts/list": () => ({ prompts: [{ name: "hello" }] }),
  }
  return {
    async connect(given) {
      transport = given
      transport.onmessage = async (message) => {
        const { id, method } = message
        if (fixed[method]) return send({ id, result: fixed[method]() })
        if (id === undefined && method !== "notifications/cancelled") return
        const answer = await globalThis.scripts[config.key](message, send)
        if (answer !== undefined && id !== undefined) await send({ id, ...answer })
      }
      await transport.start()
    },
    close: () => transport?.close(),
  }
}
