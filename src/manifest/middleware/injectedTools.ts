/** Rules of `toolInjection` that its schema cannot say: what a tool answers with, names, and arguments in braces. */
import { isJsonObject, type JsonObject, objectAt } from "../../protocol/json.ts"
import { placeholdersIn } from "../../protocol/placeholders.ts"
import type { Path, Scope } from "../scope.ts"
import { readModule } from "../target.ts"
import { nodeAt } from "../tree.ts"
import { didYouMean, pathText, quote } from "../words.ts"

const answers = ["text", "json", "call"] as const

/** Reports what is wrong. Gives the absolute path or npm package of the module, where the options name one. */
export function checkInjectedTools(options: JsonObject, path: Path, scope: Scope): string | undefined {
  const { tools, module, options: given } = options
  const names = new Map<string, Path>()
  for (const [at, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    // The schema has accepted it.
    if (isJsonObject(tool)) checkTool(tool, [...path, "tools", at], { scope, names })
  }
  if (typeof module === "string") return readModule(module, [...path, "module"], scope)
  if (given !== undefined) {
    const message = `${pathText([...path, "options"])} is for a module, and none is named`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, "options"], message, "Name one as module, or remove options.")
  } else if (names.size === 0) {
    const message = `${pathText(path)} adds nothing: it has neither tools nor a module`
    scope.problem("MANIFEST_MISSING_KEY", path, message, "Describe tools under tools, or name a module.")
  }
  return undefined
}

interface Others {
  readonly scope: Scope
  /** The tools before it. */
  readonly names: Map<string, Path>
}

function checkTool(tool: JsonObject, path: Path, { scope, names }: Others): void {
  const where = pathText(path)
  const name = String(tool["name"])
  const first = names.get(name)
  if (first !== undefined) {
    const message = `${where} has the name ${quote(name)}, which ${pathText(first)} has too`
    scope.problem("MANIFEST_INVALID_VALUE", [...path, "name"], message, "Give each tool a name of its own.")
  } else names.set(name, path)
  const [answer, other] = answers.filter((key) => tool[key] !== undefined)
  if (answer === undefined) {
    const message = `${where} needs one of the keys text, json and call`
    scope.problem("MANIFEST_MISSING_KEY", path, message, "Say what the tool answers with.")
  } else if (other !== undefined) {
    const message = `${where} has ${answer} and ${other}; a tool answers with one of them`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, other], message, "Keep one of the two.")
  }
  if (tool["arguments"] !== undefined && tool["call"] === undefined) {
    const message = `${pathText([...path, "arguments"])} is for a tool that calls another`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, "arguments"], message, "Name that tool as call.")
  }
  checkSchemas(tool, path, scope)
  checkPlaceholders(tool, path, scope)
}

/** The protocol allows arguments and structured content to be objects only. */
function checkSchemas(tool: JsonObject, path: Path, scope: Scope): void {
  for (const key of ["inputSchema", "outputSchema"]) {
    const schema = objectAt(tool, key)
    if (schema === undefined || schema["type"] === "object") continue
    const at = nodeAt(scope.tree, [...path, key, "type"]) === undefined ? [...path, key] : [...path, key, "type"]
    const message = `${pathText([...path, key])} must have "type: object"`
    scope.problem("MANIFEST_INVALID_VALUE", at, message, "Describe an object, with its members under properties.")
  }
}

/** What is in braces is an argument that the tool has, where it says which it has. */
function checkPlaceholders(tool: JsonObject, path: Path, scope: Scope): void {
  const schema = objectAt(tool, "inputSchema")
  const templates = objectAt(tool, "arguments")
  if (schema === undefined || templates === undefined) return
  const known = Object.keys(objectAt(schema, "properties") ?? {})
  for (const { name, path: below } of placeholdersIn(templates)) {
    if (known.includes(name)) continue
    const at = [...path, "arguments", ...below]
    const message = `${pathText(at)}: ${quote(`{{${name}}}`)} is no argument of the tool.${didYouMean(name, known)} Its inputSchema has: ${known.join(", ") || "none"}`
    scope.problem("MANIFEST_INVALID_VALUE", at, message, "Correct the name, or add it to the properties.")
  }
}
