/**
 * Replaces `${VAR}`, `${VAR:-default}` and `${file:path}` in the string values of a parsed manifest. After parsing, so
 * that a value can never become YAML; and once, so that a value is never itself interpolated.
 */
import type { HostErrorCode } from "../errors.ts"
import type { Report } from "./report.ts"
import { mapScalars, type ScalarTree, type Tree } from "./tree.ts"
import { quote } from "./words.ts"

/** Where the values come from. */
export interface Values {
  /** A variable's value; undefined when it is not set. */
  variable(name: string): string | undefined
  /** The text of a file, without its last line break, or the reason there is none. */
  file(path: string): { readonly text: string } | { readonly reason: string }
}

interface Expansion {
  readonly text: string
  /** Values that came from variables and files. */
  readonly values: readonly string[]
  readonly problems: readonly ExpansionProblem[]
}

interface ExpansionProblem {
  readonly code: HostErrorCode
  /** Index of the `${` in the text. */
  readonly at: number
  readonly message: string
}

type Part = string | VariablePart | FilePart

interface VariablePart {
  readonly kind: "variable"
  readonly at: number
  readonly name: string
  readonly fallback: readonly Part[] | undefined
}

interface FilePart {
  readonly kind: "file"
  readonly at: number
  readonly path: readonly Part[]
}

/** Characters that all references of a manifest may become. */
const mostFilled = 4 * 1024 * 1024

/** Problems told of one value; placing each costs as much as the value is long. */
const mostProblems = 50

export interface Interpolated {
  readonly tree: Tree
  /** Each value that came from outside, with the path where it was used. */
  readonly used: readonly { readonly value: string; readonly path: readonly PropertyKey[] }[]
  /** Paths of values that could not be filled in, reported already. */
  readonly failed: readonly (readonly PropertyKey[])[]
}

/** The tree with its values filled in. */
export function interpolateTree(tree: Tree, values: Values, report: Report): Interpolated {
  const used: { value: string; path: readonly PropertyKey[] }[] = []
  const failed: (readonly PropertyKey[])[] = []
  const budget = { left: mostFilled }
  const filled = mapScalars(tree, (scalar, path) => {
    if (scalar.failed) failed.push(path)
    if (typeof scalar.value !== "string" || !scalar.value.includes("${")) return scalar
    const expansion = expand(scalar.value, values, budget)
    for (const problem of expansion.problems.slice(0, mostProblems)) {
      report.add(problem.code, placeIn(scalar, scalar.value, problem.at), problem.message)
    }
    if (expansion.problems.length > 0) failed.push(path)
    for (const value of expansion.values) used.push({ value, path })
    return { ...scalar, value: expansion.text, interpolated: true }
  })
  return { tree: filled, used, failed }
}

/** The offset of the `${` with this index in the value: the n-th of the value is the n-th of what is written. */
function placeIn(scalar: ScalarTree, value: string, at: number): number {
  let count = value.slice(0, at).split("${").length
  let found = -1
  do {
    found = scalar.source.indexOf("${", found + 1)
    count -= 1
  } while (count > 0 && found !== -1)
  return scalar.span.start + Math.max(0, found)
}

/** Bounds what references become, together: a short text can refer to a large file very often. */
interface Budget {
  left: number
}

export function expand(text: string, values: Values, budget: Budget = { left: mostFilled }): Expansion {
  const collected: string[] = []
  const problems: ExpansionProblem[] = []
  try {
    const { parts } = parseParts(text, 0, 0)
    return { text: fill(parts, { values, collected, problems, budget }), values: collected, problems }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    const { at, message } = error
    return { text, values: collected, problems: [{ code: "MANIFEST_INVALID_VALUE", at, message }] }
  }
}

class Malformed extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

const allowedForms = "${VAR}, ${VAR:-default} or ${file:path}; write $${ for a literal ${"
const deepestDefault = 8

/** Reads until the end, or inside a reference until its `}`. */
function parseParts(text: string, start: number, depth: number): { parts: Part[]; end: number } {
  const parts: Part[] = []
  let at = start
  let literal = start
  const flush = () => {
    if (at > literal) parts.push(text.slice(literal, at))
  }
  while (at < text.length) {
    if (text.startsWith("$${", at)) {
      flush()
      parts.push("${")
      at += 3
      literal = at
    } else if (text.startsWith("${", at)) {
      flush()
      const reference = parseReference(text, at, depth + 1)
      parts.push(reference.part)
      at = reference.end
      literal = at
    } else if (depth > 0 && text[at] === "}") break
    else at += 1
  }
  flush()
  return { parts, end: at }
}

function parseReference(text: string, at: number, depth: number): { part: Part; end: number } {
  if (depth > deepestDefault) throw new Malformed(at, `\${ nests deeper than ${deepestDefault} levels`)
  const head = /\$\{(?:(file:)|([A-Za-z_][A-Za-z0-9_]*)(:-)?)/y
  head.lastIndex = at
  const match = head.exec(text)
  if (match === null) throw malformed(text, at)
  const [all, file, name, dash] = match
  const inside = at + all.length
  const body = file === undefined && dash === undefined ? { parts: [], end: inside } : parseParts(text, inside, depth)
  if (text[body.end] !== "}") throw malformed(text, at)
  const end = body.end + 1
  if (file === undefined) {
    const fallback = dash === undefined ? undefined : body.parts
    return { part: { kind: "variable", at, name: name ?? "", fallback }, end }
  }
  if (body.parts.length === 0) throw malformed(text, at)
  return { part: { kind: "file", at, path: body.parts }, end }
}

function malformed(text: string, at: number): Malformed {
  const close = text.indexOf("}", at)
  const given = text.slice(at, close === -1 ? undefined : close + 1)
  const what = close === -1 ? `${quote(given)} has no closing }` : `${quote(given)} is not a reference`
  return new Malformed(at, `${what}; allowed: ${allowedForms}`)
}

interface Filling {
  readonly values: Values
  readonly collected: string[]
  readonly problems: ExpansionProblem[]
  readonly budget: Budget
}

function fill(parts: readonly Part[], filling: Filling): string {
  return parts.map((part) => (typeof part === "string" ? part : fillPart(part, filling))).join("")
}

function fillPart(part: VariablePart | FilePart, filling: Filling): string {
  const { values, problems } = filling
  if (part.kind === "file") {
    const result = values.file(fill(part.path, filling))
    if ("text" in result) return use(result.text, part.at, filling)
    const message = `the file of \${file:${rawText(part.path)}} ${result.reason}`
    problems.push({ code: "MANIFEST_MISSING_VARIABLE", at: part.at, message })
    return ""
  }
  const value = values.variable(part.name)
  // As in a shell, `:-` stands in for an empty variable too.
  if (part.fallback !== undefined && (value === undefined || value === "")) return fill(part.fallback, filling)
  if (value === undefined) {
    const message = `\${${part.name}} names a variable that is neither in the environment nor in .env`
    problems.push({ code: "MANIFEST_MISSING_VARIABLE", at: part.at, message })
    return ""
  }
  return use(value, part.at, filling)
}

function use(value: string, at: number, { collected, problems, budget }: Filling): string {
  const fits = value.length <= budget.left
  if (!fits && budget.left >= 0) {
    const message = `the values filled in add up to more than ${mostFilled / 1024 / 1024} MiB`
    problems.push({ code: "MANIFEST_TOO_LARGE", at, message })
  }
  // Below zero: told already.
  budget.left = fits ? budget.left - value.length : -1
  if (!fits) return ""
  collected.push(value)
  return value
}

/** The parts as written, for messages. */
function rawText(parts: readonly Part[]): string {
  return parts
    .map((part) => (typeof part === "string" ? part : part.kind === "file" ? "${file:…}" : `\${${part.name}}`))
    .join("")
}
