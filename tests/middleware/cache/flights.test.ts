/** The middleware `cache` when many ask the same at the same time. */
import { afterEach, describe, expect, it } from "vitest"
import { createLocalClient } from "../../../src/endpoints/localClient.ts"
import { Flights, type Passenger } from "../../../src/middleware/cache/flights.ts"
import { Cancellation } from "../../../src/protocol/cancellation.ts"
import { ProtocolError } from "../../../src/protocol/errors.ts"
import type { JsonObject } from "../../../src/protocol/json.ts"
import type { Context, McpResult } from "../../../src/protocol/messages.ts"
import { closeAll } from "../files.ts"
import { type Script, text } from "../scriptedServer.ts"
import { counting, get, principal } from "./support.ts"

afterEach(closeAll)

describe("many at the same time", () => {
  /** A tool that answers when it is told to. */
  async function held(answer: Script["answer"] = () => text("x")) {
    const waiting: (() => void)[] = []
    const hold: Script["answer"] = async (request, told) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return answer(request, told)
    }
    const started = await counting("{}", { answer: hold })
    return {
      ...started,
      waits: (calls: number) => expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(calls),
      go: () => waiting.splice(0).forEach((each) => void each()),
    }
  }

  it("1,000 who ask the same make one call", async () => {
    const { client, server, waits, go, metrics } = await held()
    const clients = Array.from({ length: 50 }, (_, at) => client({ key: `c${at}` }))
    const all = clients.flatMap((each) =>
      Array.from({ length: 20 }, () => get(each, { a: 1 }, { ...principal("all"), cancellation: new Cancellation() })),
    )
    await waits(1)
    go()
    expect(new Set(await Promise.all(all))).toEqual(new Set(["x"]))
    expect(server.seen).toHaveLength(1)
    expect(metrics.of("mcp_host_cache_requests_total")).toMatchObject({
      "s tools/call miss": 1,
      "s tools/call joined": 999,
    })
  })

  it("one who cancels leaves the others alone, even the first; the last one cancels the call", async () => {
    const { one, server, waits, go } = await held()
    const [first, second, third] = [new Cancellation(), new Cancellation(), new Cancellation()]
    const calls = [first, second, third].map((cancellation) => get(one, {}, { cancellation }))
    const outcomes = Promise.allSettled(calls)
    await waits(1)
    first.cancel()
    second.cancel()
    await expect(calls[0]).rejects.toMatchObject({ message: "Request cancelled" })
    go()
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"])
    expect(server).toMatchObject({ cancelled: 0 })
    const alone = new Cancellation()
    const given = get(one, { b: 1 }, { cancellation: alone })
    const refused = expect(given).rejects.toMatchObject({ message: "Request cancelled" })
    await waits(1)
    alone.cancel()
    await refused
    await expect.poll(() => server.cancelled, { timeout: 10_000 }).toBe(1)
    // Nobody joins what was cancelled.
    const next = get(one, { b: 1 })
    await waits(2)
    go()
    expect(await next).toBe("x")
  })

  it("an error is everybody's, and is not kept", async () => {
    const { one, server, waits, go } = await held(() => ({ error: { code: -32050, message: "own" } }))
    const outcomes = Promise.allSettled([get(one), get(one)])
    await waits(1)
    go()
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"])
    const again = get(one)
    await waits(1)
    go()
    await expect(again).rejects.toMatchObject({ code: -32050 })
    expect(server.seen).toHaveLength(2)
  })

  it("progress comes to all who want it, under their own tokens", async () => {
    const { client, waits, go } = await held(async ({ params }, { notify }) => {
      const { progressToken } = params["_meta"] as JsonObject
      await notify("notifications/progress", { progressToken: progressToken ?? null, progress: 1 })
      return text("x")
    })
    const clients = ["a", "b", "c"].map((key) => client({ key }))
    const calls = clients.map((each, at) =>
      each.request(
        "tools/call",
        { name: "s_get", ...(at < 2 && { _meta: { progressToken: `token ${at}` } }) },
        principal("all"),
      ),
    )
    await waits(1)
    go()
    await Promise.all(calls)
    expect(clients.map(({ heard }) => heard.map(({ params }) => params["progressToken"]))).toEqual([
      ["token 0"],
      ["token 1"],
      [],
    ])
  })

  it("when one is asked something, the others get an answer of their own, and none is kept", async () => {
    const { client, server, waits, go } = await held(async (_request, { ask }) => {
      const { content } = (await ask("elicitation/create", {
        message: "Who?",
        requestedSchema: { type: "object" },
      })) as {
        content: JsonObject
      }
      return text(String(content["name"]))
    })
    const observer = { capabilities: { elicitation: { form: {} } } }
    const calls = ["ann", "bob"].map((name) =>
      get(
        client({ ...observer, key: name }),
        {},
        {
          ...principal("all"),
          ask: async () => ({ value: { action: "accept", content: { name } } }),
        },
      ),
    )
    await waits(1)
    go()
    await waits(1)
    go()
    expect(await Promise.all(calls)).toEqual(["ann", "bob"])
    const again = get(
      client({ ...observer, key: "cid" }),
      {},
      {
        ...principal("all"),
        ask: async () => ({ value: { action: "accept", content: { name: "cid" } } }),
      },
    )
    await waits(1)
    go()
    expect(await again).toBe("cid")
    expect(server.seen).toHaveLength(3)
  })
})

describe("a flight", () => {
  const request = { method: "tools/call", params: {} }
  const { context } = createLocalClient({
    info: { name: "test" },
    notify: () => undefined,
    signal: new AbortController().signal,
  })
  const route = { topics: ["s"], landed: () => ({ isCommon: true, kept: undefined }) }
  const calls: {
    readonly context: Context
    readonly resolve: (result: McpResult) => void
    readonly reject: (error: unknown) => void
  }[] = []
  const board = (flights: Flights, cancellation = new Cancellation()): Promise<McpResult> => {
    const next: Passenger["next"] = (_request, given) =>
      new Promise((resolve, reject) => calls.push({ context: given, resolve, reject }))
    return flights.fly("key", { request, context: { ...context(), cancellation }, next }, route).answer
  }

  it("starts again with another, when the first has left and took the way to the server along", async () => {
    const flights = new Flights()
    const leaving = new Cancellation()
    const first = board(flights, leaving).catch((error: unknown) => error)
    const second = board(flights)
    leaving.cancel()
    expect(await first).toBeInstanceOf(ProtocolError)
    calls.splice(0)[0]?.reject(new Error("the session was closed"))
    await expect.poll(() => calls.length).toBe(1)
    const value = { content: [] }
    calls.splice(0)[0]?.resolve({ value })
    expect(await second).toEqual({ value })
  })

  it("refuses who has cancelled before", async () => {
    const cancelled = new Cancellation()
    cancelled.cancel()
    await expect(board(new Flights(), cancelled)).rejects.toThrow("Request cancelled")
    expect(calls).toEqual([])
  })

  it("is not asked the question of one who has left", async () => {
    const flights = new Flights()
    const leaving = new Cancellation()
    const first = board(flights, leaving).catch((error: unknown) => error)
    const second = board(flights)
    leaving.cancel()
    await first
    const [left] = calls.splice(0)
    const question = left?.context.ask({ method: "elicitation/create", params: {} }, new AbortController().signal)
    await expect(question).rejects.toThrow("Request cancelled")
    expect(left?.context.cancellation?.cancelled).toBe(true)
    // The other has a request of its own now.
    calls.splice(0)[0]?.resolve({ value: { own: true } })
    expect(await second).toEqual({ value: { own: true } })
  })
})
