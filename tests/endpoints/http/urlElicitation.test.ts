/** Elicitation of mode `url`: what legacy and modern clients see of servers of either generation. */
import { afterEach, expect, it } from "vitest"
import type { JsonObject } from "../../../src/protocol/json.ts"
import { closeAll } from "../../fixtures/harness.ts"
import { entryFor, modernServer, tool } from "../../host/crossingSupport.ts"
import { modern, openSession, rawServer, type Session, send, startRig, toolCall } from "../support.ts"

afterEach(closeAll)

const capabilities = { elicitation: { form: {}, url: {} } }
const params = { mode: "url", message: "Log in", url: "https://example.com/login" }
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const complete = "notifications/elicitation/complete"

/** Calls a tool that asks; gives the question the client gets, and answers it. */
async function asked(session: Session, id: number, name: string, args: JsonObject = {}): Promise<JsonObject> {
  const call = await session.stream(toolCall(id, name, args))
  const question = await call.find(({ method }) => method === "elicitation/create")
  await session.send({ jsonrpc: "2.0", id: question["id"], result: { action: "accept" } })
  await call.find((message) => message["id"] === id)
  return question["params"] as JsonObject
}

it("gives clients of several servers ids of the host, and completes with the one that was asked", async () => {
  const { url } = await startRig({ servers: [rawServer("a"), rawServer("b")] })
  const [one, two] = [await openSession(url, { capabilities }), await openSession(url, { capabilities })]
  const [ear1, ear2] = [await one.stream(), await two.stream()]
  const args = { method: "elicitation/create", params: { ...params, elicitationId: "same", "x-kept": 1 } }
  const questions = [
    await asked(one, 1, "a_do_ask", args),
    await asked(one, 2, "b_do_ask", args),
    await asked(two, 1, "b_do_ask", args),
  ]
  expect(questions[0]).toEqual({ ...args.params, message: "raw: Log in", elicitationId: expect.stringMatching(uuid) })
  const ids = questions.map((question) => question["elicitationId"])
  expect(new Set(ids).size).toBe(3)
  // Server a says so in a call of the other client, whose id it is not.
  await two.send(toolCall(2, "a_do_notify", { method: complete, params: { elicitationId: "same", "x-kept": 1 } }))
  expect((await ear1.find(({ method }) => method === complete))["params"]).toEqual({
    elicitationId: ids[0],
    "x-kept": 1,
  })
  await two.send(toolCall(3, "b_do_notify", { method: complete, params: { elicitationId: "same" } }))
  expect((await ear2.find(({ method }) => method === complete))["params"]).toEqual({ elicitationId: ids[2] })
  await two.send(toolCall(4, "b_do_notify", { method: complete, params: { elicitationId: "never" } }))
  await two.send(toolCall(5, "b_do_notify", { method: complete, params: { elicitationId: ids[1] as string } }))
  expect(ear1.messages.filter(({ method }) => method === complete)).toHaveLength(1)
  expect(ear2.messages.filter(({ method }) => method === complete)).toHaveLength(1)
})

it("maps the ids of error -32042 and says who asks", async () => {
  const { url } = await startRig({ servers: [rawServer("a")] })
  const session = await openSession(url, { capabilities })
  const ear = await session.stream()
  const elicitations = [{ ...params, elicitationId: "own", "x-kept": 1 }]
  const error = { code: -32042, message: "More is needed", data: { elicitations, "x-data": 1 } }
  const answer = (await session.send(toolCall(1, "a_do_error", { error }))).json["error"] as JsonObject
  const [shown] = (answer["data"] as { elicitations: JsonObject[] }).elicitations
  expect(answer).toEqual({
    ...error,
    data: {
      elicitations: [{ ...elicitations[0], message: "raw: Log in", elicitationId: expect.stringMatching(uuid) }],
      "x-data": 1,
    },
  })
  await session.send(toolCall(2, "a_do_notify", { method: complete, params: { elicitationId: "own" } }))
  expect((await ear.find(({ method }) => method === complete))["params"]).toEqual({
    elicitationId: shown?.["elicitationId"],
  })
})

it("makes an id for the question of a modern server", async () => {
  const server = await modernServer({
    lists: { "tools/list": { tools: [tool("ask")] } },
    handle: ({ params: { inputResponses } }) =>
      inputResponses === undefined
        ? { resultType: "input_required", inputRequests: { q: { method: "elicitation/create", params } } }
        : { content: [], structuredContent: { inputResponses } },
  })
  const { url } = await startRig({ servers: [entryFor(server)] })
  const session = await openSession(url, { capabilities })
  const ids = [await asked(session, 1, "m_ask"), await asked(session, 2, "m_ask")].map((question) => {
    expect(question).toEqual({ ...params, message: "raw modern: Log in", elicitationId: expect.stringMatching(uuid) })
    return question["elicitationId"]
  })
  expect(new Set(ids).size).toBe(2)
  // A client of the same generation sees no id.
  const call = modern(
    "tools/call",
    { name: "m_ask" },
    { meta: { "io.modelcontextprotocol/clientCapabilities": capabilities } },
  )
  expect((await send(url, call)).json["result"]).toMatchObject({
    resultType: "input_required",
    inputRequests: { q: { params: { ...params, message: "raw modern: Log in" } } },
  })
})

it("takes the id away from the question of a legacy server for a modern client", async () => {
  const { url } = await startRig({ servers: [rawServer("a")] })
  const args = { method: "elicitation/create", params: { ...params, elicitationId: "own" } }
  const call = modern(
    "tools/call",
    { name: "a_do_ask", arguments: args },
    { meta: { "io.modelcontextprotocol/clientCapabilities": capabilities } },
  )
  const result = (await send(url, call)).json["result"] as JsonObject
  const [question] = Object.values(result["inputRequests"] as JsonObject) as JsonObject[]
  expect(question?.["params"]).toEqual({ ...params, message: "raw: Log in" })
})
