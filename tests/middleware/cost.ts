/**
 * `npm run build && npx tsx tests/middleware/cost.ts`: what a call costs the processor with `audit`, `redact` or
 * `sanitize` around it, against none. One process, a package in it that answers at once, 64 calls at a time.
 */
import { setMaxListeners } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { pino } from "pino"

const dist = path.resolve(import.meta.dirname, "../../dist")
const { createLocalClient } = await import(`${dist}/endpoints/localClient.js`)
const { Host } = await import(`${dist}/host/host.js`)
const { loadMiddleware } = await import(`${dist}/host/loadMiddleware.js`)
const { loadManifest } = await import(`${dist}/manifest/load.js`)

const calls = Number(process.argv[2] ?? 20_000)
const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
const folder = await mkdtemp(path.join(tmpdir(), "mcp-host-cost-"))
const text = "The quick brown fox jumps over the lazy dog. ".repeat(20)
const result = { content: [{ type: "text", text }] }

async function cost(middleware: string, atOnce: number): Promise<number> {
  const file = path.join(folder, "mcp-host.yaml")
  await writeFile(file, `${middleware}\nservers: { r: { mount: ${raw} } }`)
  const manifest = await loadManifest(file, { env: {} })
  const log = pino({ level: "silent" })
  const host = new Host({ manifest, middleware: await loadMiddleware(manifest), version: "0.0.0", log })
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const local = createLocalClient({ info: { name: "cost" }, notify: () => undefined, signal })
  const leave = host.connect(local.client)
  await host.settled()
  const params = { name: "r_do_result", arguments: { result } }
  const run = async (count: number): Promise<void> => {
    let left = count
    const lane = async (): Promise<void> => {
      while (left-- > 0) await host.handle({ method: "tools/call", params }, local.context())
    }
    await Promise.all(Array.from({ length: atOnce }, lane))
  }
  await run(calls / 4)
  const before = process.cpuUsage()
  await run(calls)
  const { user, system } = process.cpuUsage(before)
  leave()
  await host.close()
  return (user + system) / calls
}

const kinds = {
  none: "",
  audit: "middleware: [{ audit: { file: ./audit.jsonl } }]",
  "audit with a key": `middleware: [{ audit: { file: ./keyed.jsonl, key: ${"k".repeat(40)} } }]`,
  redact: "middleware: [redact]",
  "redact, all patterns":
    "middleware: [{ redact: { detect: [email, creditCard, iban, ssn, jwt, bearer, awsKey, privateKey, apiToken] } }]",
  sanitize: "middleware: [sanitize]",
}
for (const atOnce of [64, 1])
  for (let round = 0; round < 2; round += 1)
    for (const [name, middleware] of Object.entries(kinds))
      process.stdout.write(`${name}, ${atOnce} at once: ${(await cost(middleware, atOnce)).toFixed(1)} µs\n`)
await rm(folder, { recursive: true })
