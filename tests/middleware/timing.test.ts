/** The middleware `timing`: how long requests took, in the log and in metrics. */
import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "./files.ts"
import { createMetrics } from "./metrics.ts"
import { createScripted, text, tool } from "./scriptedServer.ts"
import { type Started, type StartOptions, start } from "./support.ts"

afterEach(closeAll)

async function timed(manifest: (options: string) => string, options = "{}", more: StartOptions = {}) {
  const server = createScripted({
    lists: { tools: [tool("get"), tool("break"), tool("slow")] },
    async answer({ params: { name } }) {
      if (name === "slow") await new Promise((resolve) => setTimeout(resolve, 50))
      return name === "break" ? { error: { code: -32050, message: "own" } } : text("x")
    },
  })
  const metrics = createMetrics()
  const started = await start(manifest(options), { metrics, ...more, files: { "s.mjs": server.code } })
  return { ...started, metrics, one: started.client() }
}

const outside = (options: string) => `middleware: [{ timing: ${options} }]\nservers: { s: { mount: ./s.mjs } }`
const inside = (options: string) => `servers: { s: { mount: ./s.mjs, middleware: [{ timing: ${options} }] } }`
const linesOf = ({ log }: Pick<Started, "log">): JsonObject[] =>
  log.filter(({ server }) => String(server).endsWith("timing"))

describe("timing", () => {
  it("logs at its level, whatever became of the request", async () => {
    const { one, ...started } = await timed(outside, "{ level: info }")
    await one.call("s_get")
    await expect(one.call("s_break")).rejects.toMatchObject({ code: -32050 })
    await one.request("tools/list")
    const facts = { level: 30, msg: "took", request: expect.any(String), ms: expect.any(Number) }
    expect(linesOf(started)).toMatchObject([
      { ...facts, method: "tools/call", name: "s_get" },
      { ...facts, method: "tools/call", name: "s_break" },
      { ...facts, method: "tools/list" },
    ])
  })

  it("warns of what is slow", async () => {
    const { one, ...started } = await timed(outside, "{ slow: 10ms }")
    await one.call("s_slow")
    expect(linesOf(started)).toMatchObject([{ level: 40, msg: "slow", name: "s_slow" }])
  })

  it("measures by server and method; methods that clients make up are one", async () => {
    const { one, metrics } = await timed(outside)
    await one.call("s_get")
    await one.request("tools/list")
    for (const method of ["made/up", "made/up/too"])
      await expect(one.request(method)).rejects.toMatchObject({ code: -32601 })
    expect(metrics.of("mcp_host_timing_seconds")).toEqual({ " tools/call": 1, " tools/list": 1, " other": 2 })
    const server = await timed(inside)
    await server.one.call("s_get")
    expect(server.metrics.of("mcp_host_timing_seconds")).toEqual({ "s tools/call": 1 })
  })

  it("writes nothing at a level that nobody reads", async () => {
    const { one, ...started } = await timed(outside, "{}", { level: "info" })
    await one.call("s_get")
    expect(linesOf(started)).toEqual([])
  })

  it.each(["{ slow: 0s }", "{ level: warn }", "{ sloww: 1s }"])("refuses %s", async (options) => {
    await expect(start(outside(options))).rejects.toMatchObject({ name: "ManifestError" })
  })
})
