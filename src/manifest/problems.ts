/**
 * Checks a tree against the schema and turns each finding of zod into a problem at its place. The union of targets is
 * not left to zod, whose errors list every form: the form is chosen by the keys that were given.
 */
import { z } from "zod"
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { manifestSchema } from "./schema.ts"
import { type Path, type Scope, valueWords } from "./scope.ts"
import { targetForms, targetWords } from "./serverSchema.ts"
import { mapScalars, nodeAt, type Tree, toValue } from "./tree.ts"
import { alternatives, didYouMean, nearest, pathText, quote } from "./words.ts"

interface Finding {
  readonly issue: z.core.$ZodIssue
  readonly path: Path
  /** Keys allowed where an unknown one was found. */
  readonly allowedKeys: readonly string[]
}

/** Reports what the schema refuses. Returns the tree with interpolated numbers and booleans made such. */
export function checkSchema(scope: Scope): Tree {
  const tree = coerce(scope.tree, findingsOf(scope.tree))
  const checked = { ...scope, tree }
  for (const finding of findingsOf(tree)) report(finding, checked)
  checkTargets(checked)
  return tree
}

/** Findings outside targets. */
function findingsOf(tree: Tree): Finding[] {
  const issues = manifestSchema.safeParse(toValue(tree)).error?.issues ?? []
  return issues.filter(({ path }) => !isTarget(path)).map((issue) => toFinding(issue, [], manifestSchema))
}

function toFinding(issue: z.core.$ZodIssue, base: Path, schema: z.ZodType): Finding {
  const holder = issue.code === "unrecognized_keys" ? schemaAt(schema, issue.path) : undefined
  const allowedKeys = holder instanceof z.ZodObject ? Object.keys(holder.shape) : []
  return { issue, path: [...base, ...issue.path], allowedKeys }
}

function isTarget(path: Path): boolean {
  return path[0] === "servers" && (path[2] === "import" || path[2] === "mount")
}

function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let node: z.core.$ZodType | undefined = schema
  for (const part of path) {
    node = unwrap(node)
    if (node instanceof z.ZodObject) node = node.shape[String(part)]
    else if (node instanceof z.ZodRecord) node = node.valueType
    else if (node instanceof z.ZodArray) node = node.element
    else return undefined
  }
  return unwrap(node)
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema
}

/** Interpolation yields text; where the schema wants a number or boolean, such text counts as one. */
function coerce(tree: Tree, findings: readonly Finding[]): Tree {
  const wanted = new Map<string, string>()
  for (const { issue, path } of findings) {
    if (issue.code === "invalid_type") wanted.set(pathText(path), issue.expected)
  }
  if (wanted.size === 0) return tree
  return mapScalars(tree, (scalar, path) => {
    if (!scalar.interpolated || typeof scalar.value !== "string") return scalar
    const expected = wanted.get(pathText(path))
    if (expected === "number" && /^-?\d+(\.\d+)?$/.test(scalar.value)) return { ...scalar, value: Number(scalar.value) }
    if (expected === "boolean" && /^(true|false)$/.test(scalar.value))
      return { ...scalar, value: scalar.value === "true" }
    return scalar
  })
}

function report(finding: Finding, scope: Scope): void {
  const { issue, path } = finding
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) reportUnknownKey(key, finding, scope)
    return
  }
  // A key that is not a legal name of a variable or header, found by a record.
  if (issue.code === "invalid_key") {
    const allowed = issue.issues[0]?.message ?? issue.message
    scope.keyProblem("MANIFEST_INVALID_VALUE", path, `${pathText(path)}: the key must be ${allowed}`)
    return
  }
  const given = nodeAt(scope.tree, path)
  if (given === undefined) {
    scope.problem("MANIFEST_MISSING_KEY", path, `${pathText(path)} is missing; it must be ${issue.message}`)
    return
  }
  if (issue.code === "invalid_value") {
    const near = given.kind === "scalar" && typeof given.value === "string" && !given.interpolated ? given.value : ""
    const words = issue.values.filter((value) => typeof value === "string")
    const message = `${pathText(path)} must be ${alternatives(issue.values)}, given ${valueWords(given, path)}.${didYouMean(near, words)}`
    scope.problem("MANIFEST_INVALID_VALUE", path, message.replace(/\.$/, ""))
    return
  }
  const help = issue.code === "invalid_type" && issue.expected === "string" ? helpFor(given, issue.message) : undefined
  scope.problem(
    "MANIFEST_INVALID_VALUE",
    path,
    `${pathText(path)} must be ${issue.message}, given ${valueWords(given, path)}`,
    help,
  )
}

/** Help for what YAML read as a number or boolean where text is wanted. */
function helpFor(given: Tree, allowed: string): string | undefined {
  if (given.kind !== "scalar" || given.value === null) return undefined
  if (!allowed.startsWith("a duration")) return "If it is meant as text, put it in quotes."
  return typeof given.value === "number" ? `Add a unit, such as ${given.source}s.` : undefined
}

function reportUnknownKey(key: string, { path, allowedKeys }: Finding, scope: Scope): void {
  const at = [...path, key]
  const where = path.length === 0 ? "at the top of the manifest" : `in ${pathText(path)}`
  const isServer = path.length === 2 && path[0] === "servers"
  const inTarget = isServer && Object.values(targetForms).some((form) => Object.hasOwn(form.shape, key))
  const hint = inTarget ? " It belongs inside mount or import." : didYouMean(key, allowedKeys)
  const message = `unknown key ${quote(key)} ${where}.${hint} Allowed: ${allowedKeys.join(", ")}`
  scope.keyProblem("MANIFEST_UNKNOWN_KEY", at, message)
}

function checkTargets(scope: Scope): void {
  const value = toValue(scope.tree)
  const servers = isJsonObject(value) && isJsonObject(value["servers"]) ? value["servers"] : {}
  for (const [key, server] of Object.entries(servers)) {
    if (!isJsonObject(server)) continue
    for (const mode of ["import", "mount"]) {
      if (Object.hasOwn(server, mode)) checkTarget(server[mode] as JsonValue, ["servers", key, mode], scope)
    }
  }
}

function checkTarget(value: JsonValue, path: Path, scope: Scope): void {
  const given = nodeAt(scope.tree, path)
  if (!isJsonObject(value)) {
    if (given === undefined || (typeof value === "string" && value !== "")) return
    const message = `${pathText(path)} must be ${targetWords}, given ${valueWords(given, path)}`
    scope.problem("MANIFEST_INVALID_VALUE", path, message)
    return
  }
  const forms = Object.keys(targetForms) as (keyof typeof targetForms)[]
  const chosen = forms.filter((form) => Object.hasOwn(value, form))
  const [form, other] = chosen
  if (form === undefined) {
    reportNoForm(value, path, scope)
  } else if (other !== undefined) {
    const message = `${pathText(path)} has ${chosen.join(" and ")}; only one of command, url, package and manifest is allowed`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, other], message, "Keep one of them.")
  } else {
    const schema = targetForms[form]
    for (const issue of schema.safeParse(value).error?.issues ?? []) report(toFinding(issue, path, schema), scope)
  }
}

/** None of the keys that say which form it is: one of them may be misspelt. */
function reportNoForm(value: JsonObject, path: Path, scope: Scope): void {
  const forms = Object.keys(targetForms)
  const misspelt = Object.keys(value).find((key) => nearest(key, forms) !== undefined)
  if (misspelt === undefined) {
    scope.keyProblem("MANIFEST_MISSING_KEY", path, `${pathText(path)} needs one of the keys ${forms.join(", ")}`)
    return
  }
  const words = `unknown key ${quote(misspelt)} in ${pathText(path)}.${didYouMean(misspelt, forms)}`
  const message = `${words} It needs one of the keys ${forms.join(", ")}`
  scope.keyProblem("MANIFEST_UNKNOWN_KEY", [...path, misspelt], message)
}
