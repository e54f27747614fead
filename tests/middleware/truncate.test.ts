import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { jsonSize, truncated } from "../../src/middleware/truncate.ts"
import type { JsonObject } from "../../src/protocol/json.ts"

const text = (value: string, more: JsonObject = {}): JsonObject => ({ type: "text", text: value, ...more })

function contentOf(result: JsonObject | undefined): JsonObject[] {
  return (result?.["content"] ?? []) as JsonObject[]
}

describe("truncated", () => {
  it("is never larger than the limit, keeps the beginning and says how much is missing", () => {
    const odd = fc.constantFrom(
      '"',
      "\\",
      "\n",
      "\u0000",
      "\u007f",
      "ä",
      "€",
      "\u2028",
      "😀",
      "\ud800",
      "👩‍👩‍👧",
      "é",
      "a",
    )
    const texts = fc.array(
      fc.array(odd, { maxLength: 60 }).map((parts) => parts.join("")),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 600 }), (blocks, most) => {
        const result = { content: blocks.map((each) => text(each)), isError: false }
        const cut = truncated(result, most)
        if (cut === undefined) {
          expect(jsonSize({ ...result, content: blocks.map(() => text("")) }) + 100).toBeGreaterThan(most)
          return
        }
        expect(jsonSize(cut)).toBeLessThanOrEqual(most)
        const kept = contentOf(cut)
          .slice(0, -1)
          .map((block) => String(block["text"]))
        const whole = blocks.filter((each) => each !== "").join("")
        expect(whole.startsWith(kept.join(""))).toBe(true)
        const missing =
          blocks.reduce((sum, each) => sum + Buffer.byteLength(each), 0) - Buffer.byteLength(kept.join(""))
        const [note] = contentOf(cut).slice(-1)
        // A half of a pair alone counts as what stands for it.
        expect(note?.["text"]).toMatch(/^\[\d+ bytes of text were left out: the result was too large\]$/)
        if (!blocks.join("").includes("\ud800")) expect(note?.["text"]).toContain(`[${missing} bytes`)
      }),
      { numRuns: 500 },
    )
  })

  it("cuts between characters, not in them", () => {
    for (const character of ["😀", "👩‍👩‍👧", "é", "ä", "🇩🇪"]) {
      const result = { content: [text(character.repeat(100))] }
      for (let most = 120; most < 180; most += 1) {
        const [kept] = contentOf(truncated(result, most))
        const value = contentOf(truncated(result, most)).length === 2 ? String(kept?.["text"]) : ""
        expect(value.replaceAll(character, "")).toBe("")
      }
    }
  })

  it("leaves everything else as it is", () => {
    const image = { type: "image", data: "AAAA", mimeType: "image/png" }
    const result = {
      content: [text("first", { annotations: { priority: 1 } }), image, text("x".repeat(500)), text("last")],
      structuredContent: { kept: true },
      _meta: { kept: true },
    }
    const cut = truncated(result, 400)
    expect(cut).toMatchObject({ structuredContent: { kept: true }, _meta: { kept: true } })
    expect(contentOf(cut)).toEqual([
      result.content[0],
      image,
      text(expect.stringMatching(/^x+$/) as unknown as string),
      text(expect.stringMatching(/^\[\d+ bytes/) as unknown as string),
    ])
    expect(result.content).toHaveLength(4)
  })

  it("is none when text is not what is too much", () => {
    const image = { type: "image", data: "A".repeat(1_000), mimeType: "image/png" }
    expect(truncated({ content: [image] }, 500)).toBeUndefined()
    expect(truncated({ content: [text("x")], structuredContent: { x: "x".repeat(1_000) } }, 500)).toBeUndefined()
    expect(truncated({ contents: [{ uri: "test://a", text: "x".repeat(1_000) }] }, 500)).toBeUndefined()
  })
})
