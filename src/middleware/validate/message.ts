/** The message about arguments that do not fit, for the model that made them: where, what is wrong, what is allowed. */
import type { OutputUnit } from "@cfworker/json-schema"
import { didYouMean } from "../../manifest/words.ts"
import type { JsonObject, JsonValue } from "../../protocol/json.ts"
import { allowedBy, decode, exampleOf, memberOf, resolve, show } from "./words.ts"

/** Problems that are told at once. */
const mostTold = 10

/** Keywords that only say that something inside is wrong, which is told by itself. */
const wrapping: ReadonlySet<string> = new Set([
  ...[
    "$ref",
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "items",
    "prefixItems",
  ],
  ...["additionalItems", "unevaluatedItems", "allOf", "dependentSchemas", "dependencies", "if"],
])
/** Keywords whose inner problems are only attempts. */
const choosing: ReadonlySet<string> = new Set(["anyOf", "oneOf", "not", "contains", "propertyNames"])

export interface Failure {
  readonly tool: string
  readonly schema: JsonObject
  readonly args: JsonObject
  readonly errors: readonly OutputUnit[]
  /** Whether a value passes, to show none as an example that does not. */
  readonly passes: (example: JsonObject) => boolean
}

export function messageOf({ tool, schema, args, errors, passes }: Failure): string {
  const told = [...new Set(telling(errors).map((error) => sentence(error, schema, args)))]
  const more = told.length - mostTold
  const lines = told.slice(0, mostTold).map((line) => `- ${line}`)
  const example = exampleOf(schema, schema) as JsonObject
  return [
    `Invalid arguments for ${tool}; it was not called.`,
    ...lines,
    ...(more > 0 ? [`- and ${more} more`] : []),
    ...(passes(example) ? [`Example: ${JSON.stringify(example)}`] : []),
    "Correct the arguments and call it again.",
  ].join("\n")
}

function telling(errors: readonly OutputUnit[]): readonly OutputUnit[] {
  const choices = errors.filter(({ keyword }) => choosing.has(keyword)).map(({ keywordLocation }) => keywordLocation)
  const isAttempt = (location: string): boolean => choices.some((choice) => location.startsWith(`${choice}/`))
  return errors.filter(({ keyword, keywordLocation }) => !wrapping.has(keyword) && !isAttempt(keywordLocation))
}

function sentence(
  { keyword, keywordLocation, instanceLocation, error }: OutputUnit,
  root: JsonObject,
  args: JsonObject,
): string {
  const path = partsOf(instanceLocation)
  const where = path.length === 0 ? "the arguments" : path.join(".")
  const schema = schemaAt(keywordLocation, root)
  const properties = Object.keys((memberOf(schema, "properties") as JsonObject | undefined) ?? {})
  if (keyword === "required") {
    const name = /"(.*)"\.$/s.exec(error)?.[1] ?? ""
    const allowed = allowedBy(memberOf(memberOf(schema, "properties"), name), root)
    return `${[...path, name].join(".")} is missing${allowed === undefined ? "" : `: ${allowed}`}`
  }
  if (keyword === "false") return unknownArgument(path, root)
  const given = path.reduce<JsonValue | undefined>(memberOf, args)
  const allowed = allowedBy(schema, root)
  const shown = given === undefined ? "" : `, given ${show(given)}`
  if (allowed === undefined || properties.length > 0) return `${where}: ${error}`
  return `${where} must be ${allowed}${shown}`
}

/** The schema of an object says `false` of a member that it does not list. */
function unknownArgument(path: readonly string[], root: JsonObject): string {
  const name = path.at(-1) ?? ""
  const owner = path.slice(0, -1).reduce<JsonValue | undefined>((schema, part) => below(schema, part, root), root)
  const known = Object.keys((memberOf(followed(owner, root), "properties") as JsonObject | undefined) ?? {})
  return `${path.join(".")} is not known.${didYouMean(name, known)} Known: ${known.join(", ") || "none"}`
}

function below(schema: JsonValue | undefined, part: string, root: JsonObject): JsonValue | undefined {
  const found = followed(schema, root)
  return memberOf(memberOf(found, "properties"), part) ?? memberOf(found, "items")
}

function followed(schema: JsonValue | undefined, root: JsonObject): JsonValue | undefined {
  const reference = memberOf(schema, "$ref")
  return typeof reference === "string" ? resolve(reference, root) : schema
}

/** The schema that a keyword stands in; its location goes through references. */
function schemaAt(location: string, root: JsonObject): JsonValue | undefined {
  const parts = partsOf(location).slice(0, -1)
  return parts.reduce<JsonValue | undefined>(
    (found, part) => (part === "$ref" ? resolve(String(memberOf(found, "$ref")), root) : memberOf(found, part)),
    root,
  )
}

function partsOf(pointer: string): string[] {
  return pointer.split("/").slice(1).map(decode)
}
