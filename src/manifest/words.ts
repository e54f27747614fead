/** How messages write keys, values and suggestions. */
import { closest, distance } from "fastest-levenshtein"

const longestShown = 80

/** A text in quotes: shortened, and without characters that would change what a terminal shows. */
export function quote(text: string): string {
  const short = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
  return JSON.stringify(short).replace(/[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escapeCharacter)
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
}

/** `"a", "b" or "c"`. */
export function alternatives(values: readonly unknown[]): string {
  const quoted = values.map((value) => (typeof value === "string" ? quote(value) : String(value)))
  const last = quoted.pop() ?? ""
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`
}

/** The allowed word that was probably meant, when one is near enough. */
export function nearest(given: string, allowed: readonly string[]): string | undefined {
  if (allowed.length === 0 || given.length > longestShown) return undefined
  const lower = given.toLowerCase()
  const byLower = new Map(allowed.map((word) => [word.toLowerCase(), word]))
  const near = closest(lower, [...byLower.keys()])
  const most = Math.max(1, Math.floor(Math.max(lower.length, near.length) / 3))
  // Swapped letters count as two changes, but are the most common slip.
  const isNear = distance(lower, near) <= most || (sorted(lower) === sorted(near) && distance(lower, near) === 2)
  return isNear ? byLower.get(near) : undefined
}

function sorted(text: string): string {
  return [...text].sort().join("")
}

/** ` Did you mean "x"?`, or nothing. */
export function didYouMean(given: string, allowed: readonly string[]): string {
  const near = nearest(given, allowed)
  return near === undefined ? "" : ` Did you mean ${quote(near)}?`
}

/** `servers.notes.tags.include[0]`; empty for the whole file. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = ""
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`
    else if (/^[\w-]{1,80}$/.test(String(part))) text += text === "" ? String(part) : `.${String(part)}`
    else text += `[${quote(String(part))}]`
  }
  return text
}
