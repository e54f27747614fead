import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { joined } from "../../src/protocol/pieces.ts"
import { readEvents } from "../../src/upstreams/httpBody.ts"

function bodyOf(pieces: readonly Buffer[]): Parameters<typeof readEvents>[0] {
  return {
    whole: () => undefined,
    read: async (piece) => {
      for (const each of pieces) if (each.length > 0) piece(each)
    },
  }
}

/** Reads a stream that arrives in the given pieces. */
async function read(text: string, cuts: readonly number[]): Promise<{ events: string[]; large: number }> {
  const bytes = Buffer.from(text)
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
  const events: string[] = []
  let large = 0
  await readEvents(bodyOf(pieces), {
    event: (data) => void events.push(data),
    large: (data) => {
      large += 1
      events.push(joined(data).toString("utf8"))
      return true
    },
  })
  return { events, large }
}

describe("readEvents", () => {
  it("gives every event once and in order, however the stream is cut", async () => {
    const data = fc.string({ minLength: 1 }).map((text) => JSON.stringify({ text }))
    const head = fc.constantFrom("event: message\n", "event:message\n", "", ": comment\n\n", "id: 1\n")
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(head, data), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (parts, cuts) => {
          const text = parts.map(([before, each]) => `${before}data: ${each}\n\n`).join("")
          expect((await read(text, cuts)).events).toEqual(parts.map(([, each]) => each))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it("takes a large event as bytes", async () => {
    const big = JSON.stringify({ text: "ä".repeat(100_000) })
    const { events, large } = await read(`event: message\ndata: ${big}\n\n`, [65_536, 131_072])
    expect(events).toEqual([big])
    expect(large).toBe(1)
  })

  it("takes a large event as bytes that begins where a small one ends", async () => {
    const [small, big] = [JSON.stringify({ progress: 1 }), JSON.stringify({ text: "x".repeat(200_000) })]
    const { events, large } = await read(
      `data: ${small}\n\nevent: message\ndata: ${big}\n\ndata: ${small}\n\n`,
      [65_536],
    )
    expect(events).toEqual([small, big, small])
    expect(large).toBe(1)
  })

  it("refuses an event without end", async () => {
    const endless = `data: ${"x".repeat(17 * 1024 * 1024)}`
    await expect(read(endless, [1_000_000])).rejects.toMatchObject({ code: -31004 })
  })
})
