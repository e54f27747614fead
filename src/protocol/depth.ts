/** How deep JSON nests, found out before anything is parsed: `JSON.parse` takes any depth, `JSON.stringify` does not. */

/** Deepest nesting of a message. */
export const maxDepth = 128

/** True when more than `maxDepth` brackets are open at once, outside of strings. */
export function nestsTooDeep(text: string): boolean {
  return hasBrackets(text, maxDepth) && countsTooDeep(text)
}

/** The same for a value that somebody else has parsed. */
export function isTooDeep(value: unknown, levels = maxDepth): boolean {
  if (typeof value !== "object" || value === null) return false
  if (levels === 0) return true
  if (Array.isArray(value)) return value.some((item) => isTooDeep(item, levels - 1))
  // Bytes hold no objects, however many there are.
  if (ArrayBuffer.isView(value)) return false
  for (const key in value) if (isTooDeep((value as Record<string, unknown>)[key], levels - 1)) return true
  return false
}

/** True when a text has more than so many brackets. Hardly any has, and native searches alone tell so. */
export function hasBrackets(text: string, count: number): boolean {
  if (text.length <= count) return false
  let left = count
  for (const bracket of "{[") {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      left -= 1
      if (left < 0) return true
    }
  }
  return false
}

function countsTooDeep(text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 34) {
      at = endOfString(text, at)
    } else if (code === 123 || code === 91) {
      depth += 1
      if (depth > maxDepth) return true
    } else if (code === 125 || code === 93) depth -= 1
  }
  return false
}

/** Index of the quote that ends the string which starts at `start`; the length of the text when none does. */
export function endOfString(text: string, start: number): number {
  let at = start
  for (;;) {
    at = text.indexOf('"', at + 1)
    if (at === -1) return text.length
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes += 1
    if (slashes % 2 === 0) return at
  }
}
