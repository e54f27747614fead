import { describe, expect, it } from "vitest"
import { Cancellation } from "../../src/protocol/cancellation.ts"

describe("Cancellation", () => {
  it("calls every listener once", () => {
    const cancellation = new Cancellation()
    const heard: string[] = []
    for (const name of ["one", "two", "three"]) cancellation.on(() => heard.push(name))
    cancellation.cancel()
    cancellation.cancel()
    expect(heard).toEqual(["one", "two", "three"])
    expect(cancellation.cancelled).toBe(true)
  })

  it("calls none that stopped listening, whichever came first", () => {
    const cancellation = new Cancellation()
    const heard: string[] = []
    const [first, , third] = ["one", "two", "three"].map((name) => cancellation.on(() => heard.push(name)))
    first?.()
    third?.()
    cancellation.on(() => heard.push("four"))
    // A second time ends nobody else's listening.
    first?.()
    cancellation.cancel()
    expect(heard.toSorted()).toEqual(["four", "two"])
  })

  it("gives a signal before and after", () => {
    const cancellation = new Cancellation()
    const { signal } = cancellation
    expect(signal.aborted).toBe(false)
    cancellation.cancel()
    expect(signal.aborted).toBe(true)
    const late = new Cancellation()
    late.cancel()
    expect(late.signal.aborted).toBe(true)
  })
})
