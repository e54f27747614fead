// node relist.mjs --servers N --tools N --rounds N --folder F — the built host over many servers in process: one of them
// changes, again and again. Prints the median time the host takes to make the new catalogue, and how many servers it lists
// for it. Ends with an error when a client is told wrongly, or sees anything but the change.
import { setMaxListeners } from "node:events"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { pino } from "pino"
import { createLocalClient } from "../../build/endpoints/localClient.js"
import { Host } from "../../build/host/host.js"
import { loadManifest } from "../../build/manifest/load.js"
import { optionOf } from "../servers/options.mjs"

const servers = Number(optionOf("servers", "100"))
const perServer = Number(optionOf("tools", "50"))
const rounds = Number(optionOf("rounds", "9"))
const file = path.join(optionOf("folder", "."), "relist.yaml")
const growing = path.resolve(import.meta.dirname, "../servers/package-growing")
const keys = Array.from({ length: servers }, (_, at) => `s${at}`)
const entries = keys.map((key) => [key, { mount: growing, config: { tools: perServer } }])
writeFileSync(file, JSON.stringify({ host: { name: "relist" }, servers: Object.fromEntries(entries) }))

const told = []
const { signal } = new AbortController()
setMaxListeners(0, signal)
// Nothing of a host in process keeps a program running.
const alive = setInterval(() => undefined, 1_000)
const host = new Host({ manifest: await loadManifest(file), log: pino({ level: "silent" }), version: "0" })
const local = createLocalClient({
  info: { name: "bench" },
  notify: ({ method }) => told.push(method),
  signal,
})
const ask = async (method, params = {}) => (await host.handle({ method, params }, local.context())).value
const call = async (name) => Number((await ask("tools/call", { name, arguments: {} })).content[0].text)
const names = async (cursor) => {
  const { tools, nextCursor } = await ask("tools/list", cursor === undefined ? {} : { cursor })
  const rest = nextCursor === undefined ? [] : await names(nextCursor)
  return [...tools.map(({ name }) => name), ...rest]
}
const listed = () => Promise.all(keys.map((key) => call(`${key}_lists`)))
host.start()
await host.settled()
host.connect(local.client)
let before = await names()
check(before.length === servers * perServer, `${before.length} tools are listed`)

const times = []
let relisted = 0
for (let round = 0; round < rounds; round += 1) {
  const key = keys[(round * 37) % servers]
  const counts = await listed()
  const composed = new Promise((resolve) => {
    const stop = host.onChange(() => {
      const began = performance.now()
      const size = host.catalog(local.client).list("tool").length
      const ms = performance.now() - began
      if (size === before.length) return
      stop()
      resolve(ms)
    })
  })
  const added = `${key}_tool_${(await call(`${key}_grow`)) - 3}`
  times.push(await composed)
  await until(() => told.length > 0)
  const after = await names()
  check(told.splice(0).join() === "notifications/tools/list_changed", "the client was not told exactly once")
  check(after.filter((name) => !before.includes(name)).join() === added, `${added} is not what is new`)
  const rest = after.filter((name) => name !== added)
  const other = before.findIndex((name, at) => name !== rest[at])
  check(other === -1, `${rest[other]} stands where ${before[other]} was`)
  const now = await listed()
  const again = keys.filter((_, at) => now[at] !== counts[at])
  check(again.join() === key, `listed again: ${again.join()}`)
  relisted = Math.max(relisted, again.length)
  before = after
  // The host lets a server rest between two lists.
  await sleep(500)
}
await host.close()
clearInterval(alive)
process.stdout.write(`${JSON.stringify({ rebuildMs: median(times), relisted })}\n`)

function check(holds, message) {
  if (!holds) throw new Error(message)
}

async function until(holds) {
  for (const end = performance.now() + 10_000; !holds(); await sleep(10))
    check(performance.now() < end, "the client was not told")
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
