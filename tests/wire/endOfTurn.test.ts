import { describe, expect, it } from "vitest"
import { atEndOfTurn } from "../../src/wire/endOfTurn.ts"

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
