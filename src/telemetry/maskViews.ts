/**
 * What a text says when its escapes are undone, with where each character stood. For the masker: a secret may be written
 * with any of its characters escaped, and the escapes escaped again.
 */

export interface View {
  readonly text: string
  /** Where each character of `text`, and its end, is in what was given; undefined: in the same place. */
  readonly starts?: Int32Array
}

/** One character of what was escaped, and how many characters it took. */
type Piece = readonly [meaning: string, length: number]

interface Notation {
  /** No text without one of these is in it. */
  readonly marks: readonly string[]
  readonly expression: RegExp
  read(written: string): readonly Piece[]
}

const escapes: Notation = {
  marks: ["\\"],
  expression: /\\(?:u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{2}|["'`\\/bfnrt])/g,
  read: (written) => [[meaningOf(written), written.length]],
}

const percents: Notation = {
  marks: ["%"],
  expression: /(?:%[0-9a-f]{2})+/gi,
  read: (run) => readUtf8(Buffer.from(run.replaceAll("%", ""), "hex")),
}

const forms: Notation = {
  marks: ["+"],
  expression: /\+|(?:%[0-9a-f]{2})+/gi,
  read: (written) => (written === "+" ? [[" ", 1]] : percents.read(written)),
}

const entities: Notation = {
  marks: ["&"],
  expression: /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos);/gi,
  read: (written) => [[characterOf(written), written.length]],
}

/** What is undone, one after the other. Escapes inside escapes are common, in logs of JSON in JSON. */
const sequences: readonly (readonly Notation[])[] = [
  [escapes, escapes, escapes],
  [percents, percents],
  [forms],
  [entities, entities],
  [escapes, percents],
  [escapes, forms],
  [escapes, entities],
  [percents, escapes],
  [entities, percents],
]

/** The text itself, and what it says with escapes undone in each way that makes a difference. */
export function viewsOf(text: string): View[] {
  const views: View[] = [{ text }]
  // Of almost all texts this is the end.
  if (!has(text, escapes) && !has(text, percents) && !has(text, forms) && !has(text, entities)) return views
  const known = new Map<string, View | undefined>()
  for (const sequence of sequences) {
    let view: View | undefined = { text }
    let key = ""
    for (const notation of sequence) {
      key += notation.marks[0]
      if (!known.has(key)) {
        view = view !== undefined && has(view.text, notation) ? undone(view, notation) : undefined
        known.set(key, view)
        if (view !== undefined) views.push(view)
      } else view = known.get(key)
    }
  }
  return views
}

function has(text: string, { marks }: Notation): boolean {
  return marks.some((mark) => text.includes(mark))
}

/** Undefined when nothing is escaped. */
function undone({ text, starts }: View, { expression, read }: Notation): View | undefined {
  const matches = [...text.matchAll(expression)]
  if (matches.length === 0) return undefined
  const places = new Int32Array(text.length + 1)
  let said = ""
  let from = 0
  const place = (index: number): number => starts?.[index] ?? index
  const copy = (to: number): void => {
    for (let index = from; index < to; index += 1) places[said.length + index - from] = place(index)
    said += text.slice(from, to)
    from = to
  }
  for (const { 0: written, index } of matches) {
    copy(index)
    for (const [meaning, length] of read(written)) {
      for (let unit = 0; unit < meaning.length; unit += 1) places[said.length + unit] = place(from)
      said += meaning
      from += length
    }
  }
  copy(text.length)
  places[said.length] = place(text.length)
  return { text: said, starts: places.subarray(0, said.length + 1) }
}

const short: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

function meaningOf(written: string): string {
  const code = /^\\[ux]\{?([0-9a-f]+)/i.exec(written)?.[1]
  const letter = written.slice(1)
  return code === undefined ? (short[letter] ?? letter) : fromCode(Number.parseInt(code, 16))
}

const names: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

function characterOf(entity: string): string {
  const name = entity.slice(1, -1).toLowerCase()
  if (!name.startsWith("#")) return names[name] ?? entity
  return fromCode(name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)))
}

function fromCode(code: number): string {
  return code > 0x10_ff_ff ? "\u{fffd}" : String.fromCodePoint(code)
}

/** Character by character; every byte took three characters. Bytes that are no UTF-8 stand for themselves. */
function readUtf8(bytes: Buffer): Piece[] {
  const pieces: Piece[] = []
  for (let index = 0; index < bytes.length; ) {
    const byte = bytes[index] ?? 0
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    const text = byte < 0x80 ? String.fromCharCode(byte) : bytes.toString("utf8", index, index + length)
    const isCharacter = !text.includes("\u{fffd}")
    pieces.push(isCharacter ? [text, 3 * length] : [String.fromCharCode(byte), 3])
    index += isCharacter ? length : 1
  }
  return pieces
}
