import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpNotification } from "../../src/protocol/messages.ts"
import { closeAll } from "./files.ts"
import { createFigures, createGate, fine, type Message, refusal, scripted, setScript } from "./scripted.ts"
import { start, v2 } from "./support.ts"

afterEach(async () => {
  vi.useRealTimers()
  await closeAll()
})

const tools = [{ name: "do" }, { name: "slow_do" }, { name: "slow_other" }]

/** A server that never answers, with what it is told. */
function silent(key: string): Message[] {
  const heard: Message[] = []
  setScript(key, (message) => {
    heard.push(message)
    return undefined
  })
  return heard
}

/** Lets everything happen that waits for no time. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const cancellations = (heard: readonly Message[]) => heard.filter(({ method }) => method === "notifications/cancelled")

describe("timeout", () => {
  it.each(["legacy", "modern"])("ends a request with -31002 and tells the server to cancel: %s", async (era) => {
    const heard = silent("never")
    const figures = createFigures()
    const { client } = await start(
      `middleware: [{ timeout: { call: 50ms, read: 60ms } }]\nservers: { s: { ${scripted("never", tools)} } }`,
      { metrics: figures.metrics },
    )
    const one = client({ era })
    const error = await refusal(one.call("s_do"))
    expect(error).toMatchObject({ code: -31002, message: "s: no answer within 50 ms" })
    expect(error.data).toMatchObject({ server: "s", sent: "maybe", retryable: true })
    await vi.waitFor(() => expect(cancellations(heard)).toHaveLength(1), { timeout: 10_000 })
    expect(await refusal(one.request("resources/read", { uri: "test://s/one" }))).toMatchObject({
      message: "s: no answer within 60 ms",
    })
    await vi.waitFor(() => expect(cancellations(heard)).toHaveLength(2), { timeout: 10_000 })
    expect(figures.count("mcp_host_timeout_expired_total", { method: "tools/call", server: "" })).toBe(1)
    expect(figures.count("mcp_host_timeout_expired_total", { method: "resources/read" })).toBe(1)
  })

  it("has deadlines of its own for tools, the first that matches", async () => {
    silent("globs")
    const { client } = await start(
      `servers: { s: { ${scripted("globs", tools)}, middleware: [{ timeout: { call: 40ms, tools: { slow_do: 60ms, "slow_*": 50ms } } }] } }`,
    )
    const one = client()
    const waited = async (name: string) => (await refusal(one.call(name))).message
    expect(await waited("s_do")).toBe("s: no answer within 40 ms")
    expect(await waited("s_slow_do")).toBe("s: no answer within 60 ms")
    expect(await waited("s_slow_other")).toBe("s: no answer within 50 ms")
  })

  it("cancels a real server, and passes on what ends in time and what the client cancels", async () => {
    const { client } = await start(
      `middleware: [{ timeout: { tools: { "*slow": 100ms } } }]\nservers: { s: { mount: ${v2} } }`,
    )
    const one = client()
    expect(await one.call("s_echo", { text: "hello" })).toMatchObject({ content: [{ text: "hello" }] })
    expect(await refusal(one.call("s_slow", { ms: 60_000 }))).toMatchObject({ code: -31002 })
    const cancelling = new AbortController()
    const call = one.request("tools/call", { name: "s_slow", arguments: { ms: 60_000 } }, { signal: cancelling.signal })
    cancelling.abort()
    await expect(call).rejects.toThrow("Request cancelled")
  })

  it.each([
    ["without a token of the client", undefined],
    ["with one", "mine"],
  ])("starts anew with progress when it is told so, %s", async (_how, progressToken) => {
    const gate = createGate()
    let token: unknown
    let tell = async (_progress: number): Promise<void> => undefined
    setScript("progress", async ({ method, params }, send) => {
      if (method !== "tools/call") return undefined
      token = ((params as JsonObject)["_meta"] as JsonObject | undefined)?.["progressToken"]
      tell = (progress) =>
        send({ method: "notifications/progress", params: { progressToken: token as string, progress } })
      await gate.passed
      return fine
    })
    const { client } = await start(
      `middleware: [{ timeout: { call: 2s, progress: extend } }]\nservers: { s: { ${scripted("progress", tools)} } }`,
    )
    const one = client()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    const heard: McpNotification[] = []
    const params = { name: "s_do", arguments: {}, ...(progressToken !== undefined && { _meta: { progressToken } }) }
    const call = one.request("tools/call", params, { notify: (notification) => heard.push(notification) })
    await turns()
    // Four times 1.5 s, and none of them without progress.
    for (const progress of [1, 2, 3, 4]) {
      vi.advanceTimersByTime(1_500)
      await tell(progress)
      await turns()
    }
    gate.open()
    expect(await call).toMatchObject({ content: [{ text: "fine" }] })
    expect(token).toBeDefined()
    if (progressToken === undefined) expect(heard).toEqual([])
    else expect(heard[0]).toMatchObject({ method: "notifications/progress", params: { progressToken: "mine" } })
  })

  it("does not start anew with progress otherwise, and tells nothing after its end", async () => {
    let more = async (): Promise<void> => undefined
    setScript("regardless", ({ method, params }, send) => {
      const { progressToken } = ((params as JsonObject)["_meta"] ?? {}) as { progressToken: string }
      let progress = 0
      if (method === "tools/call")
        more = () => send({ method: "notifications/progress", params: { progressToken, progress: progress++ } })
      return undefined
    })
    const { client } = await start(
      `middleware: [{ timeout: { call: 300ms } }]\nservers: { s: { ${scripted("regardless", tools)} } }`,
    )
    const heard: McpNotification[] = []
    const params = { name: "s_do", arguments: {}, _meta: { progressToken: 1 } }
    const call = client().request("tools/call", params, { notify: (notification) => heard.push(notification) })
    const told = setInterval(() => void more(), 20)
    expect(await refusal(call)).toMatchObject({ code: -31002 })
    const before = heard.length
    await more()
    clearInterval(told)
    expect(heard).toHaveLength(before)
  })

  it("stands still while the client is asked", async () => {
    const gate = createGate()
    const { client } = await start(`middleware: [{ timeout: { call: 200ms } }]\nservers: { s: { mount: ${v2} } }`)
    const one = client({ capabilities: { elicitation: {} } })
    await one.tools()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    let isAsked = false
    const answer = one.request(
      "tools/call",
      { name: "s_ask", arguments: {} },
      {
        async ask() {
          isAsked = true
          await gate.passed
          return { value: { action: "accept", content: { answer: "well" } } }
        },
      },
    )
    while (!isAsked) await turns()
    vi.advanceTimersByTime(10_000)
    await turns()
    gate.open()
    expect(JSON.stringify(await answer)).toContain("well")
  })

  it.each([
    ["call: 0ms", /1:\d+ MANIFEST_INVALID_VALUE .*call must be a duration longer than nothing/],
    ["tools: { a: long }", /1:\d+ MANIFEST_INVALID_VALUE .*tools\.a must be a duration/],
    ["total: 1s", /1:\d+ MANIFEST_UNKNOWN_KEY /],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ timeout: { ${options} } }]\nservers: {}`).catch((thrown) => thrown)
    const [problem] = error.problems
    expect(`${problem.place.line}:${problem.place.column} ${problem.code} ${problem.message}`).toMatch(expected)
  })
})
