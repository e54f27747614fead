/** The ways in which programs escape single characters, read one escape at a time. For the masker. */

export interface Notation {
  /** No text without this has anything to undo. */
  readonly mark: number
  /** What is escaped at this place, for `lengthOf` and `codeOf`; 0 when nothing is. A number: there may be very many. */
  read(codes: Uint16Array, at: number): number
}

/** More than there are code points. */
const lengthBits = 21

/** How many units of the text an escape took. */
export function lengthOf(found: number): number {
  return found >> lengthBits
}

/** The character's code point. */
export function codeOf(found: number): number {
  return found & (2 ** lengthBits - 1)
}

const backslash = 0x5c
const percent = 0x25
const plus = 0x2b
const ampersand = 0x26
const semicolon = 0x3b

/** JSON, and what languages add to it: `\"`, `\n`, `\u0041`, `\u{41}`, `\x41`. */
export const escapes: Notation = {
  mark: backslash,
  read(codes, at) {
    if (codes[at] !== backslash) return 0
    const letter = codes[at + 1] ?? 0
    const short = shortEscapes[letter]
    if (short !== undefined) return escapeOf(short, 2)
    if (letter === 0x78) return escapeOf(hexAt(codes, at + 2, 2), 4)
    if (letter !== 0x75) return 0
    if (codes[at + 2] !== 0x7b) return escapeOf(hexAt(codes, at + 2, 4), 6)
    const end = codes.indexOf(0x7d, at + 3)
    return end - at > 9 ? 0 : escapeOf(hexAt(codes, at + 3, end - at - 3), end - at + 1)
  },
}

const shortEscapes: Readonly<Record<number, number>> = Object.fromEntries([
  ...[..."\"'`\\/"].map((letter) => [letter.charCodeAt(0), letter.charCodeAt(0)]),
  ...[..."bfnrt"].map((letter, index) => [letter.charCodeAt(0), "\b\f\n\r\t".charCodeAt(index)]),
])

/** URLs: the bytes of UTF-8, each as `%41`. Bytes that are no UTF-8 stand for themselves. */
export const percents: Notation = {
  mark: percent,
  read(codes, at) {
    const first = byteAt(codes, at)
    if (first === undefined) return 0
    const more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
    let code = more === 0 ? first : first & (0x3f >> more)
    for (let index = 1; index <= more; index += 1) {
      const next = byteAt(codes, at + 3 * index)
      if (next === undefined || next >> 6 !== 2) return escapeOf(first, 3)
      code = (code << 6) | (next & 0x3f)
    }
    return code > 0x10_ff_ff ? escapeOf(first, 3) : escapeOf(code, 3 * (more + 1))
  },
}

/** Forms: the same, and `+` for a space. */
export const forms: Notation = {
  mark: plus,
  read: (codes, at) => (codes[at] === plus ? escapeOf(0x20, 1) : percents.read(codes, at)),
}

/** HTML: `&quot;`, `&#65;`, `&#x41;`. */
export const entities: Notation = {
  mark: ampersand,
  read(codes, at) {
    if (codes[at] !== ampersand) return 0
    let end = at + 1
    while (end < codes.length && end - at < longestEntity && codes[end] !== semicolon) end += 1
    if (codes[end] !== semicolon) return 0
    const name = String.fromCharCode(...codes.subarray(at + 1, end)).toLowerCase()
    const number = /^#(?:x([0-9a-f]+)|(\d+))$/.exec(name)
    const code =
      number === null ? names[name] : Number.parseInt(number[1] ?? number[2] ?? "", number[1] === undefined ? 10 : 16)
    return escapeOf(code, end - at + 1)
  },
}

const longestEntity = 10
const names: Readonly<Record<string, number>> = { amp: 0x26, lt: 0x3c, gt: 0x3e, quot: 0x22, apos: 0x27 }

function escapeOf(code: number | undefined, length: number): number {
  return code === undefined || code > 0x10_ff_ff ? 0 : (length << lengthBits) | code
}

function byteAt(codes: Uint16Array, at: number): number | undefined {
  return codes[at] === percent ? hexAt(codes, at + 1, 2) : undefined
}

/** Undefined when these are not so many hexadecimal digits, or none at all. */
function hexAt(codes: Uint16Array, at: number, length: number): number | undefined {
  if (length < 1) return undefined
  let value = 0
  for (let index = at; index < at + length; index += 1) {
    const digit = digitOf(codes[index] ?? 0)
    if (digit === undefined) return undefined
    value = value * 16 + digit
  }
  return value
}

function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined
}
