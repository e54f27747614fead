import { describe, expect, it } from "vitest"
import { Answers, type AnswersOptions } from "../../../src/middleware/cache/answers.ts"

let time = 1
const now = () => time
const create = (limits: Partial<AnswersOptions> = {}) =>
  new Answers({ maxEntries: 10, maxBytes: 10_000, now, ...limits })
const kept = (name: string, bytes = 10, ...topics: string[]) => ({
  result: { value: { name } },
  topics,
  bytes,
  at: time,
})

describe("Answers", () => {
  it("keeps until the time is over", () => {
    const answers = create()
    answers.set("a", kept("a"), 100)
    time += 100
    expect(answers.get("a")?.result.value).toEqual({ name: "a" })
    time += 1
    expect(answers.get("a")).toBeUndefined()
    expect(answers).toMatchObject({ entries: 0, bytes: 0, topics: 0 })
  })

  it("lets what was not used for longest go, by number and by bytes with their keys", () => {
    const answers = create({ maxEntries: 3, maxBytes: 100 })
    for (const name of ["a", "b", "c"]) answers.set(name, kept(name, 20, "s"), 1_000)
    expect(answers).toMatchObject({ entries: 3, bytes: 66, topics: 1 })
    answers.get("a")
    answers.set("d", kept("d", 20, "s"), 1_000)
    expect(["a", "b", "c", "d"].filter((name) => answers.get(name))).toEqual(["a", "c", "d"])
    answers.set("e", kept("e", 70, "t"), 1_000)
    expect(answers.bytes).toBeLessThanOrEqual(100)
    expect(answers.get("e")).toBeDefined()
    // One that is larger than all of it replaces nothing.
    answers.set("f", kept("f", 101, "u"), 1_000)
    expect(answers.get("f")).toBeUndefined()
    expect(answers.get("e")).toBeDefined()
  })

  it("drops by topic, and forgets topics of which nothing is left", () => {
    const answers = create()
    answers.set("a", kept("a", 10, "s", "s x"), 1_000)
    answers.set("b", kept("b", 10, "s"), 1_000)
    answers.set("c", kept("c", 10, "t"), 1_000)
    answers.drop("s x")
    expect(answers.get("a")).toBeUndefined()
    expect(answers.topics).toBe(2)
    // Another answer under the same key.
    answers.set("b", kept("b2", 10, "t"), 1_000)
    answers.drop("s")
    expect(answers.get("b")?.result.value).toEqual({ name: "b2" })
    answers.drop("t")
    expect(answers).toMatchObject({ entries: 0, bytes: 0, topics: 0 })
  })
})
