import { isUtf8 } from "node:buffer"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RawResult } from "../../src/protocol/rawResult.ts"
import { splitAnswer, withoutHopMembers } from "../../src/wire/rawAnswer.ts"
import { scanObject } from "../../src/wire/scanObject.ts"
import { cuts } from "./cuts.ts"

const serverInfo = "io.modelcontextprotocol/serverInfo"
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const result = fc.dictionary(fc.string(), fc.jsonValue())
const id = fc.nat()
const raw = (value: unknown): RawResult => new RawResult([json(value)], { holdsUris: false, hasMeta: true })
const scan = (text: string) => scanObject([Buffer.from(text)], 0, 128)

describe("splitAnswer", () => {
  it.each([
    ["of the result", { content: [], _meta: { "io.modelcontextprotocol/related-task": { taskId: "1" } } }],
    ["inside it", { content: [{ type: "text", _meta: { "io.modelcontextprotocol/related-task": { taskId: "1" } } }] }],
  ])("sees the id of a task in the _meta %s", (_where, result) => {
    expect(splitAnswer([json({ jsonrpc: "2.0", id: 1, result })])?.result.holdsUris).toBe(true)
    expect(splitAnswer([json({ jsonrpc: "2.0", id: 1, result: { content: [] } })])?.result.holdsUris).toBe(false)
  })

  it("cuts the result out of either envelope, whatever it holds", () => {
    fc.assert(
      fc.property(id, result, fc.boolean(), (id, result, first) => {
        const message = first ? { jsonrpc: "2.0", id, result } : { result, jsonrpc: "2.0", id }
        const answer = splitAnswer([json(message)])
        expect(answer?.id).toBe(id)
        expect(answer?.result.value).toEqual(JSON.parse(JSON.stringify(result)))
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ["a batch", [{ jsonrpc: "2.0", id: 1, result: {} }]],
    ["an error", { jsonrpc: "2.0", id: 1, error: { code: 1, message: "" } }],
    ["an id that is none of ours", { jsonrpc: "2.0", id: "1", result: {} }],
    ["a request", { jsonrpc: "2.0", id: 1, method: "ping", params: {} }],
    ["a result that is no object", { jsonrpc: "2.0", id: 1, result: [] }],
    ["members in another order", { id: 1, jsonrpc: "2.0", result: {} }],
  ])("leaves %s to the parser", (_what, message) => {
    expect(splitAnswer([json(message)])).toBeUndefined()
  })

  it.each([
    '{"jsonrpc":"2.0","id":1,"result":{"a":1},"method":"sampling/createMessage","params":{"b":{}}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":1},"error":{"code":1,"message":""}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":1},"id":2,"result":{}}',
    '{"result":{"a":1},"method":"ping","params":{},"jsonrpc":"2.0","id":1}',
    '{"result":{"a":1},"x":{"b":1},"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":1}}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":[1}]}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":"1}}',
  ])("never takes more for a result than the result: %s", (message) => {
    expect(splitAnswer([Buffer.from(message)])).toBeUndefined()
  })

  it("refuses what nests too deep", () => {
    const deep = `{"a":${"[".repeat(200)}${"]".repeat(200)}}`
    expect(splitAnswer([Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${deep}}`)])).toBeUndefined()
  })

  it("counts the envelope, as for a message that is parsed", () => {
    const answer = (depth: number) =>
      splitAnswer([Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}`)])
    expect(answer(126)).toBeDefined()
    expect(answer(127)).toBeUndefined()
  })

  it("leaves text on several lines, or that is no UTF-8, to the parser", () => {
    const message = { jsonrpc: "2.0", id: 1, result: { text: "a" } }
    expect(splitAnswer([Buffer.from(JSON.stringify(message, undefined, 1))])).toBeUndefined()
    const broken = json(message)
    broken[broken.indexOf(97)] = 0xff
    expect(splitAnswer([broken])).toBeUndefined()
  })

  it("finds the same in a message in pieces, cut at every byte", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", '"', "\\", "_meta") })
    fc.assert(
      fc.property(id, text, fc.boolean(), (id, text, first) => {
        const result = { text, nested: [{ resource: text }] }
        const bytes = json(first ? { jsonrpc: "2.0", id, result } : { result, jsonrpc: "2.0", id })
        const whole = splitAnswer([bytes])
        for (const pieces of cuts(bytes)) {
          const answer = splitAnswer(pieces)
          expect(answer?.id).toBe(id)
          expect(answer?.result.value).toEqual(result)
          expect(answer?.result.holdsUris).toBe(whole?.result.holdsUris)
          expect(answer?.result.hasMeta).toBe(whole?.result.hasMeta)
          expect(answer?.result.bytes.every(({ length }) => length > 0)).toBe(true)
        }
      }),
      { numRuns: 50 },
    )
  })

  it("knows what is no UTF-8 wherever it is cut", () => {
    const damage = fc.uint8Array({ minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.constantFrom("aé", "€", "😀", ""), damage, fc.constantFrom("é", "€", "😀", ""), (a, bytes, b) => {
        const damaged = Buffer.from(bytes.map((byte) => byte | 0x80))
        const start = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"a":"${a}`)
        const message = Buffer.concat([start, damaged, Buffer.from(`${b}"}}`)])
        for (const pieces of cuts(message)) expect(splitAnswer(pieces) !== undefined).toBe(isUtf8(message))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    [[0xc3]],
    [[0xe2, 0x82]],
    [[0xf0, 0x9f, 0x98]],
    [[0xf8, 0x88, 0x80, 0x80]],
    [[0xed, 0xa0, 0x80]],
    [[0xc0, 0xaf]],
  ])("refuses %j, which begins characters it does not end", (bytes) => {
    const message = Buffer.concat([json({ jsonrpc: "2.0", id: 1, result: {} }), Buffer.from(bytes)])
    for (const pieces of cuts(message)) expect(splitAnswer(pieces)).toBeUndefined()
  })

  it.each([
    '{"jsonrpc":"2.0","id":1,"result":{"a":1},"id":2,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":1}}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":\n1}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":\r1}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":"\u0000"}}',
    '{"jsonrpc":"2.0","id":1,"result":{"a":[1}]}}',
  ])("takes %j for no answer, wherever it is cut", (text) => {
    for (const pieces of cuts(Buffer.from(text))) expect(splitAnswer(pieces)).toBeUndefined()
  })
})

describe("withoutHopMembers", () => {
  it("takes away what belongs to the hop when it stands at the end", () => {
    fc.assert(
      fc.property(result, (result) => {
        const { resultType: _type, _meta: _, ...own } = result
        const whole = { content: [], ...own, resultType: "complete", _meta: { [serverInfo]: { name: "a" } } }
        const left = withoutHopMembers(raw(whole), serverInfo)
        expect(left?.value).toEqual(JSON.parse(JSON.stringify({ content: [], ...own })))
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ["first", '{"resultType":"complete","_meta":{"KEY":{"name":"a"}},"content":[1]}'],
    ["first and last", '{"resultType":"complete","content":[1],"_meta":{"KEY":{"name":"a"}}}'],
    ["last, the other way round", '{"content":[1],"_meta":{"KEY":{"name":"a"}},"resultType":"complete"}'],
    ["alone", '{"resultType":"complete","content":[1]}'],
    ["nowhere", '{"content":[1]}'],
    [
      "beside their like inside",
      '{"content":[1],"resultType":"complete","_meta":{"KEY":{"_meta":{},"resultType":"x"}}}',
    ],
  ])("takes them away where they stand %s", (_where, text) => {
    const result = Buffer.from(text.replace("KEY", serverInfo))
    for (const pieces of cuts(result)) {
      const left = withoutHopMembers(new RawResult(pieces, { holdsUris: true, hasMeta: true }), serverInfo)
      expect(left?.value).toEqual({ content: [1] })
      expect(left?.hasMeta).toBe(false)
    }
  })

  it("finds the same as the parser, or leaves it to that", () => {
    const member = fc.constantFrom(
      ...['"resultType":"complete"', '"resultType":"input_required"', '"_meta":{}', '"_meta":{"mine":1}'],
      ...[
        `"_meta":{"${serverInfo}":{"name":"a"}}`,
        '"content":[{"_meta":{},"resultType":"complete"}]',
        '"a":{"_meta":{}}',
      ],
    )
    const key = (text: string): string => text.slice(0, text.indexOf(":"))
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: key, minLength: 1 }), (members) => {
        const text = `{${members.join(",")}}`
        const left = withoutHopMembers(
          new RawResult([Buffer.from(text)], { holdsUris: false, hasMeta: true }),
          serverInfo,
        )
        if (left === undefined) return
        const { resultType, _meta: meta, ...own } = JSON.parse(text)
        expect(left.value).toEqual(own)
        expect(["complete", undefined]).toContain(resultType)
        expect(Object.keys(meta ?? {}).filter((each) => each !== serverInfo)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  it("takes them away wherever the result is cut", () => {
    const whole = { content: [{ text: "é" }], resultType: "complete", _meta: { [serverInfo]: { name: "a" } } }
    for (const pieces of cuts(json(whole))) {
      const left = withoutHopMembers(new RawResult(pieces, { holdsUris: false, hasMeta: true }), serverInfo)
      expect(left?.value).toEqual({ content: [{ text: "é" }] })
    }
  })

  it.each([
    ["another result type", { content: [], resultType: "input_required" }],
    ["other metadata", { content: [], resultType: "complete", _meta: { [serverInfo]: {}, mine: 1 } }],
    ["other metadata before it", { _meta: { mine: 1 }, content: [], resultType: "complete" }],
    ["members after it", { content: [], resultType: "complete", mine: 1 }],
    [
      "one more inside the result, and other metadata",
      { _meta: { mine: 1 }, structuredContent: { resultType: "complete" } },
    ],
  ])("leaves %s to the parser", (_what, value) => {
    expect(withoutHopMembers(raw(value), serverInfo)).toBeUndefined()
  })
})

describe("scanObject", () => {
  it("ends where the object ends, whatever follows", () => {
    fc.assert(
      fc.property(result, fc.string(), (value, after) => {
        const text = JSON.stringify(value)
        expect(scan(text + after)?.end).toBe(Buffer.byteLength(text))
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    '{"content":[{"type":"resource_link","uri":"a:b"}]}',
    '{"content":[{"type": "resource","resource":{"uri":"a:b"}}]}',
    '{"_meta":{"ui":{"resourceUri":"ui://a"}}}',
    '{"_meta":{"ui/resourceUri":"ui://a"}}',
    '{"_meta":{"openai/outputTemplate":"ui://a"}}',
    '{"inputRequests":{}}',
    '{"content":[{"type":"\\u0072esource_link","uri":"a:b"}]}',
    '{"content":[{"type":"resourc\\u0065_link","uri":"a:b"}]}',
  ])("sees that %s may hold URIs", (text) => {
    expect(scan(text)?.mayHoldUris).toBe(true)
  })

  it.each(['{"_meta":{}}', '{"a":1,"resultType":"complete"}', '{"\\u005fmeta":{}}'])(
    "sees the members of %s",
    (text) => {
      expect(scan(text)?.mayHaveMeta).toBe(true)
    },
  )

  it("passes text that only speaks of resources, and members inside", () => {
    const text = 'a "resource" in quotes, \\n and _meta\n'.repeat(100)
    const found = scan(JSON.stringify({ content: [{ type: "text", text, _meta: {} }] }))
    expect(found).toMatchObject({ mayHoldUris: false, mayHaveMeta: false })
  })
})
