/**
 * Decides whether a URI could have been made by a URI template (RFC 6570, all four levels). It extracts no values and
 * expands nothing. Templates come from servers that nobody trusts, so there is no backtracking: the set of positions
 * reached so far moves forward once per part of the template. When in doubt a URI matches.
 */

export interface CompiledTemplate {
  /** The literal text before the first expression. */
  readonly head: string
  /** Whether the template could have made this URI. */
  matches(uri: string): boolean
}

/** Bounds the work per URI: nobody writes such a template in good faith. */
const maximumParts = 100

/** Compiles a template; one that is malformed, or longer than any in good faith, matches its own text only. */
export function compileTemplate(template: string): CompiledTemplate {
  const parts = parseTemplate(template)
  const broken = parts.length > maximumParts || parts.some((part) => part.kind === "malformed")
  if (broken) return { head: template, matches: (uri) => uri === template }
  const head = parts[0]?.kind === "literal" ? parts[0].text : ""
  return { head, matches: (uri) => matchesParts(uri, parts) }
}

interface Literal {
  readonly kind: "literal"
  readonly text: string
  /** The text as an expansion writes it when it holds characters that a URI may not (RFC 6570 section 3.1). */
  readonly encoded: string
}

interface Expression {
  readonly kind: "expression"
  /** One of these precedes the values unless no variable is defined; "" when nothing does. */
  readonly leads: string
  /** Characters that no value of this expression holds. */
  readonly stops: string
}

type Part = Literal | Expression | { readonly kind: "malformed" }

const malformed: Part = { kind: "malformed" }

function parseTemplate(template: string): readonly Part[] {
  const parts: Part[] = []
  let at = 0
  while (at < template.length) {
    const open = template.indexOf("{", at)
    const text = template.slice(at, open === -1 ? template.length : open)
    if (text.includes("}")) return [malformed]
    if (text !== "") parts.push({ kind: "literal", text, encoded: encodeLiteral(text) })
    if (open === -1) break
    const close = template.indexOf("}", open)
    if (close === -1) return [malformed]
    addExpression(parts, parseExpression(template.slice(open + 1, close)))
    at = close + 1
  }
  return parts
}

/** Adjacent expressions without leads and with the same stops match what one of them matches. */
function addExpression(parts: Part[], part: Part): void {
  const last = parts.at(-1)
  const same = part.kind === "expression" && last?.kind === "expression" && last.stops === part.stops
  if (!same || last.leads !== "" || part.leads !== "") parts.push(part)
}

const variablePattern = /^[^{},:*\s]+(?::[0-9]{1,4}|\*)?$/
const simpleStops = "/?#"

/** RFC 6570 section 3.2; values may hold more than the section allows, because not every client encodes them. */
function parseExpression(expression: string): Part {
  const operator = "+#./;?&=,!@|".includes(expression.charAt(0)) ? expression.charAt(0) : ""
  const variables = expression.slice(operator.length).split(",")
  if (!variables.every((variable) => variablePattern.test(variable.trim()))) return malformed
  const many = variables.length > 1 || expression.endsWith("*")
  switch (operator) {
    case "":
      // Some servers read an exploded variable as "any number of segments".
      return { kind: "expression", leads: "", stops: expression.includes("*") ? "" : simpleStops }
    case "+":
      return { kind: "expression", leads: "", stops: "" }
    case "#":
      return { kind: "expression", leads: "#", stops: "" }
    case ".":
    case ";":
      return { kind: "expression", leads: operator, stops: simpleStops }
    case "/":
      return { kind: "expression", leads: "/", stops: many ? "?#" : simpleStops }
    case "?":
    case "&":
      // Parameters come in any order, and a second `{?x}` continues the query.
      return { kind: "expression", leads: operator === "?" ? "?&" : "&", stops: "#" }
    default:
      // Operators reserved for the future (section 2.2).
      return malformed
  }
}

function encodeLiteral(text: string): string {
  try {
    // `encodeURI` also encodes the percent signs of triplets and brackets; both pass through in templates.
    return encodeURI(text).replaceAll("%25", "%").replaceAll("%5B", "[").replaceAll("%5D", "]")
  } catch {
    // A lone surrogate has no encoding.
    return text
  }
}

/** `reached[i]` is 1 when the parts so far can have made the first `i` characters. */
type Positions = Uint8Array

function matchesParts(uri: string, parts: readonly Part[]): boolean {
  const first = parts[0]
  if (first === undefined) return uri === ""
  if (first.kind === "literal" && !uri.startsWith(first.text) && !uri.startsWith(first.encoded)) return false
  let reached: Positions = new Uint8Array(uri.length + 1)
  reached[0] = 1
  for (const part of parts) {
    if (part.kind === "malformed") return false
    const next = part.kind === "literal" ? afterLiteral(uri, reached, part) : afterExpression(uri, reached, part)
    if (next === undefined) return false
    reached = next
  }
  return reached[uri.length] === 1
}

function afterLiteral(uri: string, reached: Positions, literal: Literal): Positions | undefined {
  const next = new Uint8Array(reached.length)
  const texts = literal.text === literal.encoded ? [literal.text] : [literal.text, literal.encoded]
  let some = false
  for (const text of texts) {
    for (let found = uri.indexOf(text, reached.indexOf(1)); found !== -1; found = uri.indexOf(text, found + 1)) {
      if (reached[found] !== 1) continue
      next[found + text.length] = 1
      some = true
    }
  }
  return some ? next : undefined
}

function afterExpression(uri: string, reached: Positions, { leads, stops }: Expression): Positions {
  // Every variable may be undefined, so whatever was reached stays reached.
  const next = reached.slice()
  if (leads === "" && stops === "") return next.fill(1, reached.indexOf(1))
  let running = false
  for (let at = Math.max(0, reached.indexOf(1)); at < uri.length; at++) {
    const starts = reached[at] === 1 && (leads === "" || leads.includes(uri.charAt(at)))
    if (leads === "") running = (running || starts) && !stops.includes(uri.charAt(at))
    else running = starts || (running && !stops.includes(uri.charAt(at)))
    if (running) next[at + 1] = 1
  }
  return next
}
