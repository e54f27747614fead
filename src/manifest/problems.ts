/**
 * Checks a tree against the schema and turns each finding of zod into a problem at its place. The union of targets is
 * not left to zod, whose errors list every form: the form is chosen by the keys that were given.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { issuesOf } from "./fields.ts"
import { type Finding, report, toFinding } from "./findings.ts"
import { checkMiddlewareItems, isMiddlewareItem, middlewareFindings } from "./middleware/problems.ts"
import { manifestSchema } from "./schema.ts"
import { type Path, type Scope, valueWords } from "./scope.ts"
import { targetForms, targetWords } from "./targetSchema.ts"
import { mapScalars, nodeAt, type Tree, toValue } from "./tree.ts"
import { didYouMean, nearest, pathText, quote } from "./words.ts"

/** Reports what the schema refuses. Returns the tree with interpolated numbers and booleans made such. */
export function checkSchema(scope: Scope): Tree {
  const first = findingsOf(scope.tree)
  const tree = coerce(scope.tree, first)
  const checked = { ...scope, tree }
  for (const finding of tree === scope.tree ? first : findingsOf(tree)) report(finding, checked)
  checkTargets(checked)
  checkMiddlewareItems(checked)
  return tree
}

/** Findings outside targets; of middleware, those in options. */
function findingsOf(tree: Tree): Finding[] {
  const issues = issuesOf(manifestSchema, toValue(tree))
  const own = issues.filter(({ path }) => !isTarget(path) && !isMiddlewareItem(path))
  return [...own.map((issue) => toFinding(issue, [], manifestSchema)), ...middlewareFindings(tree)]
}

function isTarget(path: Path): boolean {
  return path[0] === "servers" && (path[2] === "import" || path[2] === "mount")
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
    for (const issue of issuesOf(schema, value)) report(toFinding(issue, path, schema), scope)
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
