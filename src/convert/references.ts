/** Finds the references in a client's texts, in the notation of that client, and writes them as the manifest does. */
import path from "node:path"
import type { JsonObject } from "../protocol/json.ts"
import { escapeText, isName, toVariableName } from "./names.ts"
import { isSecretValue } from "./secrets.ts"
import type { Dialect } from "./types.ts"
import type { Variables } from "./variables.ts"

/** A text of a client, cut into what stands for itself and what refers to something. */
export type Segment = { readonly literal: string } | { readonly reference: string; readonly source: string }

export function segmentsOf(text: string, { references }: Dialect): Segment[] {
  if (references === "none") return [{ literal: text }]
  const segments: Segment[] = []
  let literal = 0
  for (let at = 0; at < text.length; ) {
    const found = referenceAt(text, at, references)
    if (found === undefined) {
      at += 1
      continue
    }
    if (at > literal) segments.push({ literal: text.slice(literal, at) })
    segments.push(found)
    at += found.source.length
    literal = at
  }
  if (literal < text.length || segments.length === 0) segments.push({ literal: text.slice(literal) })
  return segments
}

type Reference = Extract<Segment, { reference: string }>

function referenceAt(text: string, at: number, notation: Dialect["references"]): Reference | undefined {
  if (text.startsWith("${", at)) return braced(text, at)
  if (notation === "gemini" && text[at] === "$") {
    const name = /^\$([A-Za-z_]\w*)/.exec(text.slice(at, at + 200))
    if (name !== null) return { reference: name[1] ?? "", source: name[0] }
  }
  if (notation === "opencode" && text[at] === "{") {
    const found = /^\{((?:env|file):[^{}]+)\}/.exec(text.slice(at, at + 1000))
    if (found !== null) return { reference: found[1] ?? "", source: found[0] }
  }
  return undefined
}

/** `${…}` up to its own brace: a default may hold another reference. */
function braced(text: string, at: number): Reference | undefined {
  let depth = 0
  for (let end = at; end < text.length; end += 1) {
    if (text.startsWith("${", end)) depth += 1
    else if (text[end] === "}") depth -= 1
    if (depth === 0) return { reference: text.slice(at + 2, end), source: text.slice(at, end + 1) }
  }
  return undefined
}

export interface ReferenceScope {
  readonly dialect: Dialect
  readonly variables: Variables
  readonly from: string
  note(text: string): void
}

/** The levels of defaults in defaults that the manifest knows. */
const deepest = 8

/** A reference as the manifest writes it. What the manifest has nothing for stays as it is, and is noted. */
export function toReference({ reference, source }: Reference, scope: ReferenceScope, depth = 1): string {
  const { dialect, from } = scope
  const [, kind = "", rest = ""] = /^([A-Za-z]+):(?!-)(.+)$/s.exec(reference) ?? []
  if (kind === "input") return toInput(rest, scope)
  if (kind === "env" && isName(rest)) return variable(rest, scope)
  if (kind === "env") return toReference({ reference: rest, source }, scope, depth)
  if (kind === "file" && depth < deepest) return `\${file:${inside(rest.replace(/^~(?=\/)/, "${HOME}"), scope, depth)}}`
  if (kind === "config" || kind === "command") {
    scope.note(`\${${reference}} of the editor became the variable ${toVariableName(rest)}`)
    return variable(toVariableName(rest), scope)
  }
  const place = toPlace(reference, dialect)
  if (place !== undefined) return place
  const [, name = "", fallback] = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(reference) ?? []
  if (name !== "" && fallback === undefined) return variable(name, scope)
  if (name !== "" && fallback !== undefined && depth < deepest) {
    if (isSecretValue(fallback)) {
      scope.note(`the default of \${${name}} looks like a secret and was left out`)
      return variable(name, scope)
    }
    return `\${${name}:-${inside(fallback, scope, depth)}}`
  }
  scope.note(`${from}: a reference of a form that mcp-host does not have was kept as plain text`)
  return escapeText(source)
}

/** The text within a reference. */
function inside(text: string, scope: ReferenceScope, depth: number): string {
  const parts = segmentsOf(text, scope.dialect)
  return parts
    .map((each) => ("literal" in each ? escapeText(each.literal) : toReference(each, scope, depth + 1)))
    .join("")
}

function variable(name: string, { variables, from }: ReferenceScope, description?: string): string {
  variables.refer(name, from, description)
  return `\${${name}}`
}

function toInput(id: string, scope: ReferenceScope): string {
  const input: JsonObject = scope.dialect.inputs.get(id) ?? {}
  const { description, default: fallback, password } = input
  const name = toVariableName(id)
  if (
    typeof fallback === "string" &&
    fallback !== "" &&
    password !== true &&
    !isSecretValue(fallback) &&
    !/[{}]/.test(fallback)
  )
    return `\${${name}:-${fallback}}`
  return variable(name, scope, typeof description === "string" ? description : undefined)
}

/** Folders and signs that editors know. */
function toPlace(reference: string, { workspace }: Dialect): string | undefined {
  const [name] = reference.split(":")
  if (name === "userHome") return process.platform === "win32" ? "${USERPROFILE}" : "${HOME}"
  if (reference === "pathSeparator" || reference === "/") return path.sep
  if (name === "workspaceFolder" || name === "workspaceRoot" || reference === "cwd") {
    const folder = workspace ?? "."
    return /[${}]/.test(folder) ? escapeText(folder) : `\${WORKSPACE_FOLDER:-${folder}}`
  }
  if (name === "workspaceFolderBasename" && workspace !== undefined) return escapeText(path.basename(workspace))
  return undefined
}
