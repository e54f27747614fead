import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Questions } from "../../src/endpoints/questions.ts"
import type { JsonObject } from "../../src/protocol/json.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const question = { method: "elicitation/create", params: { message: "?" } }

function create(hears = true) {
  const questions = new Questions()
  const sent: JsonObject[] = []
  const cancelling = new AbortController()
  const ask = () =>
    questions.ask(question, cancelling.signal, (message) => {
      sent.push(message)
      return hears
    })
  const idOf = (index: number): string => String(sent[index]?.["id"])
  return { questions, sent, cancelling, ask, idOf }
}

describe("Questions", () => {
  it("gives each answer to its own question", async () => {
    const { questions, ask, idOf, sent } = create()
    const [first, second] = [ask(), ask()]
    expect(idOf(0)).not.toBe(idOf(1))
    questions.answer({ id: idOf(1), result: { to: 2 } })
    questions.answer({ id: idOf(0), result: { to: 1 } })
    questions.answer({ id: idOf(0), result: { late: true } })
    expect(await Promise.all([first, second])).toEqual([{ value: { to: 1 } }, { value: { to: 2 } }])
    expect(sent).toHaveLength(2)
  })

  it("passes a refusal on as it is", async () => {
    const { questions, ask, idOf } = create()
    const asking = ask()
    questions.answer({ id: idOf(0), error: { code: -1, message: "User rejected", data: { "x-kept": 1 } } })
    await expect(asking).rejects.toMatchObject({ code: -1, message: "User rejected", data: { "x-kept": 1 } })
  })

  it("waits ten minutes for a person, and then takes the question back", async () => {
    const { ask, sent, idOf } = create()
    const asking = ask()
    const failed = expect(asking).rejects.toMatchObject({
      code: -31002,
      data: { reason: "the client gave no answer within 600000 ms", sent: "maybe", retryable: false },
    })
    await vi.advanceTimersByTimeAsync(599_999)
    expect(sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    await failed
    expect(sent[1]).toMatchObject({ method: "notifications/cancelled", params: { requestId: idOf(0) } })
  })

  it("takes a question back that nobody needs answered, once", async () => {
    const { ask, sent, cancelling, questions, idOf } = create()
    const asking = ask()
    cancelling.abort()
    await expect(asking).rejects.toThrow("withdrawn")
    expect(sent[1]).toMatchObject({ method: "notifications/cancelled", params: { requestId: idOf(0) } })
    questions.answer({ id: idOf(0), result: {} })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(sent).toHaveLength(2)
  })

  it("fails at once when nobody hears, and when the client leaves", async () => {
    await expect(create(false).ask()).rejects.toMatchObject({ code: -32600 })
    const { ask, questions } = create()
    const asking = ask()
    questions.close()
    await expect(asking).rejects.toThrow("has left")
  })
})
