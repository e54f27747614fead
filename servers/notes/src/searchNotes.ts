/** Full-text search over notes: pure ranking, no I/O. */
import type { Note } from "./noteStore.ts"

export interface SearchHit {
  readonly name: string
  readonly title: string
  /** Text around the first match, on one line. */
  readonly snippet: string
  /** Line of the first match in the text, from 1. */
  readonly line: number
  readonly score: number
}

const nameWeight = 8
const titleWeight = 6
/** More occurrences than this say no more about a note. */
const countedOccurrences = 10
/** One more matching term outweighs any number of occurrences of the others. */
const termWeight = 100
const snippetLength = 160

/** Words, and "quoted phrases" as one term; lower case, without doubles. */
export function parseQuery(query: string): string[] {
  const terms = [...query.matchAll(/"([^"]+)"|([^\s"]+)/g)].map((match) => fold(match[1] ?? match[2] ?? "").trim())
  return [...new Set(terms.filter((term) => term !== ""))]
}

/** The note's rank and snippet, or undefined when no term occurs in it. */
export function rankNote(note: Note, terms: readonly string[]): SearchHit | undefined {
  const text = fold(note.text)
  const name = fold(note.name)
  const title = fold(note.title)
  let score = 0
  let first = Number.POSITIVE_INFINITY
  for (const term of terms) {
    const occurrences = countOccurrences(text, term)
    const weight = occurrences + (name.includes(term) ? nameWeight : 0) + (title.includes(term) ? titleWeight : 0)
    if (weight > 0) score += termWeight + weight
    if (occurrences > 0) first = Math.min(first, text.indexOf(term))
  }
  if (score === 0) return undefined
  // Folding may change lengths in rare scripts; the snippet is then a little off, never out of range.
  const position = Math.min(Number.isFinite(first) ? first : 0, note.text.length)
  const line = note.text.slice(0, position).split("\n").length
  return { name: note.name, title: note.title, snippet: snippetAt(note.text, position), line, score }
}

export function byRank(a: SearchHit, b: SearchHit): number {
  return b.score - a.score || a.name.localeCompare(b.name)
}

function fold(text: string): string {
  return text.toLowerCase()
}

function countOccurrences(text: string, term: string): number {
  let count = 0
  for (let at = text.indexOf(term); at !== -1 && count < countedOccurrences; at = text.indexOf(term, at + term.length))
    count += 1
  return count
}

function snippetAt(text: string, position: number): string {
  const start = Math.max(0, position - snippetLength / 4)
  const end = Math.min(text.length, start + snippetLength)
  const middle = text.slice(start, end).replaceAll(/\s+/g, " ").trim()
  return `${start > 0 ? "…" : ""}${middle}${end < text.length ? "…" : ""}`
}
