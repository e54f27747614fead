/** The middleware `errors`: what clients see of an error, and what the log does. */
import { afterEach, describe, expect, it } from "vitest"
import type { ProtocolError } from "../../src/protocol/errors.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { startModernServer } from "../fixtures/servers/modern.mjs"
import { closeAll, closers } from "./files.ts"
import { createScripted, type Script, text, tool } from "./scriptedServer.ts"
import { type Started, start } from "./support.ts"

afterEach(closeAll)

const errors: Readonly<Record<string, JsonObject>> = {
  internal: { code: -32603, message: "stack of the server", data: { at: "db.ts:12" } },
  own: { code: -32050, message: "words of the server" },
  params: { code: -32602, message: "no such row" },
}
const answer: Script["answer"] = ({ params }) => {
  const error = errors[String(params["name"])]
  if (error !== undefined) return { error }
  return {
    ...text("stack of the tool"),
    isError: params["name"] === "fail",
    structuredContent: { stack: "x" },
    _meta: { stack: "x" },
  }
}

async function masking(mask: string, around: "host" | "server" = "host") {
  const server = createScripted({
    lists: { tools: [...Object.keys(errors), "fail", "good"].map((name) => tool(name)) },
    answer,
  })
  const chain = `middleware: [{ errors: { mask: ${mask} } }]`
  const manifest =
    around === "host" ? `${chain}\nservers: { s: { mount: ./s.mjs } }` : `servers: { s: { mount: ./s.mjs, ${chain} } }`
  const started = await start(manifest, { files: { "s.mjs": server.code } })
  const one = started.client()
  const failing = (name: string): Promise<ProtocolError> =>
    one.call(name).then(
      () => Promise.reject(new Error("it did not fail")),
      (error: unknown) => error as ProtocolError,
    )
  return { ...started, one, failing, shown: async (name: string) => (await failing(name)).message }
}

const warned = ({ log }: Started) =>
  log.filter(({ level, server }) => level === 40 && String(server).includes("errors"))

describe.each(["host", "server"] as const)("around a %s", (around) => {
  const prefix = "s_"

  it("internal hides what internal errors say, under a reference that the log has", async () => {
    const { failing, shown, one, ...started } = await masking("internal", around)
    const error = await failing(`${prefix}internal`)
    const { reference } = error.data as { reference: string }
    expect(error).toMatchObject({
      code: -32603,
      message: `Internal error (reference ${reference})`,
      data: { reference },
    })
    expect(JSON.stringify(error.data)).not.toContain("db.ts")
    expect(warned({ ...started } as Started)).toMatchObject([
      { request: reference, method: "tools/call", code: -32603, msg: "stack of the server" },
    ])
    expect(await shown(`${prefix}own`)).toBe("words of the server")
    expect(await one.call(`${prefix}fail`)).toMatchObject({ content: [{ text: "stack of the tool" }] })
  })

  it("all hides every error and failed tool of a server, but not what is wrong with a request", async () => {
    const { shown, one, failing, ...started } = await masking("all", around)
    expect(await failing(`${prefix}own`)).toMatchObject({
      code: -32050,
      message: expect.stringMatching(/^Internal error/),
    })
    expect(await shown(`${prefix}internal`)).toMatch(/^Internal error/)
    expect(await shown(`${prefix}params`)).toBe("no such row")
    expect(await shown("unknown")).toBe("Unknown tool: unknown")
    const failed = await one.call(`${prefix}fail`)
    expect(failed).toEqual({
      content: [{ type: "text", text: expect.stringMatching(/^The tool failed \(reference .+\)$/) }],
      isError: true,
    })
    expect(warned(started as Started).map(({ content }) => content)).toContain(
      '[{"type":"text","text":"stack of the tool"}]',
    )
    expect(await one.call(`${prefix}good`)).toMatchObject({ structuredContent: { stack: "x" } })
  })

  it("none hides nothing", async () => {
    const { failing, shown } = await masking("none", around)
    expect(await failing(`${prefix}internal`)).toMatchObject({
      message: "stack of the server",
      data: { at: "db.ts:12" },
    })
    expect(await shown(`${prefix}own`)).toBe("words of the server")
  })
})

it("leaves the host's own errors as they are", async () => {
  const { client } = await start(
    `middleware: [{ errors: { mask: all } }]\nservers: { s: { mount: { command: /does/not/exist }, timeouts: { start: 1s } } }`,
  )
  await expect(client().call("s_get")).rejects.toMatchObject({ code: -31001, data: { server: "s", sent: "no" } })
})

it("does not log requests that were cancelled", async () => {
  const { client, ...started } = await start(`middleware: [errors]\nservers: { s: { mount: ./s.mjs } }`, {
    files: {
      "s.mjs": createScripted({ lists: { tools: [tool("get")] }, answer: () => new Promise(() => undefined) }).code,
    },
  })
  const controller = new AbortController()
  const call = client().request("tools/call", { name: "s_get" }, { signal: controller.signal })
  controller.abort()
  await expect(call).rejects.toThrow("Request cancelled")
  expect(warned(started as Started)).toEqual([])
})

it("lets results that are bytes pass unparsed, and finds the failed ones among them", async () => {
  const results = [{}, { isError: true }]
  const upstream = await startModernServer({
    lists: { "tools/list": { tools: [tool("get")] } },
    handle: () => ({ ...text("x".repeat(100_000)), ...results.shift() }),
  })
  closers.push(() => upstream.close())
  const { host, client } = await start(
    `middleware: [{ errors: { mask: all } }]\nservers: { s: { mount: { url: "${upstream.url}" } } }`,
  )
  const call = () => host.handle({ method: "tools/call", params: { name: "s_get", arguments: {} } }, client().context())
  expect((await call()).bytes).toBeDefined()
  const failed = await call()
  expect(failed.bytes).toBeUndefined()
  expect(failed.value).toMatchObject({ isError: true })
})
