/** Patterns of a manifest: RE2 runs them, in time in proportion to the text. What RE2 cannot is refused when they are read. */
import { RE2JS, RE2JSException } from "re2js"
import type { Detector } from "./detectors.ts"

/** Why a pattern cannot be used; undefined when it can. */
export function problemOf(pattern: string): string | undefined {
  try {
    return RE2JS.compile(pattern).matcher("").find() ? "it finds empty text, which is everywhere" : undefined
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    const reason = error.message.replace("error parsing regexp: ", "")
    return `${reason} (patterns are RE2's: no look-around, no back-references)`
  }
}

export function createOwnDetector(name: string, pattern: string): Detector {
  const compiled = RE2JS.compile(pattern)
  return {
    name,
    replace(text, replace) {
      const matcher = compiled.matcher(text)
      let done = 0
      let result = ""
      while (matcher.find()) {
        if (matcher.end() === matcher.start()) continue
        result += text.slice(done, matcher.start()) + replace(text.slice(matcher.start(), matcher.end()))
        done = matcher.end()
      }
      return done === 0 ? text : result + text.slice(done)
    },
  }
}
