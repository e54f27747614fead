/**
 * Looks through YAML text before it is parsed, for what the parser does not survive or takes too long for: it recurses
 * per level of nesting (and can abort the process, not merely throw), and is slow on many tokens. The lexer of the same
 * library is a loop and linear, so it tells brackets from text without our knowing quotes, comments and block scalars.
 */
import { Lexer } from "yaml"

/** Levels of mappings and lists the manifest may have. */
export const deepest = 64

/** Tokens of the lexer: several per line of an ordinary file. */
const mostTokens = 100_000

export interface ScanProblem {
  readonly offset: number
  readonly message: string
}

export interface ScanLimits {
  readonly deepest: number
  readonly mostTokens: number
  /** What the text is, for messages. */
  readonly what: string
}

const manifestLimits: ScanLimits = { deepest, mostTokens, what: "the manifest" }

/** The first reason not to parse the text, or undefined. */
export function scan(text: string, limits: ScanLimits = manifestLimits): ScanProblem | undefined {
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(text)
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")
    return { offset: control.index, message: `${limits.what} must be text, found the control character U+${code}` }
  }
  let offset = 0
  let tokens = 0
  const depth = createDepth(limits.deepest)
  for (const token of new Lexer().lex(text)) {
    tokens += 1
    if (tokens > limits.mostTokens)
      return { offset, message: `${limits.what} has more than ${limits.mostTokens} YAML tokens` }
    if (depth.isTooDeepAfter(token)) return { offset, message: tooDeepWords(limits) }
    if (!isSign(token)) offset += token.length
  }
  return undefined
}

export const tooDeep = tooDeepWords(manifestLimits)

function tooDeepWords({ what, deepest }: ScanLimits): string {
  return `${what} nests deeper than ${deepest} levels`
}

/** Counts open flow collections, and block collections by the columns they start in. */
function createDepth(most: number) {
  /** Columns of block collections that are open, outermost first. */
  let columns: number[] = []
  let flow = 0
  let column = 0
  let lineBegins = true
  let scalarFollows = false
  const open = () => {
    if (flow > 0) return
    if (lineBegins) columns = columns.filter((start) => start < column)
    columns.push(column)
    lineBegins = false
  }
  const advance = (token: string) => {
    const newline = token.lastIndexOf("\n")
    column = newline === -1 ? column + token.length : token.length - newline - 1
    if (newline !== -1) lineBegins = true
  }
  return {
    isTooDeepAfter(token: string): boolean {
      const first = token[0] ?? ""
      if (first === scalarSign) {
        scalarFollows = true
        return false
      }
      if (scalarFollows || first === '"' || first === "'") {
        if (lineBegins) open()
        scalarFollows = false
      } else if (first === "[" || first === "{") flow += 1
      else if (first === "]" || first === "}") flow = Math.max(0, flow - 1)
      else if (first === flowErrorSign) flow = 0
      else if (token === "-" || token === "?" || token === ":") open()
      else if (lineBegins && !" \t#\r\n".includes(first) && !isSign(token)) open()
      if (!isSign(token)) advance(token)
      // A mapping may count twice here, since this only protects the parser; the exact limit is checked on the parsed tree.
      return flow > most || columns.length > most * 2
    },
  }
}

/** The lexer marks what follows or happened with these; they are not text of the file, which may not hold them. */
const documentSign = "\x02"
const flowErrorSign = "\x18"
const scalarSign = "\x1f"

function isSign(token: string): boolean {
  return token === documentSign || token === flowErrorSign || token === scalarSign
}
