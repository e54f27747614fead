// The load generator, a process of its own: takes `{ id, op, … }` over the process channel and answers `{ id, value }` or
// `{ id, error }`. What it opens with `open` stays open until `close`.
import { measureCalls } from "./calls.mjs"
import { Client } from "./client.mjs"
import { cpuMicroseconds } from "./cpu.mjs"

const held = []
/** One session per target and generation, for all measurements of it. */
const sessions = new Map()

const operations = { calls, list, open, close, ready, served }

process.on("message", async ({ id, op, ...given }) => {
  try {
    process.send({ id, value: await operations[op](given) })
  } catch (error) {
    process.send({ id, error: error instanceof Error ? error.message : String(error) })
  }
})
process.on("disconnect", () => process.exit(0))

/** Calls for a while; see `measureCalls`. */
async function calls({ url, era, protocol, ...call }) {
  const key = `${era} ${url}`
  const client = sessions.get(key) ?? (await new Client(url, { era, protocol }).open())
  sessions.set(key, client)
  client.connect(call.callers)
  try {
    return await measureCalls(client, call)
  } catch (error) {
    sessions.delete(key)
    client.close()
    throw error
  } finally {
    client.connect(0)
  }
}

/** Lists all tools, all pages, `times` times. */
async function list({ url, era, protocol, times = 1, pid }) {
  const client = new Client(url, { era, protocol })
  try {
    await client.open()
    const latencies = []
    let tools = await listAll(client)
    const cpu = cpuMicroseconds(pid)
    for (let time = 0; time < times; time += 1) {
      const began = performance.now()
      tools = await listAll(client)
      latencies.push(performance.now() - began)
    }
    const after = cpuMicroseconds(pid)
    return {
      tools: tools.length,
      names: tools.slice(0, 3),
      latencies,
      cpuUs: after === undefined ? undefined : after - cpu,
    }
  } finally {
    await client.end()
  }
}

/** Waits until a server lists `tools` tools; resolves with the time, in milliseconds of the epoch. */
async function ready({ url, era, protocol, tools, timeoutMs = 60_000, pollMs = 5 }) {
  const until = performance.now() + timeoutMs
  let seen = "nothing listens"
  while (performance.now() < until) {
    const client = new Client(url, { era, protocol })
    try {
      await client.open()
      for (;;) {
        const found = (await listAll(client)).length
        if (found >= tools) return { at: performance.timeOrigin + performance.now(), tools: found }
        seen = `${found} of ${tools} tools`
        if (performance.now() > until) break
        await sleep(pollMs)
      }
    } catch (error) {
      if (!/ECONNREFUSED/.test(error.message)) seen = error.message
    } finally {
      client.close()
    }
    await sleep(pollMs)
  }
  throw new Error(`not ready after ${timeoutMs} ms: ${seen}`)
}

/** Waits until a call of every one of these tools is answered; resolves with the time, in milliseconds of the epoch. */
async function served({ url, era, protocol, names, timeoutMs = 60_000, pollMs = 5 }) {
  const until = performance.now() + timeoutMs
  const left = new Set(names)
  let seen = "nothing listens"
  while (performance.now() < until) {
    const client = new Client(url, { era, protocol })
    try {
      await client.open()
      for (const name of left) {
        const { result } = await client.request("tools/call", { name, arguments: { text: name } })
        if (result.content?.[0]?.text === `echo ${name}`) left.delete(name)
      }
      if (left.size === 0) return { at: performance.timeOrigin + performance.now() }
    } catch (error) {
      if (!/ECONNREFUSED/.test(error.message)) seen = error.message
    } finally {
      client.close()
    }
    await sleep(pollMs)
  }
  throw new Error(`${left.size} tools did not answer in ${timeoutMs} ms: ${seen}`)
}

/** Opens sessions, with a GET stream each if asked, and keeps them. */
async function open({ url, count, streams }) {
  const width = 32
  for (let from = 0; from < count; from += width) {
    const many = Array.from({ length: Math.min(width, count - from) }, async () => {
      const client = await new Client(url).open()
      if (streams) {
        await client.listen()
        held.push(client)
      } else client.close()
    })
    await Promise.all(many)
  }
  return count
}

/** Closes the streams that `open` left, and ends the sessions of one target or of all. */
async function close({ url } = {}) {
  for (const client of held.splice(0)) client.close()
  for (const [key, client] of sessions) {
    if (url !== undefined && !key.endsWith(` ${url}`)) continue
    sessions.delete(key)
    await client.end()
  }
}

async function listAll(client) {
  const names = []
  let cursor
  do {
    const { result } = await client.request("tools/list", cursor === undefined ? {} : { cursor })
    for (const { name } of result.tools) names.push(name)
    cursor = result.nextCursor
  } while (cursor !== undefined)
  return names
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
