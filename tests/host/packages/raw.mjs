// A server without an SDK: lists what its `config` says and does what its callers tell it to. The tools whose names
// begin with do_ are for tests: do_set replaces a list and announces it, do_ask asks the client, do_notify notifies it, do_flood too and often, do_result
// and do_error answer just that, do_hang never answers, do_close ends the connection. With `never` it never starts, with
// `once` it starts but once.
const lists = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resourceTemplates",
}
const started = new Set()

export default ({ config }) => {
  if (config.never) return new Promise(() => {})
  if (config.once) {
    if (started.has(config.once)) throw new Error("starts but once")
    started.add(config.once)
  }
  const state = { ...config.lists }
  let transport
  let asked = 0
  const waiting = new Map()
  const later = []
  let timer
  const send = (message) => transport.send({ jsonrpc: "2.0", ...message })

  const special = {
    do_set: async ({ member, items, method }) => {
      state[member] = items
      await send({ method })
      return { content: [] }
    },
    do_ask: async ({ method, params = {} }) => {
      asked += 1
      const id = `ask-${asked}`
      const answer = new Promise((resolve) => waiting.set(id, resolve))
      await send({ id, method, params })
      const { result, error } = await answer
      return { content: [], structuredContent: result === undefined ? { error } : { result } }
    },
    do_later: ({ method, params = {} }) => new Promise((resolve) => later.push({ method, params, resolve })),
    do_notify: async ({ method, params }) => {
      await send({ method, params })
      return { content: [] }
    },
    // Tells `count` things as fast as it can, the number of each in its params.
    do_flood: async ({ method, params, count }, { _meta }) => {
      for (let number = 1; number <= count; number += 1) {
        const progress = method === "notifications/progress" && { progressToken: _meta.progressToken, progress: number }
        await send({ method, params: { ...params, ...progress, number } })
      }
      return { content: [] }
    },
    do_result: async ({ result }) => result,
    // Asks, tells progress and answers with what it heard, as `config.trace` says.
    do_trace: async (_args, { _meta }) => {
      const { question, ofProgress, ofResult } = config.trace
      const heard = await special.do_ask(question)
      const params = { progressToken: _meta.progressToken, progress: 1, _meta: ofProgress }
      await send({ method: "notifications/progress", params })
      const structuredContent = { meta: _meta, answer: heard.structuredContent.result }
      return { content: [], structuredContent, _meta: ofResult }
    },
    do_hang: () => new Promise(() => {}),
    do_close: async () => {
      await transport.close()
      return { content: [] }
    },
  }

  async function answer({ method, params = {} }) {
    if (method === "initialize") {
      const { capabilities = { tools: {} }, instructions, serverInfo = { name: "raw", version: "1" } } = config
      return { protocolVersion: "2025-11-25", capabilities, serverInfo, ...(instructions && { instructions }) }
    }
    if (method === "ping" || method.startsWith("resources/sub") || method.startsWith("resources/unsub")) return {}
    if (method === "logging/setLevel") return {}
    if (method === "tools/list" && !config.bare) {
      const tools = Object.keys({ ...special, do_error: true }).map((name) => ({
        name,
        inputSchema: { type: "object" },
      }))
      return { tools: [...(state.tools ?? []), ...tools] }
    }
    if (lists[method]) return { [lists[method]]: state[lists[method]] ?? [] }
    if (method === "tools/call" && special[params.name]) return special[params.name](params.arguments ?? {}, params)
    if (method === "resources/read") return { contents: [{ uri: params.uri, text: `text of ${params.uri}` }] }
    return { content: [{ type: "text", text: JSON.stringify({ method, params }) }] }
  }

  return {
    async connect(given) {
      transport = given
      transport.onmessage = async (message) => {
        if (message.method === undefined) return waiting.get(message.id)?.(message)
        if (message.id === undefined) return
        const { name, arguments: args } = message.params ?? {}
        if (message.method === "logging/setLevel" && config.refuseLevel) {
          return send({ id: message.id, error: { code: -32603, message: "No levels here" } })
        }
        if (message.method === "tools/call" && name === "do_error") return send({ id: message.id, error: args.error })
        await send({ id: message.id, result: await answer(message) })
      }
      timer = setInterval(() => {
        for (const { resolve, ...question } of later.splice(0)) {
          asked += 1
          const id = `later-${asked}`
          waiting.set(id, ({ result, error }) =>
            resolve({ content: [], structuredContent: result ? { result } : { error } }),
          )
          void send({ id, ...question })
        }
      }, 10)
      await transport.start()
    },
    close: async () => {
      clearInterval(timer)
      await transport?.close()
    },
  }
}
