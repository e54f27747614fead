/** Children that misbehave: each fault ends in one typed error, in time, and touches nothing else. */
import { once } from "node:events"
import { existsSync } from "node:fs"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { StdioChannel } from "../../src/upstreams/stdioChannel.ts"
import { closeAll, closers, linesOf } from "../fixtures/harness.ts"
import { createClient, createContext } from "../wire/support.ts"
import { farTooMuch, probeLoad } from "./loadProbe.ts"
import {
  create,
  entryOf,
  fixtures,
  isAlive,
  type LogLine,
  ready,
  soon,
  stdioTarget,
  temporaryFolder,
} from "./support.ts"

afterEach(closeAll)

const MiB = 1024 * 1024
/** Of processor time, far from both: a turn of a loop that is free takes tens of milliseconds, of one that is stuck many seconds. */
const freeMs = 4_000
const timeouts = { startMs: 20_000, listMs: 10_000, callMs: 30_000, totalMs: 40_000 }

async function open(env: Record<string, string> = {}, session: "shared" | "per-client" = "per-client") {
  const test = create(entryOf(stdioTarget("faulty.mjs", { era: "legacy", env }), { timeouts, session }))
  const client = createClient()
  await ready(test.upstream, client)
  const call = (name: string, args: JsonObject = {}, signal = new AbortController().signal) =>
    test.upstream.handle({ method: "tools/call", params: { name, arguments: args } }, createContext({ client, signal }))
  const works = async () => expect(await call("echo", { text: "hi" })).toMatchObject(textOf("hi"))
  return { ...test, call, works, client }
}

const textOf = (text: string) => ({ value: { content: [{ text }] } })
const failure = (code: number, reason: RegExp, sent = "maybe") => ({
  code,
  data: { server: "server", sent, reason: expect.stringMatching(reason) },
})
const garbageIn = (log: readonly LogLine[]) =>
  log.filter(({ message }) => message === "wrote a line that is no message to its standard output")

describe("messages that nest too deep", () => {
  it.each(["deep", "deepTail", "deepError"])("end the call they answer at once (%s)", async (tool) => {
    const { call, works, upstream } = await open()
    const { pid } = upstream.state
    for (const depth of [127, 5_000, 100_000])
      await expect(call(tool, { depth }), `depth ${depth}`).rejects.toMatchObject(failure(-31004, /deeper than 128/))
    await works()
    expect(upstream.state.pid).toBe(pid)
  })

  it("pass up to the limit", async () => {
    const { call } = await open()
    expect(await call("deep", { depth: 126 })).toHaveProperty("value.x")
  })

  it("are skipped and logged when nobody waits for them", async () => {
    const { call, log } = await open()
    expect(await call("deepNotification", { depth: 5_000 })).toMatchObject(textOf("after"))
    expect(garbageIn(log)).toMatchObject([{ facts: { reason: expect.stringContaining("deeper than 128") } }])
  })
})

describe("a message without end", () => {
  it("ends the calls in flight with -31004 and the child, within twice the memory of the limit", async () => {
    const { call, works, upstream } = await open()
    const { pid } = upstream.state
    const probe = probeLoad()
    const other = call("never").catch((error: unknown) => error)
    await expect(call("longLine", { bytes: 400 * MiB })).rejects.toMatchObject(failure(-31004, /more than 16777216/))
    expect(await other).toMatchObject(failure(-31004, /more than 16777216/))
    await ready(upstream)
    probe.stop()
    expect(upstream.state.pid).not.toBe(pid)
    expect(isAlive(pid as number)).toBe(false)
    await works()
    expect(probe.growth).toBeLessThan(farTooMuch)
    expect(probe.longestTurnMs).toBeLessThan(freeMs)
  })

  it("may come in small pieces without blocking anything", async () => {
    const { call } = await open()
    const probe = probeLoad()
    expect(await call("drip", { bytes: 10 * MiB })).toMatchObject(textOf("after"))
    probe.stop()
    expect(probe.longestTurnMs).toBeLessThan(freeMs)
  })
})

describe("bytes that are no text", () => {
  it.each([
    ["notUtf8", /not UTF-8/],
    ["nul", /no JSON-RPC message/],
  ])("end the call they answer with -31003 (%s)", async (tool, reason) => {
    const { call, works } = await open()
    await expect(call(tool)).rejects.toMatchObject(failure(-31003, reason))
    await works()
  })

  it("are garbage when they answer nothing", async () => {
    const { call, log } = await open()
    expect(await call("notUtf8Anywhere")).toMatchObject(textOf("after"))
    expect(garbageIn(log)).toHaveLength(1)
  })

  it("are not what arrives torn apart", async () => {
    const { call } = await open()
    const text = 'é\u2028😀 日本語 \u0000 \\ "'.repeat(3)
    expect(await call("split", { text })).toMatchObject(textOf(text))
  })
})

describe("answers", () => {
  it("count once, and only with the very id of the request", async () => {
    const { call, works } = await open()
    expect(await call("twice")).toMatchObject(textOf("first"))
    expect(await call("otherIds")).toMatchObject(textOf("right"))
    await works()
  })

  it("that are a result and an error at once are -31003", async () => {
    const { call, works } = await open()
    await expect(call("both")).rejects.toMatchObject(failure(-31003, /result and an error/))
    await works()
  })

  it("that come after the cancellation answer nothing", async () => {
    const file = path.join(await temporaryFolder(), "late")
    const { call, works } = await open({ LATE_FILE: file })
    const controller = new AbortController()
    const given = call("never", {}, controller.signal).catch((error: unknown) => error)
    const other = call("never").catch((error: unknown) => error)
    await works()
    controller.abort()
    expect(await given).toMatchObject({ message: "Request cancelled" })
    await vi.waitFor(async () => expect(await linesOf(file)).toHaveLength(1), soon)
    await works()
    const state = await Promise.race([other, delay(100, "pending")])
    expect(state).toBe("pending")
  })

  it("with two ids count for the last, and reach no other client's session", async () => {
    const { call, upstream, client } = await open()
    const bob = createClient({ key: "bob" })
    const pending = upstream
      .handle({ method: "tools/call", params: { name: "never" } }, createContext({ client: bob }))
      .catch((error: unknown) => error)
    // Ids are counted for each connection: all of these are ids of the other client's session as well.
    for (let other = 1; other < 8; other += 1) void call("doubleId", { other }).catch(() => undefined)
    await vi.waitFor(async () => expect(await call("echo", { text: "hi" })).toMatchObject(textOf("hi")), soon)
    expect(client.key).not.toBe(bob.key)
    expect(await Promise.race([pending, delay(200, "pending")])).toBe("pending")
  })
})

describe("a child that stops reading", () => {
  it("has 8 MiB wait for it, and then is busy until it reads again", async () => {
    const { call, upstream } = await open()
    await Promise.race([call("stop").catch(() => undefined), delay(300)])
    const text = "x".repeat(MiB)
    const outcomes = Array.from({ length: 40 }, () => call("echo", { text }).catch((error: unknown) => error))
    const refused = await Promise.all(outcomes.slice(8))
    for (const error of refused) expect(error).toMatchObject(failure(-31006, /does not read/, "no"))
    await expect(call("echo", { text })).rejects.toMatchObject(failure(-31006, /does not read/, "no"))
    process.kill(upstream.state.pid as number, "SIGCONT")
    for (const outcome of await Promise.all(outcomes.slice(0, 7))) expect(outcome).toMatchObject(textOf(text))
    await vi.waitFor(async () => expect(await call("echo", { text: "hi" })).toMatchObject(textOf("hi")), soon)
  })

  it("by closing its input is ended and started again", async () => {
    const { call, upstream, works } = await open()
    const descriptor = `/proc/${upstream.state.pid}/fd/0`
    void call("closeInput").catch(() => undefined)
    if (process.platform === "linux") await vi.waitFor(() => expect(existsSync(descriptor)).toBe(false), soon)
    else await delay(1_000)
    await expect(call("echo", { text: "hi" })).rejects.toMatchObject(
      failure(-31001, /closed its standard input|exited/),
    )
    await ready(upstream)
    await works()
  })
})

describe("garbage on standard output", () => {
  it("before the first message is skipped and counted", async () => {
    const { works, log } = await open({ BEFORE: "banner" })
    await works()
    expect(garbageIn(log)).toHaveLength(3)
  })

  it("of 1,000 lines in a row ends the child, one less does not, however often", async () => {
    const { call, upstream, works, log } = await open()
    const { pid } = upstream.state
    expect(await call("garbage", { lines: 999 })).toMatchObject(textOf("after"))
    expect(await call("garbage", { lines: 999 })).toMatchObject(textOf("after"))
    expect(garbageIn(log)).toHaveLength(5)
    await expect(call("garbage", { lines: 1_000 })).rejects.toMatchObject(
      failure(-31001, /wrote 1000 lines that are no/),
    )
    await ready(upstream)
    expect(upstream.state.pid).not.toBe(pid)
    await works()
  })
})

describe("a child that dies in a call", () => {
  it.each([false, true])(
    "fails its calls at once, though another holds its pipes (out of reach: %s)",
    async (detached) => {
      const file = path.join(await temporaryFolder(), "pids")
      const { call, upstream, works } = await open({ PID_FILE: file })
      const pid = upstream.state.pid as number
      const other = call("never").catch((error: unknown) => error)
      const dies = call("dieBeside", { detached }).catch((error: unknown) => error)
      // Whoever waits for the pipes to end meets the deadline first.
      const killed = failure(-31001, /was ended by SIGKILL \(killed, or out of memory\)/)
      for (const outcome of [await other, await dies]) expect(outcome).toMatchObject(killed)
      expect(isAlive(pid)).toBe(false)
      const grandchild = (await linesOf(file)).find((line) => "grandchild" in line)?.["grandchild"] as number
      closers.push(() => isAlive(grandchild) && process.kill(grandchild, "SIGKILL"))
      if (!detached) await vi.waitFor(() => expect(isAlive(grandchild)).toBe(false), soon)
      await ready(upstream)
      await works()
    },
  )

  it("settles what is sent to it afterwards", async () => {
    const { channel, closed } = await start()
    process.kill(channel.pid as number, "SIGKILL")
    const sends: Promise<unknown>[] = []
    for (let id = 0; id < 20; id += 1) {
      sends.push((channel.send({ jsonrpc: "2.0", id, method: "ping" }) ?? Promise.resolve()).catch(() => "refused"))
      await delay(5)
    }
    expect(await closed).toMatchObject({ message: expect.stringContaining("SIGKILL") })
    await expect(channel.send({ jsonrpc: "2.0", id: 99, method: "ping" })).rejects.toMatchObject({
      code: -31001,
      data: { sent: "no" },
    })
    const settled = await Promise.race([Promise.all(sends), delay(20_000, "pending", { ref: false })])
    expect(settled).not.toBe("pending")
  })
})

describe("standard error", () => {
  it("is drained at any rate, its end kept, and 100 lines of it logged in a second", async () => {
    const { channel, log, answered } = await start()
    const probe = probeLoad()
    void channel.send(callOf(1, "stderr", { bytes: 300 * MiB }))
    await answered(1)
    probe.stop()
    expect(probe.longestTurnMs).toBeLessThan(freeMs)
    expect(probe.growth).toBeLessThan(farTooMuch)
    await vi.waitFor(() => expect(channel.lastErrors()).toMatch(/e\nthe last line\n$/), soon)
    expect(Buffer.byteLength(channel.lastErrors())).toBeGreaterThan(64 * 1024 - 100)
    expect(channel.lastErrors()).toMatch(/^e{99}\n/)
    await vi.waitFor(() => expect(leftOut(log)).toBe(linesOfFlood(300 * MiB) - errorsIn(log).length), soon)
  })

  it("logs again a second later, from the beginning of a line", async () => {
    const { channel, log, answered } = await start()
    await channel.send(
      callOf(1, "say", { text: `${Array.from({ length: 150 }, (_, at) => `first ${at}`).join("\n")}\ntorn` }),
    )
    await answered(1)
    await vi.waitFor(() => expect(leftOut(log)).toBeGreaterThanOrEqual(50), soon)
    await channel.send(callOf(2, "say", { text: " apart\nwhole\n" }))
    await answered(2)
    await vi.waitFor(() => expect(errorsIn(log).at(-1)).toBe("whole"), soon)
    expect(errorsIn(log)).toHaveLength(101)
    expect(channel.lastErrors()).toMatch(/first 149\ntorn apart\nwhole\n$/)
  })
})

describe("secrets in what a child writes", () => {
  const secret = "s3cr3t-".repeat(8)
  const mask = (text: string): string => text.replaceAll(secret, "[hidden]")

  it("are masked before anything is cut, in the log, in reasons and in what is kept", async () => {
    const { channel, log, closed, answered } = await start(mask)
    const cut = (length: number): string => `${"x".repeat(length - 20)}${secret}\n`
    await channel.send(callOf(1, "say", { text: cut(8 * 1024) + cut(500) }))
    await answered(1)
    await channel.send(callOf(2, "print", { text: cut(200) }))
    await answered(2)
    await vi.waitFor(() => expect(errorsIn(log)).toHaveLength(2), soon)
    process.kill(channel.pid as number, "SIGKILL")
    const { message } = await closed
    expect(message).toMatch(/\(killed, or out of memory\): x+\[hidden\]$/)
    expect(JSON.stringify(log) + message + channel.lastErrors()).not.toContain("s3cr3t")
    expect(JSON.stringify(log)).toContain("[hidden]")
  })
})

const callOf = (id: number, name: string, args: JsonObject): JsonObject => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
})

const errorsIn = (log: readonly LogLine[]) =>
  log.filter(({ facts }) => facts?.["stream"] === "stderr").map(({ message }) => message)
const leftOut = (log: readonly LogLine[]) => log.reduce((sum, { facts }) => sum + Number(facts?.["lines"] ?? 0), 0)
/** Lines that the fixture writes for so many bytes: whole chunks of lines, and a last one. */
const linesOfFlood = (bytes: number) => {
  const lines = Math.ceil(65_536 / 100)
  return Math.ceil(bytes / (lines * 100)) * lines + 1
}

/** The channel alone. */
async function start(mask?: (text: string) => string) {
  const log: LogLine[] = []
  const write = (level: string) => (message: string, facts?: Readonly<Record<string, unknown>>) =>
    void log.push({ level, message, facts })
  const logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    ...(mask && { mask }),
  }
  const cwd = path.join(fixtures, "servers")
  const channel = new StdioChannel({ command: process.execPath, args: ["faulty.mjs"], cwd, env: {} }, logger)
  closers.push(() => channel.close())
  const answers = new EventTarget()
  let end = (_reason: Error): void => undefined
  const closed = new Promise<Error>((resolve) => {
    end = resolve
  })
  const had = new Set<unknown>()
  await channel.start({
    message: (message) => {
      had.add(message["id"])
      answers.dispatchEvent(new Event(String(message["id"])))
    },
    answered: () => undefined,
    closed: (reason) => end(reason),
  })
  const answered = async (id: number) => void (had.has(id) || (await once(answers, String(id))))
  return { channel, log, closed, answered }
}
