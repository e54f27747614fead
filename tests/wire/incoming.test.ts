import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { answeredId, readMessage, readText, Unreadable } from "../../src/wire/incoming.ts"

describe("answeredId", () => {
  it("finds the id of any answer, in any order and spacing, whatever the result holds", () => {
    const space = fc.constantFrom("", " ", "\t", "  ")
    fc.assert(
      fc.property(
        fc.nat(),
        fc.jsonValue(),
        fc.constantFrom("result", "error"),
        fc.integer({ min: 0, max: 2 }),
        space,
        (id, value, member, at, space) => {
          const members = [`"jsonrpc"${space}:"2.0"`, `${space}"${member}":${space}${JSON.stringify(value)}${space}`]
          members.splice(at, 0, `"id"${space}:${space}${id}${space}`)
          expect(answeredId(`${space}{${members.join(",")}}`)).toBe(id)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it("finds it in what is cut off or broken behind it", () => {
    expect(answeredId('{"jsonrpc":"2.0","id":7,"result":{"a":"x')).toBe(7)
    expect(answeredId(`{"jsonrpc":"2.0","id":7,"result":{"a":${"[".repeat(1_000)}`)).toBe(7)
  })

  it.each([
    ["a request of the server", '{"jsonrpc":"2.0","id":7,"method":"ping","params":{"result":1}}'],
    ["a request that pretends", '{"jsonrpc":"2.0","id":7,"result":{},"method":"ping"}'],
    ["a notification", '{"jsonrpc":"2.0","method":"x","params":{"id":7,"result":{}}}'],
    ["an id inside the result", '{"jsonrpc":"2.0","result":{"id":7,"result":{}}}'],
    ["an id inside a string", '{"x":"\\"id\\":7,\\"result\\":{}"}'],
    ["two ids", '{"jsonrpc":"2.0","id":7,"id":8,"result":{}}'],
    ["an id in escapes", '{"jsonrpc":"2.0","id":7,"\\u0069d":8,"result":{}}'],
    ["a string", '{"jsonrpc":"2.0","id":"7","result":{}}'],
    ["a fraction", '{"jsonrpc":"2.0","id":7.5,"result":{}}'],
    ["an exponent", '{"jsonrpc":"2.0","id":7e3,"result":{}}'],
    ["nothing but an id", '{"jsonrpc":"2.0","id":7}'],
    ["a batch", '[{"jsonrpc":"2.0","id":7,"result":{}}]'],
    ["no JSON", 'hello "id":7,"result":{}'],
    ["nothing", ""],
  ])("does not take %s for an answer", (_what, text) => {
    expect(answeredId(text)).toBeUndefined()
  })
})

describe("readMessage", () => {
  const whyOf = (message: unknown): string => (message instanceof Unreadable ? message.error.message : "read")

  it("gives what is one JSON object, whatever stands around it", () => {
    expect(readMessage(Buffer.from('\ufeff {"a":"é"}\r'))).toEqual({ a: "é" })
  })

  it.each([
    ["a list", "[]"],
    ["text", "hello"],
    ["two objects", "{}{}"],
    ["a raw control character", '{"a":"\u0000"}'],
  ])("refuses %s", (_what, text) => {
    expect(whyOf(readMessage(Buffer.from(text)))).toMatch(/no JSON-RPC message/)
  })

  it("refuses every text with a byte that is no UTF-8, and never replaces it", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.constantFrom(0x80, 0xc0, 0xf5, 0xff), (text, at, byte) => {
        const sound = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 3, result: { text } }))
        const place = at % (sound.length - 40)
        const broken = Buffer.concat([sound.subarray(0, 34 + place), Buffer.from([byte]), sound.subarray(34 + place)])
        fc.pre(!isUtf8(broken))
        expect(whyOf(readMessage(broken))).toMatch(/not UTF-8/)
      }),
    )
  })

  it("counts the nesting of what is no JSON, too", () => {
    expect(whyOf(readText("[".repeat(1_000_000)))).toMatch(/deeper than 128/)
  })

  it("has an answer for who waits, and none otherwise", () => {
    const read = readText('{"jsonrpc":"2.0","id":3,"result":{"a":oops}}') as Unreadable
    expect(read.answer).toMatchObject({ id: 3, error: { code: -31003, data: { sent: "maybe", retryable: false } } })
    expect((readText("oops") as Unreadable).answer).toBeUndefined()
  })
})

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString("utf8")).equals(bytes)
}
