/** A parked call is resumed by its own request and by nothing else, whatever is swapped. */
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Turn } from "../../src/endpoints/parkedCall.ts"
import { Parking } from "../../src/endpoints/parking.ts"
import { Cancellation } from "../../src/protocol/cancellation.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import type { McpResult } from "../../src/protocol/messages.ts"

const own = { method: "tools/call", params: { name: "notes_write", arguments: { path: "a", text: "b" } } }
const question = { method: "elicitation/create", params: { message: "Why?" } }

function turnOf(method: string, params: JsonObject): Turn {
  return { request: { method, params }, cancellation: new Cancellation(), notify: () => undefined }
}

describe("a parked call", () => {
  const mine = new Parking("session one")
  const other = new Parking("session two")
  let executed = 0
  let state = ""
  let answer: McpResult | undefined

  beforeAll(async () => {
    const first = await mine.begin(turnOf(own.method, own.params), async (call) => {
      executed += 1
      answer = await call.ask(question, new AbortController().signal, "notes")
      return { value: { content: [] } }
    })
    state = String(first.value["requestState"])
  })
  afterAll(() => {
    mine.close()
    other.close()
  })

  const names = fc.constantFrom("notes_write", "notes_read", "files_write", "", "notes_write ")
  const methods = fc.constantFrom("tools/call", "prompts/get", "resources/read")
  const values = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>
  const args = fc.oneof(
    fc.constant(own.params.arguments as JsonValue),
    fc.record({ path: fc.constantFrom("a", "b"), text: values }) as fc.Arbitrary<JsonValue>,
    values,
  )
  const swapped = fc.record({
    method: methods,
    name: names,
    args,
    more: fc.boolean(),
    to: fc.constantFrom(mine, other),
  })

  it("is known by its own instance only: states of a host behind this one pass through it", () => {
    const retry = { method: own.method, params: { ...own.params, requestState: state } }
    expect([mine, other].map((each) => each.isRetry(retry))).toEqual([true, false])
  })

  it("is not resumed by another tool, method, argument or client, and is still there for its own", async () => {
    const seed = Number(process.env["FC_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
    process.stdout.write(`seed ${seed}: swaps\n`)
    await fc.assert(
      fc.asyncProperty(swapped, async ({ method, name, args: given, more, to }) => {
        const params: JsonObject = { name, arguments: given, ...(more && { task: {} }) }
        const isOwn = to === mine && method === own.method && JSON.stringify(params) === JSON.stringify(own.params)
        fc.pre(!isOwn)
        const retry = { ...params, requestState: state, inputResponses: { "question-1": { action: "accept" } } }
        await expect(to.resume(turnOf(method, retry))).rejects.toMatchObject({ code: -32602 })
        return answer === undefined
      }),
      { numRuns: 10_000, seed },
    )
    const retry = { ...own.params, requestState: state, inputResponses: { "question-1": { action: "accept" } } }
    expect(await mine.resume(turnOf(own.method, retry))).toEqual({ value: { content: [] } })
    await expect(mine.resume(turnOf(own.method, retry))).rejects.toMatchObject({ code: -32602 })
    expect(executed).toBe(1)
  })
})
