/** Findings of zod as problems at their places, in the manifest's own words. */

import * as z from "zod/mini"
import { type Path, type Scope, valueWords } from "./scope.ts"
import { targetForms } from "./targetSchema.ts"
import { nodeAt, type Tree } from "./tree.ts"
import { alternatives, didYouMean, pathText, quote } from "./words.ts"

export interface Finding {
  readonly issue: z.core.$ZodIssue
  readonly path: Path
  /** Keys allowed where an unknown one was found. */
  readonly allowedKeys: readonly string[]
}

export function toFinding(issue: z.core.$ZodIssue, base: Path, schema: z.ZodMiniType): Finding {
  const holder = issue.code === "unrecognized_keys" ? schemaAt(schema, issue.path) : undefined
  const allowedKeys = holder instanceof z.ZodMiniObject ? Object.keys(holder.shape) : []
  return { issue, path: [...base, ...issue.path], allowedKeys }
}

export function report(finding: Finding, scope: Scope): void {
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

function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let node: z.core.$ZodType | undefined = schema
  for (const part of path) {
    node = unwrap(node)
    if (node instanceof z.ZodMiniObject) node = node.shape[String(part)]
    else if (node instanceof z.ZodMiniRecord) node = node.def.valueType
    else if (node instanceof z.ZodMiniArray) node = node.def.element
    else return undefined
  }
  return unwrap(node)
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  return schema instanceof z.ZodMiniOptional ? schema.def.innerType : schema
}
