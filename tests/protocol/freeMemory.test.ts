import { describe, expect, it } from "vitest"
import { freeMemory } from "../../src/protocol/freeMemory.ts"

/** A piece as a socket makes it: memory of its own. */
const chunk = (size: number): Buffer => Buffer.from(new ArrayBuffer(size))

describe("freeMemory", () => {
  it("empties pieces that are all of their memory, and leaves alone what shares its memory", () => {
    const own = chunk(65_536)
    const whole = chunk(65_536)
    const part = whole.subarray(0, 65_535)
    const pooled = Buffer.from("from the pool that small Buffers share")
    freeMemory([own, part, pooled])
    expect(own.length).toBe(0)
    expect(whole.length).toBe(65_536)
    expect(part.length).toBe(65_535)
    expect(pooled.toString()).toBe("from the pool that small Buffers share")
  })

  it("may be told twice", () => {
    const own = chunk(10)
    freeMemory([own])
    freeMemory([own])
    expect(own.length).toBe(0)
  })

  it("takes the memory off what the process holds", () => {
    const held = Array.from({ length: 100 }, () => chunk(1_000_000))
    const before = process.memoryUsage().arrayBuffers
    freeMemory(held)
    expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThan(90_000_000)
  })
})
