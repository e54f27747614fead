import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Limiter } from "../../src/protocol/limiter.ts"

const never = { signal: new AbortController().signal }
const tick = () => new Promise((resolve) => setImmediate(resolve))
const busy = { code: -31006, data: { sent: "no", retryable: true } }

describe("a limit of requests", () => {
  it("runs no more than that at once, in the order they came, and refuses what has no place to wait", async () => {
    const cases = fc.record({
      running: fc.integer({ min: 1, max: 5 }),
      waiting: fc.integer({ min: 0, max: 5 }),
      fails: fc.array(fc.boolean(), { maxLength: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ running, waiting, fails }) => {
        const limiter = new Limiter({ running, waiting }, 10_000)
        let now = 0
        const begun: number[] = []
        const outcomes = fails.map((failing, index) =>
          limiter.run(never, async () => {
            now += 1
            begun.push(index)
            expect(now).toBeLessThanOrEqual(running)
            await tick()
            now -= 1
            if (failing) throw new Error(`failed ${index}`)
            return index
          }),
        )
        const settled = await Promise.allSettled(outcomes)
        const places = Math.min(fails.length, running + waiting)
        expect(begun).toEqual(Array.from({ length: places }, (_, index) => index))
        for (const [index, outcome] of settled.entries()) {
          if (index >= places) expect(outcome).toMatchObject({ status: "rejected", reason: busy })
          else expect(outcome.status).toBe(fails[index] === true ? "rejected" : "fulfilled")
        }
        // Every place is free again.
        expect(await limiter.run(never, async () => "after")).toBe("after")
      }),
      { numRuns: 200 },
    )
  })

  it("lets go of a request that is cancelled while it waits, and of one that has waited too long", async () => {
    const limiter = new Limiter({ running: 1, waiting: 2 }, 50)
    let end = (): void => undefined
    const first = limiter.run(
      never,
      () =>
        new Promise<void>((resolve) => {
          end = resolve
        }),
    )
    const cancel = new AbortController()
    const ran: string[] = []
    const cancelled = limiter.run({ signal: cancel.signal }, async () => void ran.push("cancelled"))
    const late = limiter.run(never, async () => void ran.push("late"))
    cancel.abort()
    await expect(cancelled).rejects.toThrow("cancelled")
    await expect(late).rejects.toMatchObject(busy)
    end()
    await first
    await limiter.run(never, async () => void ran.push("after"))
    expect(ran).toEqual(["after"])
  })
})
