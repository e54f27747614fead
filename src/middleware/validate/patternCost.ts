/**
 * How badly a regular expression can backtrack, judged by its form. JSON Schema comes from servers, and the engine of
 * JavaScript takes exponential time for some expressions: only those known to be harmless are ever run.
 */

/**
 * The number of characters up to which an expression is run takes at most about `mostSteps` steps; undefined: it is never
 * run, because it may take exponential time or is not understood.
 */
export function longestFor(pattern: string, mostSteps: number): number | undefined {
  const parsed = pattern.length > longestPattern || !isExpression(pattern) ? undefined : parse(pattern)
  const degree = parsed === undefined ? undefined : degreeOf(parsed, [])
  if (parsed === undefined || degree === undefined || degree > highestDegree) return undefined
  // One that may begin anywhere is tried at every character.
  const isAnchored = parsed.every(([first]) => first?.kind === "start")
  return Math.floor(mostSteps ** (1 / (1 + degree + (isAnchored ? 0 : 1))))
}

function isExpression(pattern: string): boolean {
  try {
    new RegExp(pattern, "u")
    return true
  } catch {
    return false
  }
}

/** Longer expressions are not looked at, in characters. */
const longestPattern = 1_000
/** Beyond it, texts would have to be so short that running it is of no use. */
const highestDegree = 5

interface Piece {
  readonly kind: "start" | "edge" | "one" | "group"
  /** Of `one`: what matches one character. */
  readonly matches?: (character: string) => boolean
  /** Of `one` that is a single character: which. */
  readonly literal?: string | undefined
  /** Of `group`. */
  readonly branches?: readonly (readonly Piece[])[]
  readonly least: number
  readonly most: number
}

type Branches = readonly (readonly Piece[])[]

const quantifier = /(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/y
const single =
  /\[\^?(?:\\u\{[0-9a-fA-F]+\}|\\[pP]\{[^}]*\}|\\.|[^\]\\])*\]|\\u\{[0-9a-fA-F]+\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[pP]\{[^}]*\}|\\[^1-9bBkpPuxc]|[^\\()[\]{}*+?|^$]/uy

/** Undefined for what is not understood: references back, looking ahead or behind, anything malformed. */
function parse(pattern: string): Branches | undefined {
  let at = 0
  const take = (expression: RegExp): RegExpExecArray | undefined => {
    expression.lastIndex = at
    const found = expression.exec(pattern)
    if (found !== null) at += found[0].length
    return found ?? undefined
  }
  const branches = (depth: number): Branches | undefined => {
    const all: Piece[][] = [[]]
    while (at < pattern.length && pattern[at] !== ")") {
      if (pattern[at] === "|") {
        at += 1
        all.push([])
        continue
      }
      const next = piece(depth)
      if (next === undefined) return undefined
      all.at(-1)?.push(next)
    }
    return all
  }
  const piece = (depth: number): Piece | undefined => {
    if (take(/\^/y)) return { kind: "start", least: 1, most: 1 }
    if (take(/\$|\\[bB]/y)) return { kind: "edge", least: 1, most: 1 }
    if (take(/\((?:\?:|\?<[A-Za-z_]\w*>|(?!\?))/y)) {
      const inner = depth > deepest ? undefined : branches(depth + 1)
      return inner === undefined || take(/\)/y) === undefined ? undefined : counted({ kind: "group", branches: inner })
    }
    const text = take(single)?.[0]
    return text === undefined ? undefined : counted({ kind: "one", ...one(text) })
  }
  const counted = (found: Omit<Piece, "least" | "most">): Piece | undefined => {
    const times = take(quantifier)
    if (times === undefined) return { ...found, least: 1, most: 1 }
    const [sign = "", exact, comma, upper] = times
    const least = exact === undefined ? Number(sign.startsWith("+")) : Number(exact)
    const unbounded = exact === undefined ? !sign.startsWith("?") : comma === "," && upper === ""
    const limit = exact === undefined ? 1 : comma === "," ? Number(upper) : least
    return { ...found, least, most: unbounded ? Number.POSITIVE_INFINITY : limit }
  }
  const found = branches(0)
  return at === pattern.length ? found : undefined
}

/** Groups in groups. */
const deepest = 10

function one(text: string): Pick<Piece, "matches" | "literal"> {
  const expression = new RegExp(`^${text}$`, "u")
  const isEscaped = text.length === 2 && text.startsWith("\\") && !/[dDwWsStnrvf0]/.test(text[1] ?? "")
  return {
    matches: (character) => expression.test(character),
    literal: isEscaped ? text[1] : [...text].length === 1 && text !== "." ? text : undefined,
  }
}

/** The power of the length that the time grows with, beyond the first; undefined when no power is enough. */
function degreeOf(branches: Branches, follow: readonly Piece[]): number | undefined {
  let highest = 0
  // With nothing behind it, every branch is tried once.
  const choice = follow.length === 0 || isClear(branches) ? 0 : Math.ceil(Math.log2(branches.length))
  for (const branch of branches) {
    let sum = 0
    for (const [at, piece] of branch.entries()) {
      const own = degreeOfPiece(piece, [...branch.slice(at + 1), ...follow])
      if (own === undefined) return undefined
      sum += own
    }
    highest = Math.max(highest, sum)
  }
  return highest + choice
}

/** `rest` is what comes behind it. */
function degreeOfPiece(piece: Piece, rest: readonly Piece[]): number | undefined {
  const { kind, matches, branches = [], least, most } = piece
  const isFixed = least === most
  if (kind !== "group") return isFixed || (matches !== undefined && endsClearly(matches, rest)) ? 0 : 1
  const inner = degreeOf(branches, most > 1 ? [{ ...piece, least: 0 }, ...rest] : rest)
  if (inner === undefined || most <= 1 || (isFixed && isRigid(branches))) return inner
  const mark = markOf(branches)
  if (mark === undefined) return undefined
  return endsClearly((character) => character === mark, rest) ? inner : inner + 1
}

/** Whether there is one place only where a repetition can end: before a character that it does not begin with. */
function endsClearly(matches: (character: string) => boolean, rest: readonly Piece[]): boolean {
  for (const piece of rest) {
    if (piece.kind === "edge") return true
    const firsts = firstsOf(piece)
    if (firsts.some((first) => first === undefined || matches(first))) return false
    if (piece.least > 0) return true
  }
  // Nothing has to come.
  return true
}

/** The characters that a piece can begin with; undefined among them for more than one can tell. */
function firstsOf({ kind, literal, branches = [] }: Piece): (string | undefined)[] {
  if (kind !== "group") return [literal]
  return beginnings(branches)
}

function beginnings(branches: Branches): (string | undefined)[] {
  return branches.flatMap(([first]) => (first === undefined || first.least === 0 ? [undefined] : firstsOf(first)))
}

/** Whether the first character tells which branch it can be. */
function isClear(branches: Branches): boolean {
  if (branches.length === 1) return true
  const firsts = beginnings(branches)
  return !firsts.includes(undefined) && new Set(firsts).size === firsts.length
}

/** Whether it always matches the same number of characters in one way. */
function isRigid([branch = [], ...others]: Branches): boolean {
  return others.length === 0 && branch.every(({ kind, least, most }) => kind === "one" && least === most)
}

/** The character that every repetition begins with and nothing else in it matches: then there is one way to divide a text. */
function markOf([branch, ...others]: Branches): string | undefined {
  const [first, ...rest] = branch ?? []
  const mark = first?.literal
  if (others.length > 0 || mark === undefined || first?.least !== 1 || first.most !== 1) return undefined
  return rest.some((piece) => canMatch(piece, mark)) ? undefined : mark
}

function canMatch({ kind, matches, branches = [] }: Piece, character: string): boolean {
  if (kind === "group") return branches.some((branch) => branch.some((piece) => canMatch(piece, character)))
  return matches?.(character) ?? false
}
