import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll } from "./files.ts"
import { createFigures, createGate, fine, refusal, scripted, setScript } from "./scripted.ts"
import { start } from "./support.ts"

afterEach(closeAll)

const tools = [{ name: "do" }, { name: "other" }]

/** A server whose calls end when the test says, with how many run. */
function holding(key: string) {
  const gate = createGate()
  const state = { running: 0, most: 0, begun: 0 }
  setScript(key, async () => {
    state.running += 1
    state.begun += 1
    state.most = Math.max(state.most, state.running)
    await gate.passed
    // Let others begin, if they may.
    await new Promise((resolve) => setImmediate(resolve))
    state.running -= 1
    return fine
  })
  return { gate, state }
}

describe("concurrency", () => {
  it.each(["legacy", "modern"])("runs so many at once, lets so many wait, and refuses the rest: %s", async (era) => {
    const { gate, state } = holding("held")
    const figures = createFigures()
    const { client } = await start(
      `middleware: [{ concurrency: { limit: 2, queue: 3, wait: 1m } }]\nservers: { s: { ${scripted("held")} } }`,
      { metrics: figures.metrics },
    )
    const one = client({ era })
    const calls = Array.from({ length: 7 }, () => one.call("s_do"))
    const refused = await Promise.all(calls.slice(5).map((call) => refusal(call)))
    expect(refused).toMatchObject(
      Array.from({ length: 2 }, () => ({
        code: -31006,
        message: "s: the limit of 2 at once is reached, and 3 wait",
        data: { server: "s", sent: "no", retryable: true },
      })),
    )
    expect(figures.gauge("mcp_host_concurrency_requests")).toEqual([
      { value: 2, labels: { server: "", state: "running" } },
      { value: 3, labels: { server: "", state: "waiting" } },
    ])
    gate.open()
    await Promise.all(calls.slice(0, 5))
    expect(state).toEqual({ running: 0, most: 2, begun: 5 })
    expect(figures.count("mcp_host_concurrency_refused_total")).toBe(2)
    expect(figures.count("mcp_host_concurrency_wait_seconds")).toBe(5)
    expect(figures.gauge("mcp_host_concurrency_requests").map(({ value }) => value)).toEqual([0, 0])
  })

  it("keeps clients apart, or principals, servers and tools", async () => {
    for (const [by, apart] of [
      ["client", 2],
      ["principal", 1],
      ["server", 1],
      ["tool", 2],
      ["[client, tool]", 3],
      ["all", 1],
    ] as const) {
      const { gate, state } = holding("apart")
      const { client } = await start(
        `middleware: [{ concurrency: { limit: 1, queue: 0, by: ${by} } }]\nservers: { s: { ${scripted("apart", tools)} } }`,
      )
      const [a, b] = [client(), client()] as const
      const call = (one: typeof a, name: string) =>
        one.request("tools/call", { name, arguments: {} }, { principal: { id: "same" } })
      const calls = [call(a, "s_do"), call(a, "s_other"), call(b, "s_do")].map((each) => each.catch(() => "refused"))
      await vi.waitFor(() => expect(state.begun, by).toBe(apart), { timeout: 10_000 })
      gate.open()
      const outcomes = await Promise.all(calls)
      expect(
        outcomes.filter((each) => each === "refused"),
        by,
      ).toHaveLength(3 - apart)
    }
  })

  it("refuses what has waited too long, and lets go of what is cancelled", async () => {
    const { gate, state } = holding("late")
    const { client } = await start(
      `servers: { s: { ${scripted("late")}, middleware: [{ concurrency: { limit: 1, queue: 2, wait: 50ms } }] } }`,
    )
    const one = client()
    const running = one.call("s_do")
    const cancelling = new AbortController()
    const params = { name: "s_do", arguments: {} }
    const cancelled = one.request("tools/call", params, { signal: cancelling.signal })
    cancelling.abort()
    await expect(cancelled).rejects.toThrow("Request cancelled")
    const late = await refusal(one.call("s_do"))
    expect(late.message).toBe("s: the limit of 1 at once is reached, and no place got free within 50 ms")
    gate.open()
    await running
    await one.call("s_do")
    expect(state.begun).toBe(2)
  })

  it("frees the places of calls that fail", async () => {
    setScript("failing", () => ({ error: { code: -32050, message: "no" } }))
    const { client } = await start(
      `middleware: [{ concurrency: { limit: 1, queue: 0, methods: [tools/call, tools/list] } }]\nservers: { s: { ${scripted("failing")} } }`,
    )
    const one = client()
    for (let n = 0; n < 5; n += 1) expect(await refusal(one.call("s_do"))).toMatchObject({ code: -32050 })
    await one.request("tools/list")
  })

  it.each([
    ["limit: 0", /1:\d+ MANIFEST_INVALID_VALUE .*limit must be a whole number from 1 to 10000/],
    ["by: []", /1:\d+ MANIFEST_INVALID_VALUE .*by must be one of/],
    ["wait: soon", /1:\d+ MANIFEST_INVALID_VALUE .*wait must be a duration/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ concurrency: { ${options} } }]\nservers: {}`).catch((thrown) => thrown)
    const [problem] = error.problems
    expect(`${problem.place.line}:${problem.place.column} ${problem.code} ${problem.message}`).toMatch(expected)
  })
})
