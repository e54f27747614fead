import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { joined, type Pieces } from "../../src/protocol/pieces.ts"
import { LineSplitter } from "../../src/wire/lineSplitter.ts"
import { cuts } from "./cuts.ts"

function split(pieces: Iterable<Buffer>, maxBytes = 1_000_000) {
  const lines: string[] = []
  let tooLong = 0
  const splitter = new LineSplitter(
    maxBytes,
    (pieces) => lines.push(joined(pieces).toString("utf8")),
    () => {
      tooLong += 1
    },
  )
  for (const piece of pieces) splitter.push(piece)
  splitter.end()
  return { lines, tooLong }
}

/** Cuts bytes at random places: characters and lines may be torn apart. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

describe("LineSplitter", () => {
  it("gives the same lines however they are cut", () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " "))
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(""), "utf8")
        expect(split(cut(bytes, sizes)).lines).toEqual(lines)
      }),
    )
  })

  it("gives the same lines wherever they are cut", () => {
    const lines = ["", "ä", "two words", "", "😀"]
    for (const pieces of cuts(Buffer.from(`${lines.join("\n")}\n`))) expect(split(pieces).lines).toEqual(lines)
  })

  it("hands on large pieces as they are, and joins small ones", () => {
    const taken: Pieces[] = []
    const splitter = new LineSplitter(
      1_000_000,
      (pieces) => taken.push(pieces),
      () => undefined,
    )
    const [large, other] = [Buffer.alloc(65_536, "a"), Buffer.alloc(20_000, "b")]
    const small = Buffer.alloc(100, "c")
    for (const chunk of [small, small, large, other, small, Buffer.from("c\nnext\n")]) splitter.push(chunk)
    const [line, next] = taken
    expect(line?.map(({ length }) => length)).toEqual([200, 65_536, 20_000, 101])
    expect(line?.[1]).toBe(large)
    expect(line?.[2]).toBe(other)
    expect(next).toEqual([Buffer.from("next")])
  })

  it("gives what follows the last newline at the end", () => {
    expect(split([Buffer.from("a\nb")]).lines).toEqual(["a", "b"])
    expect(split([Buffer.from("a\n")]).lines).toEqual(["a"])
  })

  it("takes a line of the limit and reports a longer one once", () => {
    expect(split([Buffer.from(`${"x".repeat(10)}\n`)], 10)).toEqual({ lines: ["x".repeat(10)], tooLong: 0 })
    const long = split([Buffer.from("x".repeat(6)), Buffer.from("x".repeat(6)), Buffer.from("x".repeat(6))], 10)
    expect(long).toEqual({ lines: [], tooLong: 1 })
  })

  it("goes on with the line after one that was too long", () => {
    expect(split([Buffer.from(`${"x".repeat(30)}`), Buffer.from(`yy\nnext\n`)], 10)).toEqual({
      lines: ["next"],
      tooLong: 1,
    })
    expect(split([Buffer.from(`first\n${"x".repeat(30)}\nnext\n`)], 10)).toEqual({
      lines: ["first", "next"],
      tooLong: 1,
    })
  })

  it("joins a line that came byte by byte in time and memory of its size", () => {
    const bytes = Buffer.alloc(4_000_000, "abcdefg")
    const before = process.memoryUsage()
    let most = 0
    let line: Buffer | undefined
    const splitter = new LineSplitter(
      bytes.length,
      (pieces) => {
        line = joined(pieces)
      },
      () => undefined,
    )
    for (let at = 0; at < bytes.length; at += 1) {
      splitter.push(bytes.subarray(at, at + 1))
      if (at % 100_000 !== 0) continue
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      most = Math.max(most, heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers)
    }
    splitter.push(Buffer.from("\n"))
    expect(line?.equals(bytes)).toBe(true)
    // A Buffer for each byte, kept, would take some 400 MB.
    expect(most).toBeLessThan(100_000_000)
  })
})
