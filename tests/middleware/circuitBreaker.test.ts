import { writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll } from "./files.ts"
import { createFigures, createGate, failure, fine, refusal, scripted, setScript } from "./scripted.ts"
import { start } from "./support.ts"

afterEach(closeAll)

const tools = [{ name: "do" }, { name: "other" }]
const servers = (key: string) => `servers: { s: { ${scripted(key, tools)} }, t: { ${scripted("healthy", tools)} } }`

/** A server that answers what `state.answer` is. */
function answering(key: string, answer: object) {
  const state = { answer, sent: 0 }
  setScript(key, () => {
    state.sent += 1
    return state.answer as typeof fine
  })
  setScript("healthy", () => fine)
  return state
}

describe("circuitBreaker", () => {
  it.each(["legacy", "modern"])("refuses at once while a server fails, and tries it after a time: %s", async (era) => {
    const state = answering("broken", failure(-31002))
    const figures = createFigures()
    const { client, log } = await start(
      `middleware: [{ circuitBreaker: { failures: 3, openFor: 300ms } }]\n${servers("broken")}`,
      { metrics: figures.metrics },
    )
    const one = client({ era })
    for (let n = 0; n < 3; n += 1) expect(await refusal(one.call("s_do"))).toMatchObject({ code: -31002 })
    // On a machine that stands still for longer than the circuit is open, this request is the trial, and fails.
    const error = await vi.waitFor(
      async () => {
        const before = state.sent
        const refused = await refusal(one.request("prompts/get", { name: "s_hello" }))
        expect(refused).toMatchObject({ code: -31001, data: { server: "s", sent: "no", retryable: true } })
        expect(state.sent).toBe(before)
        return refused
      },
      { timeout: 20_000 },
    )
    expect(error.message).toMatch(
      /^s: the server is left alone until 20\d\d-.*Z, because it failed: failed with -31002$/,
    )
    const { retryAfterMs } = error.data as { retryAfterMs: number }
    expect(retryAfterMs).toBeLessThanOrEqual(300)
    await one.call("t_do")
    expect(figures.gauge("mcp_host_circuit_breaker_open")).toEqual([
      { value: 1, labels: { server: "s" } },
      { value: 0, labels: { server: "t" } },
    ])
    state.answer = fine
    await vi.waitFor(() => one.call("s_do"), { timeout: 10_000, interval: 50 })
    await one.call("s_do")
    expect(figures.gauge("mcp_host_circuit_breaker_open").map(({ value }) => value)).toEqual([0, 0])
    expect(figures.count("mcp_host_circuit_breaker_opened_total", { server: "s" })).toBeGreaterThan(0)
    expect(figures.count("mcp_host_circuit_breaker_refused_total", { server: "s" })).toBeGreaterThan(0)
    const told = log.map(({ msg }) => msg)
    expect(told).toContain("the server is left alone for a while: failed with -31002")
    expect(told).toContain("the server works again")
  })

  it("takes answers for signs of life, and what concerns others for nothing", async () => {
    const { client } = await start(
      `servers: { s: { ${scripted("signs", tools)}, middleware: [{ circuitBreaker: { failures: 2, openFor: 1h } }] } }`,
    )
    const one = client()
    const state = answering("signs", fine)
    const ends = async (answer: object) => {
      state.answer = answer
      await one.call("s_do").catch(() => undefined)
    }
    const own = { error: { code: -32602, message: "wrong arguments" } }
    const failedTool = { result: { content: [], isError: true } }
    for (const answer of [own, failedTool, fine]) {
      await ends(failure(-31001))
      await ends(answer)
    }
    // A limit of another hop neither counts nor interrupts.
    await ends(failure(-31001))
    await ends(failure(-31006))
    await ends(failure(-31003))
    expect(await refusal(one.call("s_do"))).toMatchObject({ code: -31001, data: { sent: "no" } })
    expect(state.sent).toBe(9)
  })

  it("takes a request that its client cancelled for nothing", async () => {
    const gate = createGate()
    const { client } = await start(
      `middleware: [{ circuitBreaker: { failures: 1, openFor: 1h } }]\n${servers("cancelling")}`,
    )
    setScript("cancelling", async () => {
      await gate.passed
      return fine
    })
    const one = client()
    const cancelling = new AbortController()
    const call = one.request("tools/call", { name: "s_do", arguments: {} }, { signal: cancelling.signal })
    cancelling.abort()
    await expect(call).rejects.toThrow("Request cancelled")
    gate.open()
    await one.call("s_do")
  })

  it("opens for a tool alone, for failed tools and by a rate when it is told", async () => {
    const state = answering("rate", fine)
    const { client } = await start(
      `middleware: [{ circuitBreaker: { failureRate: 50, window: 1h, minimum: 4, openFor: 1h, by: tool, toolErrors: true } }]\n${servers("rate")}`,
    )
    const one = client()
    for (const answer of [fine, fine, { result: { content: [], isError: true } }]) {
      state.answer = answer
      await one.call("s_do")
    }
    await one.call("s_do")
    const error = await refusal(one.call("s_do"))
    expect(error.message).toMatch(/^s: the tool s_do is left alone until .*, because it failed: a tool failed$/)
    state.answer = fine
    await one.call("s_other")
    await one.request("prompts/get", { name: "s_hello" })
    // What does not exist has no circuit.
    for (let n = 0; n < 6; n += 1) expect(await refusal(one.call("s_none"))).toMatchObject({ code: -32602 })
  })

  it("stays open over a reload", async () => {
    const state = answering("reloaded", failure(-31001))
    const text = `middleware: [{ circuitBreaker: { failures: 1, openFor: 1h } }]\n${servers("reloaded")}\n`
    const { client, directory, reload } = await start(text)
    const one = client()
    await refusal(one.call("s_do"))
    await writeFile(path.join(directory, "mcp-host.yaml"), `${text}host: { title: Another }\n`)
    await reload()
    expect(await refusal(one.call("s_do"))).toMatchObject({ code: -31001, data: { sent: "no" } })
    expect(state.sent).toBe(1)
  })

  it.each([
    ["window: 10s", /1:\d+ MANIFEST_INVALID_VALUE .*window says nothing without failureRate/],
    ["failureRate: 0.5", /1:\d+ MANIFEST_INVALID_VALUE .*failureRate must be a whole number from 1 to 100/],
    ["by: client", /1:\d+ MANIFEST_INVALID_VALUE .*by must be/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ circuitBreaker: { ${options} } }]\nservers: {}`).catch((thrown) => thrown)
    const [problem] = error.problems
    expect(`${problem.place.line}:${problem.place.column} ${problem.code} ${problem.message}`).toMatch(expected)
  })
})
