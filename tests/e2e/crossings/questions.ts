/** Checks of what a server asks its client for in the middle of a call. */
import { expect } from "vitest"
import { SAMPLING, urlOf } from "../../fixtures/servers/crossingKit.mjs"
import type { Asked, Json } from "../testClient.ts"
import { type Cell, plain, rawAsking } from "./cell.ts"

const requestedSchema = { type: "object", properties: { answer: { type: "string" } }, required: ["answer"] }

/** What both clients' users are shown, and what the server gets back. */
async function expectQuestion(cell: Cell, tool: string, given: Json, expected: { asked: Json[]; got: unknown }) {
  const { asked, response } = await rawAsking(cell, tool, given["arguments"] ?? {}, () => given["answer"])
  expect(asked.map(({ params }) => params)).toEqual(expected.asked)
  expect(jsonIn(plain(cell, response))).toEqual(expected.got)
  const before = cell.sdk.asked.length
  cell.answerWith(() => given["answer"])
  expect(await cell.sdk.json(`${cell.key}${tool}`, given["arguments"])).toEqual(expected.got)
  expect(cell.sdk.asked.slice(before).map(({ params }) => params)).toMatchObject(expected.asked)
}

function jsonIn({ content }: Json): unknown {
  return JSON.parse(content[0].text)
}

export const form = (answer: Json) => async (cell: Cell) => {
  const message = `Title of ${cell.key}: Why?`
  await expectQuestion(
    cell,
    "_ask",
    { arguments: { question: "Why?" }, answer },
    { asked: [{ mode: "form", message, requestedSchema }], got: answer },
  )
}

export async function twoRounds(cell: Cell): Promise<void> {
  const answer = { action: "accept", content: { answer: "yes" } }
  const asked = ["First?", "Second?"].map((question) => ({
    ...{ mode: "form", requestedSchema },
    message: `Title of ${cell.key}: ${question}`,
  }))
  await expectQuestion(cell, "_askTwice", { answer }, { asked, got: [answer, answer] })
}

let lastId = 0

/** Legacy clients get an id to relate a later `notifications/elicitation/complete` to; the modern generation has neither. */
export const url = (answer: Json) => async (cell: Cell) => {
  lastId += 1
  const id = `id-${lastId}`
  const asked = {
    ...{ mode: "url", message: `Title of ${cell.key}: Sign in`, url: urlOf(id) },
    ...(cell.client === "legacy" && { elicitationId: expect.stringMatching(/./) }),
  }
  await expectQuestion(cell, "_askUrl", { arguments: { id }, answer }, { asked: [asked], got: answer })
}

/** The legacy server tells that the page is done: to the client that was asked, with the id it was asked with. */
export async function urlComplete(cell: Cell): Promise<void> {
  lastId += 1
  const id = `id-${lastId}`
  const { asked } = await rawAsking(cell, "_askUrl", { id }, () => ({ action: "accept" }))
  const [question] = asked
  const complete = cell.raw.heard.filter(
    ({ method, params }) =>
      method === "notifications/elicitation/complete" &&
      (params["elicitationId"] === id || params["elicitationId"] === question?.params["elicitationId"]),
  )
  const told = cell.client === "legacy" && cell.server === "legacy"
  expect(complete.map(({ params }) => params)).toEqual(
    told ? [{ elicitationId: question?.params["elicitationId"] }] : [],
  )
}

/** A legacy server demands a page by an error: passed to its own generation, asked as a question in the other. */
export async function urlRequired(cell: Cell): Promise<void> {
  if (cell.server === "modern") return expectNoSuchError(cell)
  lastId += 1
  const id = `id-${lastId}`
  const page: Json = { mode: "url", message: expect.stringMatching(/Sign in$/), url: urlOf(id) }
  const params = { name: `${cell.key}_needUrl`, arguments: { id } }
  if (cell.client === "legacy") {
    const { error } = await cell.raw.request("tools/call", params)
    const elicitations = [{ ...page, elicitationId: expect.stringMatching(/./) }]
    expect(error).toMatchObject({ code: -32042, data: { elicitations } })
    expect(plain(cell, await cell.raw.request("tools/call", params))).toEqual({
      content: [{ type: "text", text: JSON.stringify({ id, signedIn: true }) }],
    })
    return
  }
  const { asked, response } = await rawAsking(cell, "_needUrl", { id }, () => ({ action: "accept" }))
  expect(asked).toEqual([{ method: "elicitation/create", params: page }])
  expect(jsonIn(plain(cell, response))).toEqual({ id, signedIn: true })
}

/** A modern server cannot demand a page by an error; what it asks instead reaches clients of both generations. */
async function expectNoSuchError(cell: Cell): Promise<void> {
  lastId += 1
  const { asked, response } = await rawAsking(cell, "_askUrl", { id: `id-${lastId}` }, () => ({ action: "accept" }))
  expect(response.error).toBeUndefined()
  expect(asked.map(({ params }) => params["url"])).toEqual([urlOf(`id-${lastId}`)])
}

export async function sampling(cell: Cell): Promise<void> {
  const { messages, maxTokens } = SAMPLING
  const prompt = [{ role: "user", content: { type: "text", text: "Say hello" } }]
  const hello = { model: "test-model", role: "assistant", content: { type: "text", text: "hello" } }
  await expectQuestion(
    cell,
    "_sample",
    { answer: hello },
    { asked: [{ messages: prompt, maxTokens }], got: { model: hello.model, content: hello.content } },
  )
  expect(messages).toHaveLength(1)
}

/** Names of tools inside belong to the server that asks: they are never prefixed. */
export async function samplingTools(cell: Cell): Promise<void> {
  const use = { type: "tool_use", id: "use-1", name: "get_weather", input: { city: "Oslo" } }
  const answer = { model: "test-model", role: "assistant", stopReason: "toolUse", content: [use] }
  await expectQuestion(cell, "_sampleTools", { answer }, { asked: [{ ...SAMPLING }], got: answer })
}

export async function roots(cell: Cell): Promise<void> {
  const answer = { roots: [{ uri: "file:///root", name: "root" }] }
  const { asked, response } = await rawAsking(cell, "_roots", {}, () => answer)
  expect(asked.map(({ method }: Asked) => method)).toEqual(["roots/list"])
  expect(jsonIn(plain(cell, response))).toEqual(answer)
  cell.answerWith(() => answer)
  expect(await cell.sdk.json(`${cell.key}_roots`)).toEqual(answer)
}
