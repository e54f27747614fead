import { describe, expect, it } from "vitest"
import { ProtocolError } from "../../src/protocol/errors.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import type { McpRequest } from "../../src/protocol/messages.ts"
import { elicitationComplete, questionsOf, UrlElicitations } from "../../src/wire/urlElicitation.ts"
import { deepFreeze } from "../composition/property.ts"
import { createClient } from "./support.ts"

const url = (more: JsonObject = {}): McpRequest =>
  deepFreeze({
    method: "elicitation/create",
    params: { mode: "url", message: "Log in", url: "https://example.com/login", "x-kept": [1], ...more },
  })
const required = (elicitations: JsonValue, more: JsonObject = {}) =>
  new ProtocolError(-32042, "More is needed", { elicitations, ...more })
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const complete = (elicitationId: JsonValue): { method: string; params: JsonObject } => ({
  method: elicitationComplete,
  params: { elicitationId, "x-kept": 1 },
})
const legacy = () => createClient({ era: "legacy" })
const modern = () => createClient({ era: "modern" })
const idOf = (request: McpRequest): string => String(request.params["elicitationId"])

describe("UrlElicitations", () => {
  it("gives a legacy client an id where the server has none", () => {
    const elicitations = new UrlElicitations()
    const client = legacy()
    const ids = Array.from({ length: 10 }, () => {
      const asked = elicitations.toClient(url(), client)
      expect(asked).toEqual({ ...url(), params: { ...url().params, elicitationId: expect.stringMatching(uuid) } })
      return idOf(asked)
    })
    expect(new Set(ids).size).toBe(10)
  })

  it("gives each client an id of its own for the server's, always the same", () => {
    const elicitations = new UrlElicitations()
    const [a, b] = [legacy(), legacy()]
    const first = idOf(elicitations.toClient(url({ elicitationId: "own" }), a))
    expect(first).toMatch(uuid)
    expect(idOf(elicitations.toClient(url({ elicitationId: "own" }), a))).toBe(first)
    expect(idOf(elicitations.toClient(url({ elicitationId: "other" }), a))).not.toBe(first)
    expect(idOf(elicitations.toClient(url({ elicitationId: "own" }), b))).not.toBe(first)
    expect(idOf(new UrlElicitations().toClient(url({ elicitationId: "own" }), a))).not.toBe(first)
  })

  it("takes the id away for a modern client, who hears of no completion", () => {
    const elicitations = new UrlElicitations()
    const client = modern()
    expect(elicitations.toClient(url({ elicitationId: "own" }), client)).toEqual(url())
    elicitations.complete(complete("own"), client)
    expect(client.seen).toEqual([])
  })

  it.each<[string, McpRequest]>([
    ["a form", { method: "elicitation/create", params: { mode: "form", message: "?", elicitationId: "x" } }],
    ["a question without a mode", { method: "elicitation/create", params: { message: "?" } }],
    ["another question", { method: "sampling/createMessage", params: { mode: "url" } }],
  ])("leaves %s alone", (_what, request) => {
    expect(new UrlElicitations().toClient(request, legacy())).toBe(request)
    expect(new UrlElicitations().toClient(request, modern())).toBe(request)
  })

  it("tells exactly the client that was asked, once", () => {
    const elicitations = new UrlElicitations()
    const [a, b] = [legacy(), legacy()]
    const id = idOf(elicitations.toClient(url({ elicitationId: "own" }), a))
    elicitations.toClient(url({ elicitationId: "other" }), b)
    elicitations.complete(complete("own"), b)
    expect(a.seen).toEqual([{ method: elicitationComplete, params: { elicitationId: id, "x-kept": 1 } }])
    for (const unknown of ["own", id, "never", 7, null]) elicitations.complete(complete(unknown), a)
    expect(a.seen).toHaveLength(1)
    expect(b.seen).toEqual([])
  })

  it("does not guess between clients whose server calls two elicitations the same", () => {
    const elicitations = new UrlElicitations()
    const [a, b] = [legacy(), legacy()]
    for (const client of [a, b]) elicitations.toClient(url({ elicitationId: "own" }), client)
    elicitations.complete(complete("own"), undefined)
    elicitations.complete(complete("own"), legacy())
    expect([...a.seen, ...b.seen]).toEqual([])
    elicitations.complete(complete("own"), b)
    expect([a.seen.length, b.seen.length]).toEqual([0, 1])
    elicitations.complete(complete("own"), undefined)
    expect([a.seen.length, b.seen.length]).toEqual([1, 1])
  })

  it("forgets a client that left, and the oldest of too many", () => {
    const elicitations = new UrlElicitations()
    const [gone, client] = [legacy(), legacy()]
    elicitations.toClient(url({ elicitationId: "gone" }), gone)
    elicitations.forget(gone)
    elicitations.complete(complete("gone"), undefined)
    expect(gone.seen).toEqual([])
    for (let count = 0; count <= 1_000; count += 1) elicitations.toClient(url({ elicitationId: `e${count}` }), client)
    elicitations.complete(complete("e0"), undefined)
    expect(client.seen).toEqual([])
    for (const id of ["e1", "e1000"]) elicitations.complete(complete(id), undefined)
    expect(client.seen).toHaveLength(2)
  })

  it("maps the ids an error shows, and completes them", () => {
    const elicitations = new UrlElicitations()
    const client = legacy()
    const shown = [{ ...url({ elicitationId: "own" }).params }, { ...url({ elicitationId: "two" }).params }]
    const error = elicitations.inError(required(shown, { "x-kept": 1 }), client) as ProtocolError
    const data = error.data as { elicitations: JsonObject[] }
    expect(error).toMatchObject({ code: -32042, message: "More is needed", data: { "x-kept": 1 } })
    expect(data.elicitations).toEqual(shown.map((each) => ({ ...each, elicitationId: expect.stringMatching(uuid) })))
    elicitations.complete(complete("two"), undefined)
    expect(client.seen).toEqual([
      { method: elicitationComplete, params: { elicitationId: data.elicitations[1]?.["elicitationId"], "x-kept": 1 } },
    ])
  })

  it("leaves other errors alone, and those for modern clients", () => {
    const elicitations = new UrlElicitations()
    const other = new ProtocolError(-32603, "no", { elicitations: [url().params] })
    for (const error of [other, new Error("x"), required("none"), new ProtocolError(-32042, "?")])
      expect(elicitations.inError(error, legacy())).toBe(error)
    const error = required([url({ elicitationId: "own" }).params])
    expect(elicitations.inError(error, modern())).toBe(error)
  })
})

describe("questionsOf", () => {
  it("asks what the error asks, without ids", () => {
    const second: JsonObject = { ...url().params, url: "https://example.com/two" }
    const two = { ...second, elicitationId: "two" }
    expect(questionsOf(required([url({ elicitationId: "own" }).params, two]))).toEqual([
      { method: "elicitation/create", params: url().params },
      { method: "elicitation/create", params: second },
    ])
  })

  it.each<[string, ProtocolError]>([
    ["another error", new ProtocolError(-32603, "no", { elicitations: [url().params] })],
    ["no data", new ProtocolError(-32042, "?")],
    ["no elicitations", required([])],
    ["elicitations that are none", required([7, null, {}, { mode: "form", url: "https://x" }, { mode: "url" }])],
    ["no list", required("x")],
  ])("asks nothing for %s", (_what, error) => {
    expect(questionsOf(error)).toBeUndefined()
  })

  it("leaves out what is no elicitation of a URL", () => {
    expect(questionsOf(required([{ mode: "form", message: "?" }, url({ elicitationId: "x" }).params]))).toEqual([
      { method: "elicitation/create", params: url().params },
    ])
  })
})
