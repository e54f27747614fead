import { describe, expect, it } from "vitest"
import { atEndOfTurn, requestCame, requestLeft } from "../../src/wire/endOfTurn.ts"

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe("the end of a turn of the event loop", () => {
  it("comes after everything that runs now, in the order of the calls", async () => {
    const done: string[] = []
    atEndOfTurn(() => done.push("first"))
    atEndOfTurn(() => done.push("second"))
    await Promise.resolve().then(() => done.push("promises"))
    await turn()
    expect(done).toEqual(["promises", "first", "second"])
  })

  it("of what is asked for at its end is the next one", async () => {
    const done: string[] = []
    atEndOfTurn(() => {
      done.push("outer")
      atEndOfTurn(() => done.push("inner"))
    })
    await turn()
    expect(done).toEqual(["outer"])
    await turn()
    expect(done).toEqual(["outer", "inner"])
  })

  it("is not waited for by a request that is alone", async () => {
    const done: string[] = []
    requestCame()
    atEndOfTurn(() => done.push("alone"))
    expect(done).toEqual(["alone"])
    requestCame()
    atEndOfTurn(() => done.push("one of two"))
    requestLeft()
    // What was asked for before comes before.
    atEndOfTurn(() => done.push("alone again"))
    expect(done).toEqual(["alone"])
    await turn()
    expect(done).toEqual(["alone", "one of two", "alone again"])
    atEndOfTurn(() => done.push("alone still"))
    requestLeft()
    atEndOfTurn(() => done.push("of no request"))
    expect(done.at(-1)).toBe("alone still")
    await turn()
    expect(done.at(-1)).toBe("of no request")
  })

  it("does the others when one fails, whose error nobody catches", async () => {
    const listeners = process.listeners("uncaughtException")
    process.removeAllListeners("uncaughtException")
    try {
      const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve))
      const done: string[] = []
      atEndOfTurn(() => {
        throw new Error("broken")
      })
      atEndOfTurn(() => done.push("other"))
      expect(await uncaught).toMatchObject({ message: "broken" })
      expect(done).toEqual(["other"])
    } finally {
      for (const listener of listeners) process.on("uncaughtException", listener)
    }
  })
})
