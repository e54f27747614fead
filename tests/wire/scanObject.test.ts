import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type ObjectScan, scanObject } from "../../src/wire/scanObject.ts"
import { holds } from "../composition/property.ts"

const uriWords = [
  "resource",
  "resource_link",
  "resourceUri",
  "ui/resourceUri",
  "openai/outputTemplate",
  "inputRequests",
  "taskId",
]
const metaWords = ["_meta", "resultType"]
const words = [...uriWords, ...metaWords]
const longestDisguise = 6 * 21
/** How much the module looks at in one go; a multiple of it hits the same seam. */
const window = 16 * 1024

const utf8 = (text: string): Buffer => Buffer.from(text)
const scan = (text: string): ObjectScan | undefined => scanObject([utf8(text)], 0, 128)

/** The same in plain words, one byte after the other. */
function reference(bytes: Buffer, start: number, maxDepth: number): ObjectScan | undefined {
  const open: number[] = []
  const scan = { end: 0, mayHoldUris: false, mayHaveMeta: false }
  for (let at = start; at < bytes.length; at += 1) {
    const code = String.fromCharCode(bytes[at]!)
    if (code === "\\") return undefined
    if (code === '"') {
      let end = at + 1
      let escaped = false
      for (; end < bytes.length && bytes[end] !== 34; end += 1) {
        if (bytes[end] === 92) {
          end += 1
          if (bytes[end] === 117) escaped = true
        }
        if (bytes[end]! < 32) return undefined
      }
      const text = bytes.toString("latin1", at + 1, end)
      const disguised = escaped && text.length <= longestDisguise
      scan.mayHoldUris ||= disguised || uriWords.includes(text)
      scan.mayHaveMeta ||= open.length === 1 && (disguised || metaWords.includes(text))
      at = end
    } else if (code === "{" || code === "[") {
      if (open.length === maxDepth) return undefined
      open.push(code === "{" ? 125 : 93)
    } else if (code === "}" || code === "]") {
      if (open.pop() !== bytes[at]) return undefined
      if (open.length === 0) return { ...scan, end: at + 1 }
    }
  }
  return undefined
}

function agrees(bytes: Buffer, start = 0, maxDepth = 128): void {
  const expected = reference(bytes, start, maxDepth)
  const half = Math.floor(bytes.length / 2)
  for (const pieces of [[bytes], [bytes.subarray(0, half), bytes.subarray(half)]]) {
    const found = scanObject(pieces, start, maxDepth)
    if (JSON.stringify(found) !== JSON.stringify(expected)) expect(found).toEqual(expected)
  }
}

/** Repeats around the sizes that matter: of a word, of a word in escapes, of a block. */
const lengths = fc.oneof(fc.nat(3), fc.nat(30), fc.nat(140), fc.constantFrom(61, 62, 63, 64, 65, 126, 127, 128))

/** Parts of a string that leave it sound. */
const piece = fc.oneof(
  fc.constantFrom(...words, '\\"', "\\\\", "\\u0072", "\\\\u0072", "\\n", "{", "}", "[", "]", "é", "😀", "u", "\u007f"),
  fc.tuple(fc.constantFrom("\\\\", '\\"', "a", "r", "_", "{"), lengths).map(([text, times]) => text.repeat(times)),
  fc.string().map((text) => JSON.stringify(text).slice(1, -1)),
)
const inString = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...words) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...words).map((word) => `\\u00${word.charCodeAt(0).toString(16)}${word.slice(1)}`),
  },
  { weight: 3, arbitrary: fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join("")) },
)
const quoted = inString.map((text) => `"${text}"`)
const blank = lengths.map((length) => " ".repeat(length))

const { object } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    quoted,
    fc.constantFrom("1", "-0.5e7", "true", "null", "[]", "{}"),
    fc.tuple(blank, quoted).map((parts) => parts.join("")),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(quoted, blank, tie("value")), { maxLength: 4 })
    .map((members) => `{${members.map(([key, space, value]) => `${key}:${space}${value}`).join(",")}}`),
}))

/** Anything at all, as long as it stands for something here. */
const soup = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'{}[]"\\u:, _yY^~é\n\u0000\u001f\u007f', "[{", "}]", '"', '"', '\\"'),
      quoted,
      object,
      piece,
      blank,
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""))

const depth = fc.constantFrom(1, 2, 3, 4, 128)
const damages = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...utf8('{}[]"\\u a_\n\u0000\u001f'), 0x80, 0xff)), {
  maxLength: 3,
})

describe("scanObject does what a plain loop does", () => {
  holds(
    "with sound objects, whatever stands before and behind",
    fc.property(fc.string(), object, soup, depth, (before, text, after, maxDepth) => {
      const start = Buffer.byteLength(before)
      const bytes = utf8(before + text + after)
      agrees(bytes, start, maxDepth)
      expect(scanObject([bytes], start, 128)?.end).toBe(start + Buffer.byteLength(text))
    }),
    2_000,
  )

  holds(
    "with anything",
    fc.property(soup, fc.boolean(), depth, (text, open, maxDepth) => {
      agrees(utf8(open ? `{${text}` : text), 0, maxDepth)
      agrees(utf8(`{"a":["${text}"],"b":{${text}}}`), 0, maxDepth)
    }),
    3_000,
  )

  holds(
    "with bytes that changed or are missing",
    fc.property(object, damages, fc.nat(), (text, damages, cut) => {
      const bytes = utf8(text)
      agrees(bytes.subarray(0, cut % bytes.length))
      for (const [at, byte] of damages) bytes[at % bytes.length] = byte
      agrees(bytes)
    }),
    3_000,
  )

  holds(
    "with objects in pieces, cut at every byte",
    fc.property(fc.nat(40), object, soup, (start, text, after) => {
      const bytes = utf8(" ".repeat(start) + text + after)
      const expected = reference(bytes, start, 128)
      const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
      expect(scanObject(single, start, 128)).toEqual(expected)
      for (let at = 0; at <= bytes.length; at += 1) {
        const found = scanObject([bytes.subarray(0, at), bytes.subarray(at)], start, 128)
        if (JSON.stringify(found) !== JSON.stringify(expected)) expect({ at, found }).toEqual({ at, found: expected })
      }
    }),
    500,
  )

  const seam = fc.tuple(fc.constantFrom(1, 1, 2, 4), fc.integer({ min: -180, max: 20 }))
  const fillings = fc.constantFrom('{"a":"#","b":', '{"a":"#', '{#"a":', "{#", '{"a":"#\\\\', '{"#', "#")
  holds(
    "where one window ends and the next begins",
    fc.property(
      seam,
      fillings,
      fc.constantFrom(" ", "a", "é", "\\\\", '\\"'),
      soup,
      object,
      (at, head, filler, middle, rest) => {
        const [times, offset] = at
        const filled = head.startsWith("{#") || head === "#" ? " " : filler
        const size = times * window + offset - head.length
        const filling = filled.repeat(size / Buffer.byteLength(filled)).padEnd(size % 2, " ")
        for (const end of [middle, rest, `${middle}",${rest.slice(1)}`]) {
          agrees(utf8(`${head.replace("#", () => filling)}${end}}`))
        }
      },
    ),
    1_000,
  )
})

describe("scanObject", () => {
  it("finds words and their like at every offset", () => {
    const like = words.flatMap((word) => [
      word,
      word.slice(1),
      word.slice(0, -1),
      `${word}s`,
      `${word.slice(0, -1)}~`,
      `_${word}`,
      `\\u00${word.charCodeAt(0).toString(16)}${word.slice(1)}`,
      `${word.slice(0, -1)}\\\\u0072`,
    ])
    const offsets = [...Array(70).keys(), ...Array.from(Array(50).keys(), (each) => window - 45 + each)]
    for (const offset of offsets) {
      const space = " ".repeat(offset)
      for (const text of like) {
        agrees(utf8(`{${space}"${text}":1}`))
        agrees(utf8(`{"a":[${space}"","${text}"]}`))
      }
    }
  })

  it.each(words)("knows %s as what it is", (word) => {
    const isUri = uriWords.includes(word)
    expect(scan(`{"${word}":1}`)).toMatchObject({ mayHoldUris: isUri, mayHaveMeta: !isUri })
    expect(scan(`{"a":{"${word}":1}}`)).toMatchObject({ mayHoldUris: isUri, mayHaveMeta: false })
  })

  it("suspects escapes in strings that may be words, and in no longer ones", () => {
    const escapes = (length: number) => `{"a":["${"a".repeat(length - 6)}\\u0061"]}`
    for (const before of ["", " ".repeat(50), " ".repeat(window - 60)]) {
      expect(scan(before + escapes(longestDisguise))).toMatchObject({ mayHoldUris: true, mayHaveMeta: false })
      expect(scan(before + escapes(longestDisguise + 1))).toMatchObject({ mayHoldUris: false, mayHaveMeta: false })
    }
  })

  it("follows runs of backslashes of any length, at any offset", () => {
    for (let length = 0; length <= 140; length += 1) {
      for (const offset of [
        0,
        1,
        30,
        56,
        57,
        58,
        59,
        60,
        window - 70,
        window - 7,
        window - 6,
        window - 5,
        window - 4,
      ]) {
        agrees(utf8(`{"a":"${"a".repeat(offset)}${"\\".repeat(length)}"}"}`))
        agrees(utf8(`{"a":"${"a".repeat(offset)}${"\\".repeat(length)}u0061","b":"\\\\"}`))
      }
    }
  })

  it.each([1, 2, 63, 64, 65, 128, 20_000])("counts to a depth of %i", (maxDepth) => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
      ['[{"a":', "}]"],
    ] as const) {
      const levels = open.length === 6 && open.startsWith("[") ? maxDepth / 2 : maxDepth
      for (const times of [levels - 1, levels, levels + 1].map(Math.floor).filter((each) => each > 0)) {
        const bytes = utf8(`${open.repeat(times)}1${close.repeat(times)}`)
        agrees(bytes, 0, maxDepth)
        expect(scanObject([bytes], 0, maxDepth)?.end).toBe(times <= levels ? bytes.length : undefined)
      }
    }
  })

  it.each([
    ["", undefined],
    ["}", undefined],
    ["]", undefined],
    ["{", undefined],
    ["{}", 2],
    ["{}}", 2],
    ["{]", undefined],
    ["[}", undefined],
    ['{"a":[}]', undefined],
    ['{"}', undefined],
    ['{"}"}', 5],
    ['{"a\\"}', undefined],
    ['{"a\\\\"}', 7],
    ["{y_Y^\u007f}", 7],
    ['{"a":"\u0000"}', undefined],
    ['{"a":"\u001f"}', undefined],
    ['{"a":"\\\n"}', undefined],
    ['{"a":"\u007f"}', 9],
    ['{\n"a":\t1}', 9],
    ['{"a":1}\u0000\\', 7],
    ['{"a":1}"\n\\"', 7],
    ['{\\"a":1}', undefined],
    ['{"a":1\\}', undefined],
  ])("%j ends at %s", (text, end) => {
    for (const before of ["", " ".repeat(60), " ".repeat(window - 3)]) {
      expect(scan(before + text)?.end).toBe(end === undefined ? undefined : before.length + end)
    }
  })

  it("keeps nothing from one scan to the next", () => {
    const clean = scan('{"a":1}')
    for (const text of [
      '{"_meta":"resource"}',
      '{"a',
      '{"a\\',
      "{[[[",
      `{"${"r".repeat(window)}`,
      '{"\\u0061',
      '{"r',
    ]) {
      scan(text)
      expect(scan('{"a":1}')).toEqual(clean)
      expect(scan('a":1{}')).toBeUndefined()
    }
  })
})
