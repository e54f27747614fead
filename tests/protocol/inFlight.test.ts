import v8 from "node:v8"
import { runInNewContext } from "node:vm"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InFlight } from "../../src/protocol/inFlight.ts"

describe("InFlight", () => {
  it("does what a Map does", () => {
    const key = fc.oneof(fc.nat(40), fc.nat(40).map(String))
    const operation = fc.tuple(fc.boolean(), key, fc.nat())
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400, size: "max" }), (operations) => {
        const map = new Map<number | string, number>()
        const inFlight = new InFlight<number | string, number>()
        for (const [sets, id, value] of operations) {
          if (sets) {
            map.set(id, value)
            inFlight.set(id, value)
          } else {
            map.delete(id)
            inFlight.delete(id)
          }
          expect(inFlight.get(id)).toBe(map.get(id))
          expect(inFlight.has(id)).toBe(map.has(id))
          expect(inFlight.size).toBe(map.size)
        }
        expect(inFlight.entries()).toEqual([...map])
        expect(inFlight.values()).toEqual([...map.values()])
      }),
    )
  })

  it("keeps nothing that has gone, even when it has become old itself", () => {
    v8.setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const inFlight = new InFlight<number, number[]>()
    const pass = (from: number, count: number): void => {
      for (let id = from; id < from + count; id += 1) {
        inFlight.delete(id - 64)
        inFlight.set(id, new Array<number>(20).fill(id))
      }
    }
    pass(0, 10_000)
    // What is in use now is old from now on.
    collect()
    const before = oldBytes()
    pass(10_000, 300_000)
    // 300,000 arrays take 58 MB. A Map keeps some 20 MB of them, until the whole heap is collected.
    expect(oldBytes() - before).toBeLessThan(2_000_000)
  })
})

function oldBytes(): number {
  return v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0
}
