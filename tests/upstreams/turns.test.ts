import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Turns } from "../../src/upstreams/turns.ts"

const never = { signal: new AbortController().signal }
const tick = () => new Promise((resolve) => setImmediate(resolve))

describe("turns", () => {
  it("run alone what must, side by side what may, and everything once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (requests) => {
        const turns = new Turns(10_000)
        const running: boolean[] = []
        const done: number[] = []
        const work = async (alone: boolean, index: number) => {
          expect(running.includes(true)).toBe(false)
          if (alone) expect(running).toEqual([])
          running.push(alone)
          await tick()
          running.splice(running.indexOf(alone), 1)
          done.push(index)
        }
        await Promise.all(requests.map((alone, index) => turns.run(alone, never, () => work(alone, index))))
        expect(done.sort((a, b) => a - b)).toEqual(requests.map((_, index) => index))
      }),
      { numRuns: 200 },
    )
  })

  it("are given up by a request that is cancelled while it waits", async () => {
    const turns = new Turns(10_000)
    let end = (): void => undefined
    const first = turns.run(
      true,
      never,
      () =>
        new Promise<void>((resolve) => {
          end = resolve
        }),
    )
    const abort = new AbortController()
    let ran = false
    const second = turns.run(false, abort, async () => {
      ran = true
    })
    abort.abort()
    await expect(second).rejects.toThrow("Request cancelled")
    end()
    await first
    await turns.run(true, never, tick)
    expect(ran).toBe(false)
  })

  it("go on after a failure", async () => {
    const turns = new Turns(10_000)
    await expect(turns.run(true, never, () => Promise.reject(new Error("no")))).rejects.toThrow("no")
    await expect(turns.run(false, never, async () => "yes")).resolves.toBe("yes")
  })
})
