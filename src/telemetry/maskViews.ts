/**
 * What a text says when its escapes are undone, with where each character stood. For the masker: a secret may be written
 * with any of its characters escaped, and the escapes escaped again. Character by character without regular expressions,
 * because servers decide what is read here.
 */
import { codeOf, entities, escapes, forms, lengthOf, type Notation, percents } from "./notations.ts"

export interface View {
  /** UTF-16 code units. */
  readonly codes: Uint16Array
  /** Where each of them, and their end, is in the text; undefined: in the same place. */
  readonly starts?: Int32Array
}

/** How deep JSON in JSON is followed: that of the log itself, and three times within it. */
const levels = 4
/** What is undone besides, at each level, one after the other. */
const sequences: readonly (readonly Notation[])[] = [[percents, percents], [forms], [entities, entities]]

/** True when nothing in a text can be an escape: it says what it says. */
export function hasOneView(text: string): boolean {
  return !marks.some((mark) => text.includes(mark))
}

const marks = [escapes, percents, forms, entities].map(({ mark }) => String.fromCharCode(mark))

/** The text itself, and what it says with escapes undone in each way that makes a difference. */
export function viewsOf(text: string): View[] {
  const views: View[] = []
  let level: View | undefined = { codes: codesOf(text) }
  for (let depth = 0; depth <= levels && level !== undefined; depth += 1) {
    views.push(level)
    for (const sequence of sequences) {
      let view: View | undefined = level
      for (const notation of sequence) {
        view = view === undefined ? undefined : undone(view, notation)
        if (view !== undefined) views.push(view)
      }
    }
    level = undone(level, escapes)
  }
  return views
}

let scratch = new Uint16Array(1_024)

/** Good until the next text: nothing is made for most. */
function codesOf(text: string): Uint16Array {
  if (scratch.length < text.length) scratch = new Uint16Array(2 * text.length)
  for (let index = 0; index < text.length; index += 1) scratch[index] = text.charCodeAt(index)
  return scratch.subarray(0, text.length)
}

/** Undefined when nothing is escaped. */
function undone({ codes, starts }: View, { mark, read }: Notation): View | undefined {
  // Of almost all texts this is the end.
  if (!codes.includes(mark)) return undefined
  const end = codes.length
  const said = new Uint16Array(end)
  const places = new Int32Array(end + 1)
  let size = 0
  let from = 0
  while (from < end) {
    const found = read(codes, from)
    const code = found === 0 ? (codes[from] ?? 0) : codeOf(found)
    const place = starts === undefined ? from : (starts[from] ?? 0)
    // The first half of a character that takes two units.
    if (code > 0xff_ff) {
      places[size] = place
      said[size] = 0xd7_c0 + (code >> 10)
      size += 1
    }
    places[size] = place
    said[size] = code > 0xff_ff ? 0xdc_00 + (code & 0x3_ff) : code
    size += 1
    from += found === 0 ? 1 : lengthOf(found)
  }
  // Escapes are longer than what they mean; only a plus is not.
  if (size === end && mark !== forms.mark) return undefined
  places[size] = starts === undefined ? end : (starts[end] ?? 0)
  return { codes: said.subarray(0, size), starts: places.subarray(0, size + 1) }
}
