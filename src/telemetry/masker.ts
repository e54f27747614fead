/**
 * Finds secrets by value, in whatever form programs write them, and puts `[hidden]` in their place. Every sink of the host
 * goes through one: the log, errors on the terminal, listings, traces. What it recognizes is in docs/telemetry.md.
 *
 * Forms that change the characters of a text one by one (escapes, percent signs, entities) are undone in the text;
 * forms that change it as a whole (hexadecimal, base64) are looked for as they would stand there.
 */
import { type Form, formsOf } from "./maskForms.ts"
import { hasOneView, viewsOf } from "./maskViews.ts"

/** Shorter texts are too common to be masked without making everything unreadable. */
export const shortestSecret = 4
/** The same for single lines of a secret that has several. */
const shortestLine = 8

export const hidden = "[hidden]"

export interface Masker {
  /** Masks these texts from now on. */
  hide(secrets: readonly string[]): void
  /** The text with `[hidden]` in the place of everything that must not be shown. */
  mask(text: string): string
}

export function createMasker(): Masker {
  const known = new Set<string>()
  let index: Index | undefined
  return {
    hide(secrets) {
      const before = known.size
      for (const text of secrets.flatMap((secret) => [secret, secret.trim(), ...linesOf(secret)]))
        if (text.length >= shortestSecret) known.add(text)
      if (known.size > before) index = new Index([...known].flatMap(formsOf))
    },
    mask: (text) => (index === undefined ? text : masked(text, index)),
  }
}

/** A part of a text, from the first character to the one after the last. */
type Span = readonly [from: number, to: number]

function masked(text: string, index: Index): string {
  // Nearly every line of a log.
  if (hasOneView(text) && !index.isIn(text)) return text
  const spans: Span[] = []
  for (const { codes, starts } of viewsOf(text)) {
    index.find(codes, (from, to) => spans.push(starts === undefined ? [from, to] : [at(starts, from), at(starts, to)]))
  }
  if (spans.length === 0) return text
  let shown = ""
  let end = 0
  for (const [from, to] of merged(spans)) {
    shown += text.slice(end, from) + hidden
    end = to
  }
  return shown + text.slice(end)
}

function at(starts: Int32Array, index: number): number {
  return starts[index] ?? 0
}

/** In order, and one for those that overlap. */
function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = []
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last === undefined || from >= last[1]) result.push([from, to])
    else result[result.length - 1] = [last[0], Math.max(last[1], to)]
  }
  return result
}

/** As many characters of each form decide whether it is worth comparing; no form is shorter. */
const window = 4
const slots = 2 ** 16

/** Finds many texts in one pass: a hash of the last four characters says where none of them can begin. */
class Index {
  readonly #filter = new Uint8Array(slots)
  readonly #forms = new Map<number, Form[]>()

  constructor(forms: readonly Form[]) {
    // Longest first: a secret that contains another is masked whole.
    for (const form of forms.toSorted((a, b) => b.text.length - a.text.length)) {
      const hash = hashOf(form.text)
      const same = this.#forms.get(hash)
      if (same?.some(({ text }) => text === form.text)) continue
      this.#filter[hash] = 1
      if (same === undefined) this.#forms.set(hash, [form])
      else same.push(form)
    }
  }

  /** Whether any of them stands in a text as it is. */
  isIn(text: string): boolean {
    const filter = this.#filter
    let hash = 0
    for (let end = 0; end < text.length; end += 1) {
      hash = next(hash, text.charCodeAt(end))
      if (filter[hash] === 0 || end < window - 1) continue
      const from = end - window + 1
      if (this.#forms.get(hash)?.some((form) => text.startsWith(form.text, from)) === true) return true
    }
    return false
  }

  find(codes: Uint16Array, found: (from: number, to: number) => void): void {
    const filter = this.#filter
    let hash = 0
    for (let end = 0; end < codes.length; end += 1) {
      hash = next(hash, codes[end] ?? 0)
      if (filter[hash] === 0 || end < window - 1) continue
      const from = end - window + 1
      const form = this.#forms.get(hash)?.find(({ text }) => startsWith(codes, text, from))
      if (form !== undefined) found(...whole(codes, from, form))
    }
  }
}

function startsWith(codes: Uint16Array, text: string, from: number): boolean {
  if (from + text.length > codes.length) return false
  for (let index = 0; index < text.length; index += 1) if (codes[from + index] !== text.charCodeAt(index)) return false
  return true
}

/** Each character moves those before it out of the sixteen bits, the fourth for good. */
function next(hash: number, code: number): number {
  return ((hash << 4) ^ code) & (slots - 1)
}

function hashOf(text: string): number {
  let hash = 0
  for (let index = 0; index < window; index += 1) hash = next(hash, text.charCodeAt(index))
  return hash
}

/** With the characters around it that hold bits of it. */
function whole(codes: Uint16Array, start: number, { text, partial }: Form): Span {
  let [from, to] = [start, start + text.length]
  if (partial?.before === true && isBase64(codes[from - 1])) from -= 1
  if (partial?.after === true && isBase64(codes[to])) to += 1
  while (partial !== undefined && codes[to] === padding) to += 1
  return [from, to]
}

const padding = "=".charCodeAt(0)
const base64 = new Set(
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"].map((letter) => letter.charCodeAt(0)),
)

function isBase64(code: number | undefined): boolean {
  return code !== undefined && base64.has(code)
}

/** The longer lines of a text that has several (a key, say): programs write them one by one. */
function linesOf(secret: string): string[] {
  const lines = secret.split("\n").map((line) => line.trim())
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= shortestLine)
}
