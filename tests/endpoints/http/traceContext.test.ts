/** Trace context (SEP-414) in `_meta` belongs to nobody's hop: it passes both ways, across generations or not. */
import { afterEach, describe, expect, it } from "vitest"
import type { JsonObject } from "../../../src/protocol/json.ts"
import { closeAll } from "../../fixtures/harness.ts"
import { entryFor, modernServer, tool } from "../../host/crossingSupport.ts"
import { modern, openSession, rawServer, request, startRig, stream } from "../support.ts"

afterEach(closeAll)

const trace = (span: string): JsonObject => ({
  traceparent: `00-0af7651916cd43dd8448eb211c80319c-${span}-01`,
  tracestate: "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
  baggage: "userId=Amélie,serverNode=DF%2028;isProduction=false",
})
const [ofClient, ofQuestion, ofAnswer, ofProgress, ofResult] = [
  trace("1111111111111111"),
  trace("2222222222222222"),
  trace("3333333333333333"),
  trace("4444444444444444"),
  trace("5555555555555555"),
] as const
const capabilities = { elicitation: { form: {} } }
const question = { method: "elicitation/create", params: { message: "?", _meta: ofQuestion } }

/** What a server was sent, in its result. */
const heard = (params: JsonObject, answer: unknown): JsonObject =>
  ({ content: [], structuredContent: { meta: params["_meta"], answer }, _meta: ofResult }) as JsonObject

const servers = {
  legacy: async () => rawServer("s", { trace: { question, ofProgress, ofResult } }),
  modern: async () =>
    entryFor(
      await modernServer({
        lists: { "tools/list": { tools: [tool("do_trace")] } },
        handle({ params }, _headers, send) {
          const { q } = (params["inputResponses"] ?? {}) as JsonObject
          if (q === undefined) return { resultType: "input_required", inputRequests: { q: question } }
          const { progressToken = null } = params["_meta"] as JsonObject
          send({ method: "notifications/progress", params: { progressToken, progress: 1, _meta: ofProgress } })
          return heard(params, q)
        },
      }),
      { key: "s" },
    ),
}
const answer = { action: "accept", content: {}, _meta: ofAnswer }
const call = { name: "s_do_trace", arguments: {}, _meta: { ...ofClient, progressToken: "mine" } }

interface Heard {
  readonly asked: JsonObject
  readonly messages: JsonObject[]
}

const clients = {
  async legacy(url: string): Promise<Heard> {
    const session = await openSession(url, { capabilities })
    const events = await session.stream(request(1, "tools/call", call))
    const asked = await events.find(({ method }) => method === "elicitation/create")
    await session.send({ jsonrpc: "2.0", id: asked["id"], result: answer })
    await events.end()
    return { asked: asked["params"] as JsonObject, messages: events.messages }
  },
  async modern(url: string): Promise<Heard> {
    const meta = { ...call._meta, "io.modelcontextprotocol/clientCapabilities": capabilities }
    const ask = async (id: number, more: JsonObject = {}) => {
      const events = await stream(url, asStream(modern("tools/call", { ...call, ...more }, { id, meta })))
      await events.end()
      return events.messages
    }
    const first = (await ask(1)).find(({ id }) => id === 1)?.["result"] as JsonObject
    const [[key, asked] = ["", {}]] = Object.entries(first["inputRequests"] as Record<string, JsonObject>)
    const { requestState } = first
    const messages = await ask(2, {
      inputResponses: { [key]: answer },
      ...(requestState !== undefined && { requestState }),
    })
    return { asked: asked["params"] as JsonObject, messages }
  },
}

/** Answers come as events, whatever they are. */
function asStream({ headers, body }: ReturnType<typeof modern>) {
  return { headers: { ...headers, accept: "text/event-stream" }, body }
}

describe.each(["legacy", "modern"] as const)("a %s client", (client) => {
  it.each(["legacy", "modern"] as const)("of a %s server", async (era) => {
    const { url } = await startRig({ servers: [await servers[era]()] })
    const { asked, messages } = await clients[client](url)
    expect(asked["_meta"]).toEqual(ofQuestion)
    const progress = messages.find(({ method }) => method === "notifications/progress")?.["params"]
    expect(progress).toMatchObject({ progressToken: "mine", _meta: ofProgress })
    const result = messages.find(({ result: each }) => each !== undefined)?.["result"] as JsonObject
    expect(result["_meta"]).toMatchObject(ofResult)
    expect(result["structuredContent"]).toMatchObject({ meta: ofClient, answer })
    expect((result["structuredContent"] as JsonObject)["meta"]).not.toMatchObject({ progressToken: "mine" })
  })
})
