/** The middleware `logging`: a line for every request, with what is asked for and nothing secret. */
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { startModernServer } from "../fixtures/servers/modern.mjs"
import { closeAll, closers } from "./files.ts"
import { createScripted, type Script, text, tool } from "./scriptedServer.ts"
import { type Started, type StartOptions, start } from "./support.ts"

afterEach(closeAll)

const lists = { tools: [tool("get"), tool("fail"), tool("break")] }
const answers: Script["answer"] = ({ params }) => {
  if (params["name"] === "break") return { error: { code: -32050, message: "own" } }
  return { ...text("done"), ...(params["name"] === "fail" && { isError: true }), session_token: "abc" }
}

async function logged(options = "{}", more: StartOptions & { around?: "server" } = {}) {
  const server = createScripted({ lists, answer: answers })
  const chain = `middleware: [{ logging: ${options} }]`
  const manifest = `servers: { s: { mount: ./s.mjs, prefix: p${more.around === "server" ? `, ${chain}` : ""} } }`
  const whole = more.around === "server" ? manifest : `${chain}\n${manifest}`
  const started = await start(whole, { ...more, files: { "s.mjs": server.code } })
  return { ...started, one: started.client(), lines: () => linesOf(started) }
}

/** What `logging` wrote, without what is another every time. */
function linesOf({ log }: Pick<Started, "log">): JsonObject[] {
  const own = log.filter(({ server }) => server === "logging" || server === "s logging")
  return own.map(({ time: _time, ms: _ms, msg, ...line }) => ({
    ...line,
    msg: String(msg).replace(/[\d.]+ ms/, "0 ms"),
  }))
}

describe("a line", () => {
  it("says what was asked of whom by whom, and what became of it", async () => {
    const { one, lines } = await logged()
    await one.call("p_get", { a: "é" })
    await one.call("p_fail")
    await expect(one.call("p_break")).rejects.toMatchObject({ code: -32050 })
    await expect(one.call("p_none")).rejects.toMatchObject({ code: -32602 })
    const facts = { level: 30, server: "logging", method: "tools/call", client: "test" }
    expect(lines()).toEqual([
      {
        ...{
          ...facts,
          request: expect.any(String),
          name: "p_get",
          upstream: "s",
          outcome: "ok",
          msg: "tools/call p_get: ok in 0 ms",
        },
        ...{ in: 39, out: 65 },
      },
      expect.objectContaining({ ...facts, outcome: "failed", msg: "tools/call p_fail: failed in 0 ms" }),
      expect.objectContaining({ ...facts, outcome: "error", code: -32050, msg: "tools/call p_break: error in 0 ms" }),
      expect.objectContaining({ outcome: "error", code: -32602, name: "p_none" }),
    ])
    expect(lines()[3]).not.toHaveProperty("upstream")
  })

  it("is of every method, or of those that are wanted, and has a level", async () => {
    const { one, lines } = await logged("{ level: debug, except: [tools/list] }")
    await one.request("initialize")
    await one.request("tools/list")
    await one.call("p_get")
    expect(lines()).toMatchObject([
      { level: 20, method: "initialize", msg: "initialize: ok in 0 ms" },
      { level: 20, method: "tools/call" },
    ])
    const only = await logged("{ only: [tools/list] }")
    await only.one.request("initialize")
    await only.one.request("tools/list")
    expect(only.lines()).toMatchObject([{ method: "tools/list" }])
  })

  it("has the server's own names around a server", async () => {
    const { one, lines } = await logged("{}", { around: "server" })
    await one.call("p_get")
    expect(lines()).toMatchObject([{ server: "s logging", name: "get", upstream: "s" }])
  })

  it("of a request that was cancelled says so", async () => {
    const { client, ...started } = await start(`middleware: [logging]\nservers: { s: { mount: ./s.mjs } }`, {
      files: { "s.mjs": createScripted({ lists, answer: () => new Promise(() => undefined) }).code },
    })
    const one = client()
    const controller = new AbortController()
    const call = one.request("tools/call", { name: "s_get" }, { signal: controller.signal })
    controller.abort()
    await expect(call).rejects.toThrow("Request cancelled")
    expect(linesOf(started)).toMatchObject([{ outcome: "cancelled" }])
  })

  it("does not parse what passes as bytes, but knows that it failed", async () => {
    const isErrors = [false, true]
    const upstream = await startModernServer({
      lists: { "tools/list": { tools: [tool("get")] } },
      handle: () => ({ ...text("x".repeat(100_000)), ...(isErrors.shift() && { isError: true }) }),
    })
    closers.push(() => upstream.close())
    const started = await start(`middleware: [logging]\nservers: { s: { mount: { url: "${upstream.url}" } } }`)
    const one = started.client()
    await one.call("s_get")
    await one.call("s_get")
    expect(linesOf(started)).toMatchObject([
      { outcome: "ok", out: expect.any(Number) },
      { outcome: "failed", out: expect.any(Number) },
    ])
    expect(Number(linesOf(started)[0]?.["out"])).toBeGreaterThan(100_000)
  })
})

describe("payloads", () => {
  it("are left out, or shown without what is secret by its name or value, up to a length", async () => {
    const none = await logged("{ payloads: none }")
    await none.one.call("p_get")
    expect(none.lines()[0]).not.toHaveProperty("in")
    expect(none.lines()[0]).not.toHaveProperty("out")

    const { one, lines } = await logged(`{ payloads: bodies, redact: ["*_PIN", ssn] }`)
    const args = {
      ...{ user: "ann", password: "p1", deep: [{ "API-Key": "k1", Authorization: { scheme: "Bearer", value: "b1" } }] },
      ...{ card_pin: 42, SSN: "s1", accessToken: "t1", max_tokens: 5, clientSecret: "c1", Cookie: ["d1"] },
    }
    await one.call("p_get", args)
    const [line] = lines()
    expect(JSON.parse(String(line?.["params"]))).toEqual({
      name: "p_get",
      arguments: {
        ...{ user: "ann", password: "[hidden]", deep: [{ "API-Key": "[hidden]", Authorization: "[hidden]" }] },
        ...{ card_pin: "[hidden]", SSN: "[hidden]", accessToken: "[hidden]", max_tokens: 5 },
        ...{ clientSecret: "[hidden]", Cookie: "[hidden]" },
      },
    })
    expect(JSON.parse(String(line?.["result"]))).toEqual({
      content: [{ type: "text", text: "done" }],
      session_token: "[hidden]",
    })
  })

  it("are cut between characters", async () => {
    const { one, lines } = await logged("{ payloads: bodies, maxBody: 64B }")
    await one.call("p_get", { a: "é".repeat(100) })
    const params = String(lines()[0]?.["params"])
    expect(params).toMatch(/^\{"name":"p_get","arguments":\{"a":"é+… \(\d+ bytes\)$/)
    expect(Buffer.byteLength(params.split("…")[0] ?? "")).toBeLessThanOrEqual(64)
  })
})

describe("a level that nobody reads", () => {
  it("costs nothing: params are not even looked at", async () => {
    const { host, one, lines } = await logged("{ level: debug, payloads: bodies }", { level: "info" })
    const params = { name: "p_get" }
    let looks = 0
    Object.defineProperty(params, "toJSON", { value: () => (looks += 1) })
    await host.handle({ method: "tools/call", params }, one.context())
    expect(lines()).toEqual([])
    expect(looks).toBe(0)
  })
})

describe("options", () => {
  it.each([
    ["{ payloads: all }", /logging\.payloads must be "none", "sizes" or "bodies"/],
    ["{ only: [tools/cal] }", /logging\.only\[0\]/],
    ["{ maxBody: 1KB }", /logging\.maxBody must be a size/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ logging: ${options} }]\nservers: {}`).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(problem).toMatchObject({ code: "MANIFEST_INVALID_VALUE", place: { line: 1 } })
    expect(problem?.message).toMatch(expected)
  })
})
