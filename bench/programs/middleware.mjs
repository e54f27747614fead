// node middleware.mjs --chains JSON --rounds N — what chains of middleware cost a call in process, without a network: each
// is around a host of its own in this process, with a server without an SDK behind. `chains` maps names to `middleware`
// lists. Prints the least CPU microseconds of a call for each; the log goes to standard error, as JSON.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { createLocalClient } from "../../build/endpoints/localClient.js"
import { Host } from "../../build/host/host.js"
import { loadMiddleware } from "../../build/host/loadMiddleware.js"
import { loadManifest } from "../../build/manifest/load.js"
import { createLogger } from "../../build/telemetry/logger.js"
import { optionOf } from "../servers/options.mjs"

const rounds = Number(optionOf("rounds", "15"))
const calls = 2_000
const server = path.resolve(import.meta.dirname, "../servers/bare.mjs")
const folder = await mkdtemp(path.join(tmpdir(), "mcp-host-bench-middleware-"))
const { log } = await createLogger({ level: "info", format: "json", color: false })
const request = { method: "tools/call", params: { name: "echo_echo", arguments: { text: "x".repeat(80) } } }

const hosts = []
for (const [name, middleware] of Object.entries(JSON.parse(optionOf("chains", "{}"))))
  hosts.push(await open(name, middleware))
for (let round = 0; round < rounds; round += 1) for (const host of hosts) await host.measure()
const results = Object.fromEntries(hosts.map(({ name, best }) => [name, best()]))
for (const host of hosts) await host.close()
await rm(folder, { recursive: true })
process.stdout.write(`${JSON.stringify(results)}\n`)

async function open(name, middleware) {
  const file = path.join(folder, `${name}.yaml`)
  await writeFile(file, JSON.stringify({ middleware, servers: { echo: { mount: server } } }))
  const manifest = await loadManifest(file)
  const host = new Host({ manifest, middleware: await loadMiddleware(manifest), version: "0", log })
  host.start()
  await host.settled()
  const client = createLocalClient({ info: { name: "bench" }, notify: () => {}, signal: new AbortController().signal })
  const leave = host.connect(client.client)
  const { context: made } = client
  const call = () => host.handle(request, { ...made(), cancellation: { cancelled: false, on: () => () => {} } })
  const found = []
  return {
    name,
    best: () => Math.min(...found),
    async measure() {
      const before = process.cpuUsage()
      for (let at = 0; at < calls; at += 1) await call()
      const { user, system } = process.cpuUsage(before)
      found.push((user + system) / calls)
    },
    async close() {
      leave()
      await host.close()
    },
  }
}
