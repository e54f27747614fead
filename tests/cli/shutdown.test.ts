/** What calls in flight, open streams and servers see of the end, and what a package that throws late does not end. */
import { once } from "node:events"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it } from "vitest"
import { modern, openSession, send, stream, toolCall } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { cleanUp, project, type Running, served, start, startHttp } from "./support.ts"

afterEach(async () => {
  await closeAll()
  cleanUp()
})

/** A package that says when it closes, and throws, rejects or waits in its tools. */
const server = `
const later = (work) => new Promise(() => setTimeout(work, 20))
const broken = () => Object.assign(new Error("write EPIPE"), { code: "EPIPE" })
let waiting = 0
const tools = {
  wait: ({ ms }) => {
    waiting += 1
    if (waiting === 200) console.error("200 wait")
    return new Promise((resolve) => setTimeout(resolve, ms))
  },
  throw: () => later(() => { throw new Error("thrown late") }),
  reject: () => later(() => { Promise.reject(new Error("rejected late")) }),
  pipe: () => later(() => { throw broken() }),
}
export default ({ config, onClose }) => {
  onClose(() => { console.error("closing " + config.name) })
  let transport
  const answer = async ({ method, params }) => {
    if (method === "initialize")
      return { protocolVersion: "2025-11-25", capabilities: { tools: { listChanged: true } }, serverInfo: { name: "s", version: "1" } }
    if (method === "tools/list") return { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })) }
    if (method === "tools/call") await tools[params.name](params.arguments ?? {})
    return { content: [] }
  }
  return {
    async connect(given) {
      transport = given
      transport.onmessage = async (message) => {
        if (message.id !== undefined && message.method !== undefined)
          await transport.send({ jsonrpc: "2.0", id: message.id, result: await answer(message) })
      }
      await transport.start()
    },
    close: () => transport?.close(),
  }
}
`

const folder = (drain: string): string => {
  const mounts = ["one", "two", "three"].map((name) => [name, { mount: "./server.mjs", config: { name } }])
  return project(
    { ...served(Object.fromEntries(mounts)), endpoint: { drain, http: { port: 0 } } },
    { "server.mjs": server },
  )
}

async function ready(drain: string): Promise<Running & { readonly url: string }> {
  const running = await startHttp(folder(drain))
  await running.shows(/three: ready/)
  return running
}

describe("SIGTERM", () => {
  it("with 200 calls on their way answers them all, ends streams with a result, and exits with 0", async () => {
    const { url, child, ended, shows } = await ready("10s")
    const sessions = await Promise.all(Array.from({ length: 10 }, () => openSession(url)))
    const outcomes: unknown[] = []
    const calls = Array.from({ length: 200 }, async (_, id) => {
      const ms = id % 2 === 0 ? 1_000 : 600_000
      const call = toolCall(id, "one_wait", { ms })
      const answer =
        id % 4 < 2
          ? await sessions[id % sessions.length]?.send(call)
          : await send(url, modern("tools/call", { name: "one_wait", arguments: { ms } }, { id }))
      outcomes[id] = answer?.json["result"] === undefined ? answer?.json["error"] : "result"
    })
    const listening = modern("subscriptions/listen", { notifications: { toolsListChanged: true } }, { id: "listen" })
    const listens = await Promise.all(Array.from({ length: 20 }, () => stream(url, listening)))
    const general = await sessions[0]?.stream()
    await shows(/200 wait/)
    child.kill("SIGTERM")
    await shows(/shutting down/)
    // Subscriptions end first, with their result; new connections are refused.
    for (const listen of listens) await listen.end()
    for (const { messages } of listens)
      expect(messages.at(-1)).toMatchObject({ id: "listen", result: { resultType: "complete" } })
    expect(await send(url, { body: toolCall(1, "one_wait") })).toMatchObject({
      status: 503,
      json: { error: { code: -31007 } },
    })
    await Promise.all(calls)
    await general?.end()
    expect(outcomes.filter((outcome) => outcome === "result")).toHaveLength(100)
    const rest = outcomes.filter((outcome) => outcome !== "result")
    expect(rest).toHaveLength(100)
    for (const error of rest) expect(error).toMatchObject({ code: -31007, data: { sent: "maybe", retryable: true } })
    const { code, stderr } = await ended
    expect(code).toBe(0)
    expect([...stderr.matchAll(/closing (\w+)/g)].map(([, name]) => name)).toEqual(["three", "two", "one"])
    expect(stderr).not.toContain("Warning")
  })

  it("ends in order too while a client of --stdio reads nothing", async () => {
    const running = start(["run", "--stdio"], { cwd: folder("500ms") })
    const { child, ended } = running
    child.stdout?.removeAllListeners("data").pause()
    const write = (message: object): void => void child.stdin?.write(`${JSON.stringify(message)}\n`)
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "deaf", version: "1" } }
    write({ jsonrpc: "2.0", id: 0, method: "initialize", params })
    await running.shows(/three: ready/)
    // Each is refused with an error that repeats its name: more than a pipe holds.
    for (let id = 1; id <= 20; id += 1) write(toolCall(id, "x".repeat(100_000)))
    await delay(500)
    child.kill("SIGTERM")
    await once(child, "exit")
    child.stdout?.resume()
    expect(await ended).toMatchObject({ code: 0 })
  })
})

describe("an error that nobody catches", () => {
  it("ends the call in which it was thrown and nothing else, and is logged with its server", async () => {
    const { url, child, ended, stderr } = await ready("1s")
    const session = await openSession(url)
    const [waiting, ...failed] = await Promise.all([
      session.send(toolCall(1, "two_wait", { ms: 1_000 })),
      session.send(toolCall(2, "two_throw")),
      session.send(toolCall(3, "two_reject")),
      session.send(toolCall(4, "two_pipe")),
      send(url, modern("tools/call", { name: "two_throw" }, { id: 5 })),
    ])
    expect(waiting?.json).toMatchObject({ id: 1, result: { content: [] } })
    for (const { json } of failed) expect(json).toMatchObject({ error: { code: -32603 } })
    expect(stderr().match(/ERROR: two: an error nobody caught: /g)).toHaveLength(4)
    child.kill("SIGTERM")
    expect(await ended).toMatchObject({ code: 0 })
  })
})

describe("hardly any memory left", () => {
  it("ends the run in order, with an error that says so", async () => {
    const hog = server.replace(
      "wait: ({ ms })",
      "hog: () => { setInterval(() => (globalThis.kept ??= []).push(Array.from({ length: 131_072 }, (_, at) => at + 0.5)), 100) },\n  wait: ({ ms })",
    )
    const cwd = project(served({ hog: { mount: "./server.mjs", config: { name: "hog" } } }), { "server.mjs": hog })
    const running = start(["run"], { cwd, nodeArgs: ["--max-old-space-size=230"] })
    const [, url = ""] = await running.shows(/"url": "(http:[^"]+)"/)
    await running.shows(/hog: ready/)
    const session = await openSession(url)
    await session.send(toolCall(1, "hog_hog"))
    const { code, stderr } = await running.ended
    expect(stderr).toMatch(/HOST_OUT_OF_MEMORY.*9\d % of the memory/)
    expect(stderr).toMatch(/closing hog/)
    expect(code).toBe(1)
  })
})
