/** Connections to HTTP servers that break: what only reads is sent again, what may have an effect never is. */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "../fixtures/harness.ts"
import { racesTheClock } from "../fixtures/noise.ts"
import { events, type Fault, json, openFaulty, reset } from "./faultyServer.ts"
import { ready, soon } from "./support.ts"

afterEach(closeAll)

const call = ["tools/call", { name: "echo", arguments: {} }] as const
const hi = { value: { content: [{ text: "hi" }] } }
const eras = ["legacy", "modern"] as const
const interrupted = { code: -31001, data: { server: "server", sent: "maybe", retryable: true } }

const reads: readonly (readonly [string, JsonObject])[] = [
  ["resources/read", { uri: "test://a" }],
  ["prompts/get", { name: "greet" }],
  ["completion/complete", { ref: { type: "ref/prompt", name: "greet" }, argument: { name: "a", value: "" } }],
]

/** Begins an event stream and breaks it off. */
const cut: Fault = (response) => {
  events(response).write(": here\n\n", () => response.destroy())
}
/** Ends an event stream without an answer. */
const end: Fault = (response) => void events(response).end(": nothing\n\n")
/** Breaks off a JSON body. */
const half: Fault = (response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" })
  response.write('{"jsonrpc":"2.0",', () => response.destroy())
}
const breaks = { reset, cut, end, half }
const kinds = Object.keys(breaks) as (keyof typeof breaks)[]

describe.each(eras)("a connection to a %s server that breaks", (era) => {
  it.each(reads)(
    "twice does not keep %s from its answer; every attempt has an id of its own",
    async (method, params) => {
      const { server, send } = await openFaulty({ era })
      server.spoil(method, reset, 2)
      await send(method, params)
      const ids = server.received.filter((each) => each.method === method).map(({ message }) => message["id"])
      expect(new Set(ids).size).toBe(3)
      expect(server.executed(method)).toBe(1)
    },
  )

  it.each(kinds)("(%s) has a read sent again", async (kind) => {
    const { server, send } = await openFaulty({ era })
    server.spoil("resources/read", breaks[kind])
    expect(await send("resources/read", { uri: "test://a" })).toMatchObject({ value: { contents: [{ text: "a" }] } })
    expect(server.count("resources/read")).toBe(2)
  })

  it("a third time ends the read", async () => {
    const { server, send } = await openFaulty({ era })
    server.spoil("resources/read", reset, 3)
    await expect(send("resources/read", { uri: "test://a" })).rejects.toMatchObject(interrupted)
    expect(server.count("resources/read")).toBe(3)
  })

  it.each(kinds)("(%s) never has a call sent again, whatever the tool says of itself", async (kind) => {
    const { server, send } = await openFaulty({ era }, {}, (fresh) => {
      fresh.tools[0] = { ...fresh.tools[0], annotations: { readOnlyHint: true, idempotentHint: true } }
    })
    server.spoil("tools/call", breaks[kind])
    await expect(send(...call)).rejects.toMatchObject(interrupted)
    expect(server.count("tools/call")).toBe(1)
    expect(await send(...call)).toMatchObject(hi)
  })

  it("while it lists is listed all the same", async () => {
    const { upstream, client } = await openFaulty({ era }, {}, (fresh) => {
      fresh.spoil("tools/list", reset, 2)
      fresh.spoil("resources/list", cut)
    })
    expect(upstream.listing(client)?.tool).toHaveLength(1)
    expect(upstream.listing(client)?.resource).toHaveLength(1)
  })

  it("is not tried again for a client that has cancelled, nor beyond the deadline", racesTheClock, async () => {
    const { server, send } = await openFaulty({ era }, { callMs: 300 })
    const controller = new AbortController()
    server.spoil("resources/read", (...args) => {
      controller.abort()
      reset(...args)
    })
    await expect(send("resources/read", { uri: "test://a" }, { signal: controller.signal })).rejects.toThrow()
    expect(server.count("resources/read")).toBe(1)
    server.spoil("prompts/get", reset, 3)
    await expect(send("prompts/get", { name: "greet" })).rejects.toMatchObject({ data: { sent: "maybe" } })
    expect(server.count("prompts/get")).toBe(2)
  })

  it("because the server was started again is replaced, and so is what was kept alive", async () => {
    const { server, send, upstream } = await openFaulty({ era })
    await Promise.all(Array.from({ length: 8 }, () => send(...call)))
    await server.stop()
    await server.start()
    await vi.waitFor(() => send("resources/read", { uri: "test://a" }), soon)
    for (let nth = 0; nth < 16; nth += 1) expect(await send(...call)).toMatchObject(hi)
    await ready(upstream)
  })

  it("and stays away answers -31001, not sent, until the server is back", async () => {
    const { server, send, upstream } = await openFaulty({ era })
    await server.stop()
    await vi.waitFor(
      () => expect(send(...call)).rejects.toMatchObject({ code: -31001, data: { sent: "no", retryable: true } }),
      soon,
    )
    await server.start()
    await vi.waitFor(async () => expect(await send(...call)).toMatchObject(hi), soon)
    await ready(upstream)
  })
})

describe("an answer of a legacy session that breaks off", () => {
  const answerOf = (message: JsonObject): string =>
    `id: 9\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: message["id"] ?? null, result: { resumed: true } })}\n\n`

  it.each(["cut", "ended"])("after an id is resumed behind it (%s)", async (how) => {
    const { server, send } = await openFaulty()
    server.spoil("tools/call", (response, { message }) => {
      server.spoil("GET", cutAfter("id: 8\nretry: 60\ndata:\n\n"))
      server.spoil("GET", (_response, _received, request) => void request.socket.destroy())
      server.spoil("GET", (resumed) => void events(resumed).end(answerOf(message)))
      cutAfter("id: 7\nretry: 60\ndata:\n\n", how === "ended")(response, undefined as never, undefined as never)
    })
    expect(await send(...call)).toEqual({ value: { resumed: true } })
    expect(server.count("tools/call")).toBe(1)
    const resumed = server.received.filter(({ headers }) => headers["last-event-id"] !== undefined)
    expect(resumed.map(({ headers }) => headers["last-event-id"])).toEqual(["7", "8", "8"])
  })

  it("and cannot be resumed ends its call", async () => {
    const { server, send } = await openFaulty()
    for (const refusal of [400, 405, 500]) {
      server.spoil("tools/call", cutAfter("id: 7\nretry: 60\ndata:\n\n"))
      server.spoil("GET", (response) => void response.writeHead(refusal).end())
      await expect(send(...call)).rejects.toMatchObject(interrupted)
    }
    server.spoil("tools/call", cutAfter("id: 7\nretry: 60\ndata:\n\n"))
    server.spoil("GET", (_response, _received, request) => void request.socket.destroy(), 3)
    await expect(send(...call)).rejects.toMatchObject(interrupted)
    expect(server.count("tools/call")).toBe(4)
  })

  it("is not asked for without pause", async () => {
    const { server, send } = await openFaulty({}, { callMs: 1_000 })
    server.spoil("tools/call", (response) => void events(response).end("id: 7\nretry: 0\ndata:\n\n"))
    server.spoil("GET", (response) => void events(response).end(": nothing\n\n"), 1_000)
    await expect(send(...call)).rejects.toMatchObject({ code: -31002 })
    expect(server.received.filter(({ headers }) => headers["last-event-id"] === "7").length).toBeLessThan(25)
  })

  function cutAfter(text: string, ends = false): Fault {
    return (response) => {
      if (ends) events(response).end(text)
      else events(response).write(text, () => response.destroy())
    }
  }
})

it("an answer to another request, whole, is no interruption", async () => {
  const { server, send } = await openFaulty()
  server.spoil("resources/read", (response) => json(response, { id: "1", result: {} }))
  await expect(send("resources/read", { uri: "test://a" })).rejects.toMatchObject({ code: -31001 })
  expect(server.count("resources/read")).toBe(1)
})
