import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "./files.ts"
import { createFigures, failure, fine, refusal, scripted, setScript } from "./scripted.ts"
import { start, v2 } from "./support.ts"

afterEach(closeAll)

const tools = [
  { name: "do" },
  { name: "read", annotations: { readOnlyHint: true } },
  { name: "put", annotations: { idempotentHint: true } },
  { name: "listed" },
]
const manifest = (key: string, options = "") =>
  `middleware: [{ retry: { backoff: 1ms, maxBackoff: 2ms${options} } }]\nservers: { s: { ${scripted(key, tools)} } }`

const maybe = failure(-31002)
const unsent = failure(-31001, { sent: "no" })

/** A server that answers these, one after the other, and then `fine`. */
function answering(key: string, answers: readonly JsonObject[], last: JsonObject = fine) {
  const state = { sent: 0 }
  setScript(key, ({ method }) => {
    if (method === "notifications/cancelled") return undefined
    state.sent += 1
    return answers[state.sent - 1] ?? last
  })
  return state
}

describe("retry", () => {
  it.each(["legacy", "modern"])("sends again what was not sent, up to so often: %s", async (era) => {
    const figures = createFigures()
    const { client } = await start(manifest("unsent", ", attempts: 3"), { metrics: figures.metrics })
    const one = client({ era })
    const state = answering("unsent", [unsent, unsent])
    expect(await one.call("s_do")).toMatchObject({ content: [{ text: "fine" }] })
    expect(state.sent).toBe(3)
    expect(figures.count("mcp_host_retry_attempts_total", { method: "tools/call", server: "" })).toBe(2)
    expect(figures.count("mcp_host_retry_recovered_total")).toBe(1)
    const failing = answering("unsent", [unsent, failure(-31006, { sent: "no" }), unsent])
    expect(await refusal(one.call("s_do"))).toMatchObject({ code: -31001, message: "failed with -31001" })
    expect(failing.sent).toBe(3)
    expect(figures.count("mcp_host_retry_recovered_total")).toBe(1)
  })

  it.each([
    ["a tool", "tools/call", { name: "s_do", arguments: {} }, 1],
    ["a tool that only reads", "tools/call", { name: "s_read", arguments: {} }, 2],
    ["a tool that may be called twice", "tools/call", { name: "s_put", arguments: {} }, 2],
    ["a tool that is listed", "tools/call", { name: "s_listed", arguments: {} }, 2],
    ["one that reads, as a task", "tools/call", { name: "s_read", arguments: {}, task: {} }, 1],
    ["an answer to a question", "tools/call", { name: "s_read", arguments: {}, requestState: "x" }, 1],
    ["a prompt", "prompts/get", { name: "s_hello" }, 2],
    ["a resource", "resources/read", { uri: "test://s/one" }, 2],
    [
      "a completion",
      "completion/complete",
      { ref: { type: "ref/prompt", name: "s_hello" }, argument: { name: "a", value: "" } },
      2,
    ],
  ])("%s that may have reached its server: sent %s", async (_what, method, params, times) => {
    const { client } = await start(manifest("maybe", ', tools: ["*listed"]'))
    const state = answering("maybe", [maybe])
    await client()
      .request(method, params)
      .catch(() => undefined)
    expect(state.sent).toBe(times)
  })

  it("trusts no annotations when it is told so, and no retry is made of other errors", async () => {
    const { client } = await start(manifest("other", ", annotations: false"))
    const one = client()
    let state = answering("other", [maybe])
    expect(await refusal(one.call("s_read"))).toMatchObject({ code: -31002 })
    expect(state.sent).toBe(1)
    const final = [
      failure(-31003, { retryable: false }),
      failure(-31004, { retryable: false }),
      failure(-31007, { sent: "no" }),
      { error: { code: -32602, message: "wrong" } },
      { error: { code: -32603, message: "own" } },
    ]
    for (const error of final) {
      state = answering("other", [error])
      await refusal(one.request("prompts/get", { name: "s_hello" }))
      expect(state.sent, JSON.stringify(error)).toBe(1)
    }
  })

  it("waits as long as it is told, or gives up when that is too long", async () => {
    const { client } = await start(manifest("after", ", within: 20s"))
    const one = client()
    let state = answering("after", [failure(-31006, { sent: "no", retryAfterMs: 150 })])
    const from = performance.now()
    await one.call("s_do")
    expect(performance.now() - from).toBeGreaterThanOrEqual(145)
    expect(state.sent).toBe(2)
    state = answering("after", [failure(-31006, { sent: "no", retryAfterMs: 20_000 })])
    expect(await refusal(one.call("s_do"))).toMatchObject({ data: { retryAfterMs: 20_000 } })
    expect(state.sent).toBe(1)
  })

  it("begins no attempt after its time", async () => {
    const { client } = await start(
      `middleware: [{ retry: { attempts: 20, backoff: 20ms, maxBackoff: 20ms, within: 100ms } }]\nservers: { s: { ${scripted("within", tools)} } }`,
    )
    const state = answering("within", [], unsent)
    expect(await refusal(client().call("s_do"))).toMatchObject({ code: -31001 })
    expect(state.sent).toBeLessThan(10)
  })

  it("stops when the client cancels, also while it waits", async () => {
    const { client } = await start(
      `middleware: [{ retry: { backoff: 1h, maxBackoff: 1h, within: 2h } }]\nservers: { s: { ${scripted("stop", tools)} } }`,
    )
    const one = client()
    const cancelling = new AbortController()
    for (const answer of [unsent, failure(-31006, { sent: "no", retryAfterMs: 3_600_000 })]) {
      const state = answering("stop", [answer])
      const aborted = new AbortController()
      const call = one.request("tools/call", { name: "s_do", arguments: {} }, { signal: aborted.signal })
      const ended = call.catch((error: unknown) => error)
      await expect.poll(() => state.sent, { timeout: 10_000 }).toBe(1)
      aborted.abort()
      expect(await ended).toMatchObject({ code: -32603, message: "Request cancelled" })
      expect(state.sent).toBe(1)
    }
    cancelling.abort()
  })

  it("does not ask anybody twice", async () => {
    const { client } = await start(
      `middleware: [{ retry: { backoff: 1ms, tools: ["*"] } }]\nservers: { s: { mount: ${v2} } }`,
    )
    const one = client({ capabilities: { elicitation: {} } })
    let asked = 0
    const call = one.request(
      "tools/call",
      { name: "s_ask", arguments: {} },
      {
        async ask() {
          asked += 1
          return { value: { action: "accept", content: { answer: "well" } } }
        },
      },
    )
    expect(JSON.stringify(await call)).toContain("well")
    expect(asked).toBe(1)
  })

  it("goes around other middleware: what a limit refuses is tried again", async () => {
    answering("around", [])
    const { client } = await start(
      `middleware: [{ retry: { backoff: 1ms } }, { rateLimit: { limit: 20, per: 1s, burst: 1 } }]\nservers: { s: { ${scripted("around", tools)} } }`,
    )
    const one = client()
    await one.call("s_do")
    await one.call("s_do")
  })

  it.each([
    ["attempts: 1", /1:\d+ MANIFEST_INVALID_VALUE .*attempts must be a whole number from 2 to 20/],
    ["tools: read", /1:\d+ MANIFEST_INVALID_VALUE .*tools must be a list of globs over names of tools/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ retry: { ${options} } }]\nservers: {}`).catch((thrown) => thrown)
    const [problem] = error.problems
    expect(`${problem.place.line}:${problem.place.column} ${problem.code} ${problem.message}`).toMatch(expected)
  })
})
