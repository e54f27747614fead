import { describe, expect, it, vi } from "vitest"
import { ProtocolError } from "../../src/protocol/errors.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpRequest, McpResult } from "../../src/protocol/messages.ts"
import { assertAnswerable, capabilitiesToDeclare, requestAcross } from "../../src/wire/bridge.ts"
import type { Era } from "../../src/wire/eras/versions.ts"
import type { UpstreamSession } from "../../src/wire/session.ts"
import { createClient, createContext, settle } from "./support.ts"

/** An upstream that gives these results in turn and notes what it is sent. */
function upstream(era: Era, results: readonly JsonObject[]): UpstreamSession & { readonly requests: McpRequest[] } {
  const requests: McpRequest[] = []
  return {
    era,
    protocolVersion: "",
    serverInfo: {},
    capabilities: {},
    instructions: undefined,
    pid: undefined,
    attributes: true,
    inFlight: 0,
    requests,
    request: async (request) => {
      requests.push(request)
      return { value: results[Math.min(requests.length, results.length) - 1] ?? {} }
    },
    notify: () => undefined,
    ping: async () => undefined,
    close: async () => undefined,
  }
}

const request: McpRequest = {
  method: "tools/call",
  params: { name: "ask", arguments: { a: 1 }, _meta: { progressToken: "t" } },
}
const elicit = (message: string): JsonObject => ({ method: "elicitation/create", params: { message } })
const needs = (inputRequests: JsonObject, more: JsonObject = {}): JsonObject => ({
  resultType: "input_required",
  inputRequests,
  ...more,
})
const able = { elicitation: {}, roots: {}, sampling: {} }
const legacy = createContext({ client: createClient({ era: "legacy", capabilities: able }) })
const modern = createContext({ client: createClient({ era: "modern" }) })

describe("a legacy client of a modern upstream", () => {
  it("is asked, and the request goes out again with its answers and the exact state", async () => {
    const state = ' {"not": "ours"}\n\u0000é'
    const session = upstream("modern", [
      needs({ one: elicit("First?"), two: { method: "roots/list" } }, { requestState: state }),
      needs({ three: elicit("Second?") }),
      { content: [], resultType: "complete" },
    ])
    const ask = vi.fn(async ({ method }: McpRequest): Promise<McpResult> => ({ value: { answered: method } }))
    const result = await requestAcross(session, request, legacy, ask)
    expect(result.value).toEqual({ content: [], resultType: "complete" })
    expect(session.requests[0]).toBe(request)
    expect(session.requests[1]).toEqual({
      method: "tools/call",
      params: {
        ...request.params,
        requestState: state,
        inputResponses: { one: { answered: "elicitation/create" }, two: { answered: "roots/list" } },
      },
    })
    // A state that was not given again is not sent again, nor are old answers.
    expect(session.requests[2]).toEqual({
      method: "tools/call",
      params: { ...request.params, inputResponses: { three: { answered: "elicitation/create" } } },
    })
    expect(ask.mock.calls.map(([asked]) => asked)).toEqual([
      elicit("First?"),
      { method: "roots/list", params: {} },
      elicit("Second?"),
    ])
    expect(request.params).not.toHaveProperty("inputResponses")
  })

  it("keeps an empty state", async () => {
    const session = upstream("modern", [needs({ q: elicit("?") }, { requestState: "" }), {}])
    await requestAcross(session, request, legacy, async () => ({ value: {} }))
    expect(session.requests[1]?.params["requestState"]).toBe("")
  })

  it("only repeats the state when nothing is asked", async () => {
    const session = upstream("modern", [{ resultType: "input_required", requestState: "later" }, { done: true }])
    const ask = vi.fn()
    expect((await requestAcross(session, request, legacy, ask)).value).toEqual({ done: true })
    expect(session.requests[1]?.params).toEqual({ ...request.params, requestState: "later" })
    expect(ask).not.toHaveBeenCalled()
  })

  it("asks all questions of a round at once", async () => {
    const session = upstream("modern", [needs({ a: elicit("a"), b: elicit("b"), c: elicit("c") }), {}])
    let together = 0
    let most = 0
    await requestAcross(session, request, legacy, async () => {
      together += 1
      most = Math.max(most, together)
      await Promise.resolve()
      together -= 1
      return { value: {} }
    })
    expect(most).toBe(3)
  })

  it("takes eight rounds and no more", async () => {
    const rounds = Array.from({ length: 8 }, (_, round) => needs({ q: elicit(String(round)) }))
    const patient = upstream("modern", [...rounds, { done: true }])
    expect((await requestAcross(patient, request, legacy, async () => ({ value: {} }))).value).toEqual({ done: true })
    const endless = upstream("modern", [needs({ q: elicit("again") })])
    const ask = vi.fn(async () => ({ value: {} }))
    await expect(requestAcross(endless, request, legacy, ask)).rejects.toMatchObject({
      code: -31004,
      data: { sent: "maybe" },
    })
    expect(ask).toHaveBeenCalledTimes(8)
  })

  it("learns that it could not be asked", async () => {
    const session = upstream("modern", [needs({ q: elicit("?") })])
    const refusal = new ProtocolError(-32602, "The client does not support elicitation")
    await expect(requestAcross(session, request, legacy, () => Promise.reject(refusal))).rejects.toBe(refusal)
    expect(session.requests).toHaveLength(1)
  })

  it("is asked nothing when one question of the round is beyond it", async () => {
    const session = upstream("modern", [
      needs({ q: elicit("?"), url: { method: "elicitation/create", params: { mode: "url" } } }),
    ])
    const ask = vi.fn()
    await expect(requestAcross(session, request, legacy, ask)).rejects.toMatchObject({ code: -32602 })
    expect(ask).not.toHaveBeenCalled()
  })

  it("ends the call when it refuses to answer, and is spared the other questions", async () => {
    const session = upstream("modern", [needs({ a: elicit("a"), b: elicit("b"), c: elicit("c") })])
    const refusal = new ProtocolError(-1, "User rejected sampling request")
    const withdrawn: unknown[] = []
    const ask = ({ params }: McpRequest, signal: AbortSignal): Promise<McpResult> => {
      if (params["message"] === "b") return Promise.reject(refusal)
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          withdrawn.push(params["message"])
          reject(new Error("withdrawn"))
        })
      })
    }
    await expect(requestAcross(session, request, legacy, ask)).rejects.toBe(refusal)
    expect(withdrawn).toEqual(["a", "c"])
    expect(session.requests).toHaveLength(1)
  })

  it("takes its questions back when the client cancels", async () => {
    const session = upstream("modern", [needs({ q: elicit("?") })])
    const cancelling = new AbortController()
    const context = createContext({ client: legacy.client, signal: cancelling.signal })
    const ask = vi.fn(
      (_question: McpRequest, signal: AbortSignal) =>
        new Promise<McpResult>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("withdrawn")))
        }),
    )
    const calling = requestAcross(session, request, context, ask)
    await settle()
    cancelling.abort()
    await expect(calling).rejects.toThrow("withdrawn")
    expect(session.requests).toHaveLength(1)
  })

  it("keeps each answer under its key, whatever the key", async () => {
    const keys = ["__proto__", "constructor", "", "1", "a b"]
    const questions = JSON.parse(
      `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(elicit(key))}`).join(",")}}`,
    ) as JsonObject
    const session = upstream("modern", [needs(questions), {}])
    await requestAcross(session, request, legacy, async ({ params }) => ({ value: { of: params["message"] ?? null } }))
    const answers = session.requests[1]?.params["inputResponses"] as JsonObject
    expect(Object.entries(answers)).toEqual(expect.arrayContaining(keys.map((key) => [key, { of: key }])))
    expect(Object.keys(answers)).toHaveLength(keys.length)
  })

  it("sends neither state nor answers that the round did not ask for, whatever the client sent", async () => {
    const forged = { ...request, params: { ...request.params, requestState: "forged", inputResponses: { x: {} } } }
    const session = upstream("modern", [
      needs({ q: elicit("?") }),
      { resultType: "input_required", requestState: "s" },
      {},
    ])
    await requestAcross(session, forged, legacy, async () => ({ value: { ok: true } }))
    expect(session.requests.slice(1).map(({ params }) => params)).toEqual([
      { ...request.params, inputResponses: { q: { ok: true } } },
      { ...request.params, requestState: "s" },
    ])
  })

  it.each<[string, JsonObject]>([
    ["nothing", { resultType: "input_required" }],
    ["no questions", { resultType: "input_required", inputRequests: {} }],
  ])("is told of an upstream that asks for input and gives %s", async (_what, result) => {
    const session = upstream("modern", [result])
    await expect(requestAcross(session, request, legacy, vi.fn())).rejects.toMatchObject({ code: -31003 })
    expect(session.requests).toHaveLength(1)
  })

  it.each<[string, JsonObject]>([
    ["no object", { q: 7 }],
    ["no method", { q: { params: {} } }],
  ])("is spared a question with %s", async (_what, questions) => {
    const session = upstream("modern", [needs(questions)])
    await expect(requestAcross(session, request, legacy, vi.fn())).rejects.toMatchObject({ code: -31003 })
  })
})

describe("errors across generations", () => {
  const failing = (era: Era, error: ProtocolError): UpstreamSession => ({
    ...upstream(era, []),
    request: () => Promise.reject(error),
  })
  const data = { uri: "test://a", "x-kept": 1 }
  const read: McpRequest = { method: "resources/read", params: { uri: "test://a" } }

  it.each<[string, Era, typeof legacy, McpRequest, number, number]>([
    ["an unknown resource of a modern upstream, for a legacy client", "modern", legacy, read, -32602, -32002],
    ["invalid params of a modern upstream, for a legacy client", "modern", legacy, request, -32602, -32602],
    ["an unknown resource among legacy ones", "legacy", legacy, read, -32002, -32002],
    ["an unknown resource among modern ones", "modern", modern, read, -32602, -32602],
    ["a legacy upstream's -32020, for a modern client", "legacy", modern, request, -32020, -32603],
    ["a legacy upstream's -32021, for a modern client", "legacy", modern, request, -32021, -32603],
    ["a legacy upstream's -32022, for a modern client", "legacy", modern, request, -32022, -32603],
    ["a legacy upstream's -32099, for a modern client", "legacy", modern, request, -32099, -32603],
    ["a legacy upstream's -32000, for a modern client", "legacy", modern, request, -32000, -32000],
    ["a legacy upstream's -32042, for a modern client", "legacy", modern, request, -32042, -32042],
    ["a legacy upstream's -32020, for a legacy client", "legacy", legacy, request, -32020, -32020],
  ])("%s: the code alone may differ", async (_what, era, context, asked, code, expected) => {
    const error = new ProtocolError(code, "the message", data)
    await expect(requestAcross(failing(era, error), asked, context, vi.fn())).rejects.toMatchObject({
      code: expected,
      message: "the message",
      data,
    })
  })

  it("a client's own refusal is no unknown resource", async () => {
    const session = upstream("modern", [needs({ q: elicit("?") })])
    const refusal = new ProtocolError(-32602, "I can't")
    await expect(requestAcross(session, read, legacy, () => Promise.reject(refusal))).rejects.toBe(refusal)
  })
})

describe("equal generations", () => {
  it.each([
    ["modern", modern],
    ["legacy", legacy],
  ] as const)("%s passes straight through", async (era, context) => {
    const value = needs({ q: elicit("?") }, { requestState: "s" })
    const session = upstream(era, [value])
    const ask = vi.fn()
    expect((await requestAcross(session, request, context, ask)).value).toBe(value)
    expect(ask).not.toHaveBeenCalled()
  })
})

describe("capabilitiesToDeclare", () => {
  const capabilities = {
    roots: { listChanged: true },
    sampling: { tools: {} },
    elicitation: { form: {}, url: {} },
    experimental: { x: {} },
    extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html"] }, "com.example/unknown": {} },
  }
  const relayed = {
    roots: { listChanged: true },
    sampling: { tools: {} },
    elicitation: { form: {}, url: {} },
    extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html"] } },
  }
  const client = (era: Era) => createClient({ era, capabilities })

  it("relays what the client can do and the host can carry", () => {
    expect(capabilitiesToDeclare("legacy", client("legacy"), undefined)).toEqual(relayed)
    expect(capabilitiesToDeclare("modern", client("modern"), undefined)).toEqual(relayed)
    expect(capabilitiesToDeclare("modern", client("legacy"), undefined)).toEqual(relayed)
    expect(capabilitiesToDeclare("legacy", client("modern"), undefined)).toEqual(relayed)
  })

  it("declares the shared ones on a shared legacy session, each client's own on a modern one", () => {
    expect(capabilitiesToDeclare("legacy", client("legacy"), {})).toEqual({})
    expect(capabilitiesToDeclare("modern", client("modern"), {})).toEqual(relayed)
    expect(capabilitiesToDeclare("modern", undefined, undefined)).toEqual({})
  })
})

describe("assertAnswerable", () => {
  const ask = (method: string, params: JsonObject, capabilities: JsonObject) => () =>
    assertAnswerable({ method, params }, capabilities)

  it.each<[string, JsonObject, JsonObject]>([
    ["sampling/createMessage", {}, { sampling: {} }],
    ["roots/list", {}, { roots: {} }],
    ["elicitation/create", {}, { elicitation: {} }],
    ["elicitation/create", { mode: "form" }, { elicitation: {} }],
    ["elicitation/create", {}, { elicitation: { form: {}, url: {} } }],
    ["elicitation/create", { mode: "url" }, { elicitation: { url: {} } }],
  ])("lets %s %j through to a client with %j", (method, params, capabilities) => {
    expect(ask(method, params, capabilities)).not.toThrow()
  })

  it.each<[string, JsonObject, JsonObject, number]>([
    ["sampling/createMessage", {}, {}, -32602],
    ["roots/list", {}, { sampling: {} }, -32602],
    ["elicitation/create", { mode: "url" }, { elicitation: {} }, -32602],
    ["elicitation/create", { mode: "form" }, { elicitation: { url: {} } }, -32602],
    ["elicitation/create", { mode: "new" }, { elicitation: { form: {} } }, -32602],
    ["tools/call", {}, { tools: {} }, -32601],
  ])("refuses %s %j to a client with %j", (method, params, capabilities, code) => {
    expect(ask(method, params, capabilities)).toThrow(expect.objectContaining({ code }))
  })
})
