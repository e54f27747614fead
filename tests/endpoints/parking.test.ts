/** Modern clients of servers that ask in the middle of a call, byte by byte (specification 2026-07-28, basic/patterns/mrtr). */
import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "../fixtures/harness.ts"
import { entryOf, stdioTarget } from "../upstreams/support.ts"
import { type Answer, local, modern, rawServer, send, startRig } from "./support.ts"

afterEach(closeAll)

const prefix = "io.modelcontextprotocol/"
const able = { elicitation: { form: {} }, sampling: {}, roots: {} }
const accept = (answer: string): JsonObject => ({ action: "accept", content: { answer } })

interface Asked {
  readonly questions: Record<string, JsonObject>
  readonly state: string
}

function askedBy({ json }: Answer): Asked {
  expect(json).toMatchObject({ result: { resultType: "input_required", requestState: expect.any(String) } })
  const result = json["result"] as JsonObject
  return { questions: result["inputRequests"] as Record<string, JsonObject>, state: String(result["requestState"]) }
}

/** Answers every question alike. */
function answering({ questions, state }: Asked, answer: JsonObject): JsonObject {
  const responses = Object.fromEntries(Object.keys(questions).map((key) => [key, answer]))
  return { requestState: state, inputResponses: responses }
}

const text = ({ json }: Answer): string => {
  const { content } = json["result"] as { content: { text: string }[] }
  return content[0]?.text ?? ""
}

/** Calls a tool for a client that can answer; `more` are the members of a retry. */
function caller(url: string) {
  let id = 0
  return (name: string, args: JsonObject = {}, more: JsonObject = {}, meta: JsonObject = {}) => {
    id += 1
    const params = { name, arguments: args, ...more }
    return send(url, modern("tools/call", params, { id, meta: { [`${prefix}clientCapabilities`]: able, ...meta } }))
  }
}

const servers = [local("main", "v1-mcp"), entryOf(stdioTarget("v1-stdio.mjs"), { key: "child" })]

describe.each(["main", "child"])("a call of %s, which asks", (key) => {
  it("is parked, and goes on with the answers", async () => {
    const { url } = await startRig({ servers })
    const call = caller(url)
    const asked = askedBy(await call(`${key}_ask`, { question: "Why?" }))
    expect(Object.values(asked.questions)).toEqual([
      expect.objectContaining({
        method: "elicitation/create",
        params: expect.objectContaining({ message: expect.stringMatching(/: Why\?$/) }),
      }),
    ])
    const done = await call(`${key}_ask`, { question: "Why?" }, answering(asked, accept("so")))
    expect(done.json).toMatchObject({ result: { resultType: "complete" } })
    expect(text(done)).toContain("so")
  })

  it("may ask again, and for samples and roots", async () => {
    const { url } = await startRig({ servers })
    const call = caller(url)
    const first = askedBy(await call(`${key}_askTwice`))
    const second = askedBy(await call(`${key}_askTwice`, {}, answering(first, accept("1"))))
    expect(Object.keys(second.questions)).not.toEqual(Object.keys(first.questions))
    expect(second.state).not.toBe(first.state)
    expect(text(await call(`${key}_askTwice`, {}, answering(second, { action: "decline" })))).toContain("decline")
    const sample = askedBy(await call(`${key}_sample`))
    const message = { role: "assistant", model: "m-1", content: { type: "text", text: "hello" } }
    expect(text(await call(`${key}_sample`, {}, answering(sample, message)))).toContain("m-1")
    const roots = askedBy(await call(`${key}_roots`))
    expect(Object.values(roots.questions)).toMatchObject([{ method: "roots/list" }])
    expect(text(await call(`${key}_roots`, {}, answering(roots, { roots: [{ uri: "file:///r" }] })))).toContain(
      "file:///r",
    )
  })

  it("is asked again for what is missing, and ignores what was not asked", async () => {
    const { url } = await startRig({ servers })
    const call = caller(url)
    const asked = askedBy(await call(`${key}_ask`, { question: "Why?" }))
    const again = askedBy(
      await call(
        `${key}_ask`,
        { question: "Why?" },
        { requestState: asked.state, inputResponses: { other: accept("x") } },
      ),
    )
    expect(again.questions).toEqual(asked.questions)
    expect(text(await call(`${key}_ask`, { question: "Why?" }, answering(again, accept("so"))))).toContain("so")
  })

  it("is resumed once, by the very same request", async () => {
    const { url } = await startRig({ servers })
    const call = caller(url)
    const args = { question: "Why?" }
    const asked = askedBy(await call(`${key}_ask`, args))
    const retry = answering(asked, accept("so"))
    const refusals: Answer[] = [
      await call(`${key}_ask`, { question: "Who?" }, retry),
      await call(`${key}_sample`, args, retry),
      await call(`${key}_ask`, args, { ...retry, requestState: `${asked.state}A` }),
      await call(`${key}_ask`, args, { ...retry, requestState: "mcp-host.0123456789ab-1.AAAA" }),
      // No state of this host at all: sent on, it would run the call once more.
      await call(`${key}_ask`, args, { ...retry, requestState: "x" }),
    ]
    for (const refusal of refusals) expect(refusal.json).toMatchObject({ error: { code: -32602 } })
    // Without a state nothing is answered, so everything is asked.
    askedBy(await call(`${key}_ask`, args, { inputResponses: retry["inputResponses"] as JsonObject }))
    const [done, replayed] = await Promise.all([call(`${key}_ask`, args, retry), call(`${key}_ask`, args, retry)])
    expect(text(done)).toContain("so")
    expect(replayed.json).toMatchObject({ error: { code: -32602, message: expect.stringContaining("used already") } })
    expect((await call(`${key}_ask`, args, retry)).json).toMatchObject({ error: { code: -32602 } })
  })

  it("is refused for a client that cannot answer", async () => {
    const { url } = await startRig({ servers })
    const answer = await send(url, modern("tools/call", { name: `${key}_ask`, arguments: {} }))
    expect(answer.json).toMatchObject({ result: { isError: true } })
  })
})

describe("calls of one server at once", () => {
  it("are asked apart, and those that ask nothing do not wait for a person", async () => {
    const { url } = await startRig({ servers })
    const call = caller(url)
    const names = ["a", "b", "c", "d"]
    const asked = await Promise.all(names.map((name) => call("child_ask", { question: name }).then(askedBy)))
    for (const [index, name] of names.entries()) {
      const [question] = Object.values(asked[index]?.questions ?? {})
      expect(question?.["params"]).toMatchObject({ message: expect.stringMatching(new RegExp(`: ${name}$`)) })
    }
    expect(text(await call("child_echo", { text: "at once" }))).toBe("at once")
    const done = await Promise.all(
      names.map((name, index) =>
        call("child_ask", { question: name }, answering(asked[index] as Asked, accept(`re ${name}`))),
      ),
    )
    expect(done.map(text).map((each, index) => each.includes(`re ${names[index]}`))).toEqual([true, true, true, true])
  })
})

describe("progress", () => {
  it("follows the request that is being served", async () => {
    const { url } = await startRig({ servers })
    const call = caller(url)
    const asked = askedBy(await call("main_ask", { question: "Why?" }, {}, { progressToken: "one" }))
    const done = await call("main_ask", { question: "Why?" }, answering(asked, accept("so")), { progressToken: 2 })
    const tokens = done.events.flatMap(({ params }) => (params as JsonObject | undefined)?.["progressToken"] ?? [])
    expect(tokens.every((token) => token === 2)).toBe(true)
  })
})

describe("a call that is refused until a page was visited", () => {
  it("asks for the visit, is sent again, and ends when it is declined", async () => {
    const { url } = await startRig({ servers: [rawServer("raw")] })
    const elicitations = [{ mode: "url", message: "Log in", url: "https://example.com/login", elicitationId: "own" }]
    const args = { error: { code: -32042, message: "More is needed", data: { elicitations } } }
    const meta = { [`${prefix}clientCapabilities`]: { elicitation: { form: {}, url: {} } } }
    const call = (more: JsonObject = {}) =>
      send(url, modern("tools/call", { name: "raw_do_error", arguments: args, ...more }, { meta }))
    const first = askedBy(await call())
    expect(Object.values(first.questions)).toEqual([
      {
        method: "elicitation/create",
        params: { mode: "url", message: "raw: Log in", url: "https://example.com/login" },
      },
    ])
    const second = askedBy(await call(answering(first, { action: "accept" })))
    expect(Object.keys(second.questions)).not.toEqual(Object.keys(first.questions))
    const declined = await call(answering(second, { action: "decline" }))
    expect(declined.json).toMatchObject({ error: { code: -31005, data: { server: "raw", retryable: true } } })
  })

  it("ends with a code of its generation for a client that cannot be asked", async () => {
    const { url } = await startRig({ servers: [rawServer("raw")] })
    const args = { error: { code: -32042, message: "More is needed", data: { elicitations: [] } } }
    const answer = await send(url, modern("tools/call", { name: "raw_do_error", arguments: args }))
    expect(answer.json).toMatchObject({ error: { message: "More is needed" } })
  })
})
