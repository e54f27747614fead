// node bench/programs/package.mjs — what a call costs a server package alone, without a host in front: CPU of an McpServer
// and of a Server of SDK version 2, in turn, 64 calls at once. Run it with the Node that is to be compared.

import createMcp from "../servers/package/index.js"
import createLow from "../servers/package-low/index.js"

const rounds = 3
const calls = 20_000
const callers = 64

const echo = { name: "echo", arguments: { text: "x".repeat(100) } }

for (const [name, create] of Object.entries({ McpServer: createMcp, Server: createLow })) {
  const call = await connect(create())
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage()
    for (let made = 0; made < calls; made += callers)
      await Promise.all(Array.from({ length: callers }, () => call("tools/call", echo)))
    const { user, system } = process.cpuUsage(before)
    process.stdout.write(`${name}: ${((user + system) / calls).toFixed(1)} µs of CPU a call\n`)
  }
}

async function connect(server) {
  const waiting = new Map()
  let id = 0
  const transport = {
    start: async () => undefined,
    close: async () => undefined,
    send: async (message) => {
      waiting.get(message.id)?.(message)
      waiting.delete(message.id)
    },
  }
  await server.connect(transport)
  const call = (method, params) =>
    new Promise((resolve) => {
      id += 1
      waiting.set(id, resolve)
      transport.onmessage({ jsonrpc: "2.0", id, method, params })
    })
  const clientInfo = { name: "bench", version: "1" }
  await call("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo })
  transport.onmessage({ jsonrpc: "2.0", method: "notifications/initialized" })
  return call
}
