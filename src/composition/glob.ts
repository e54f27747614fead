import { isMatch } from "matcher"

/**
 * Whether any pattern matches the whole value. `*` stands for any characters, a backslash makes the next character
 * literal, case counts, and nothing else is special.
 */
export function matchesAny(value: string, patterns: readonly string[]): boolean {
  if (patterns.length === 0) return false
  return isMatch(value, patterns.map(withoutNegation), { caseSensitive: true })
}

/** `matcher` reads a leading `!` as "not"; here names and URIs may begin with one. */
function withoutNegation(pattern: string): string {
  return pattern.startsWith("!") ? `\\${pattern}` : pattern
}
