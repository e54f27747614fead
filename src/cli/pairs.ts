/** `k=v` arguments: split, and given the types that a JSON Schema names. */
import { HostError, messageOf } from "../errors.ts"
import { isJsonObject, type JsonObject, type JsonValue, objectAt } from "../protocol/json.ts"
import { didYouMean, nearest } from "./suggest.ts"

/** Splits at the first `=`; later ones belong to the value. */
export function splitPairs(pairs: readonly string[]): Map<string, string> {
  const values = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf("=")
    if (at < 1)
      throw usage(`${JSON.stringify(pair)} is no argument; arguments are key=value`, "Write them as key=value.")
    const key = pair.slice(0, at)
    if (values.has(key)) throw usage(`The argument ${key} is given twice`, "Give it once; a list is written as JSON.")
    values.set(key, pair.slice(at + 1))
  }
  return values
}

/** The value of `--json`, which is an object. */
export function parseObject(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw usage(`The value of --json is not JSON: ${messageOf(error)}`, `Write it as --json '{"key": "value"}'.`)
  }
  if (!isJsonObject(value))
    throw usage("The value of --json is no JSON object", `Write it as --json '{"key": "value"}'.`)
  return value
}

/** The pairs as the input schema of a tool wants them. */
export function typedArguments(pairs: ReadonlyMap<string, string>, schema: JsonObject, tool: string): JsonObject {
  const result: JsonObject = {}
  for (const [key, text] of pairs) result[key] = typed(key, text, memberSchema(key, schema, tool), schema)
  return result
}

/** The schema of one argument; undefined when the tool accepts any value. */
function memberSchema(key: string, schema: JsonObject, tool: string): JsonValue | undefined {
  const properties = objectAt(schema, "properties")
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key]
  const other = schema["additionalProperties"]
  const open = properties === undefined || "patternProperties" in schema
  if (other === true || isJsonObject(other) || (open && other !== false)) return other
  throw unknownKey(key, Object.keys(properties ?? {}), tool)
}

export function unknownKey(key: string, known: readonly string[], of: string): HostError {
  const allowed = known.length === 0 ? "it takes none" : `it takes ${known.join(", ")}`
  return usage(
    `${of} has no argument ${JSON.stringify(key)}; ${allowed}`,
    didYouMean(nearest(key, known)) ?? `See it with mcp-host inspect ${of}.`,
  )
}

type TypeName = "null" | "boolean" | "integer" | "number" | "array" | "object" | "string"

/** What a text may be, the most particular first: a text that is nothing else is a string. */
const readers: Readonly<Record<TypeName, (text: string) => JsonValue | undefined>> = {
  null: (text) => (text === "null" ? null : undefined),
  boolean: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  integer: (text) => {
    const value = numberOf(text)
    return Number.isInteger(value) ? value : undefined
  },
  number: numberOf,
  array: (text) => {
    const value = jsonOf(text)
    return Array.isArray(value) ? value : undefined
  },
  object: (text) => {
    const value = jsonOf(text)
    return isJsonObject(value) ? value : undefined
  },
  string: (text) => text,
}
const typeNames = Object.keys(readers) as TypeName[]

const typeWords: Readonly<Record<TypeName, string>> = {
  null: "null",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  array: "a JSON list",
  object: "a JSON object",
  string: "text",
}

function typed(key: string, text: string, schema: JsonValue | undefined, root: JsonObject): JsonValue {
  const fixed = fixedValues(schema, root)
  const chosen = fixed.find((value) => (typeof value === "string" ? value === text : JSON.stringify(value) === text))
  if (chosen !== undefined) return chosen
  const types = typesOf(schema, root)
  if (types.size === 0) return text
  for (const name of typeNames) {
    const value = types.has(name) ? readers[name](text) : undefined
    if (value !== undefined) return value
  }
  const wanted = typeNames.filter((name) => types.has(name)).map((name) => typeWords[name])
  throw usage(
    `The argument ${key} is ${wanted.join(" or ")}, not ${JSON.stringify(text)}`,
    `Give it as ${key}=<${[...types].join("|")}>.`,
  )
}

/** The values of `enum` and `const`, wherever they stand. */
function fixedValues(schema: JsonValue | undefined, root: JsonObject): JsonValue[] {
  return flattened(schema, root).flatMap((each) => [
    ...(Array.isArray(each["enum"]) ? each["enum"] : []),
    ...(each["const"] === undefined ? [] : [each["const"]]),
  ])
}

function typesOf(schema: JsonValue | undefined, root: JsonObject): Set<TypeName> {
  const names = flattened(schema, root).flatMap((each) => {
    const { type } = each
    if (type === undefined) return "properties" in each ? ["object"] : "items" in each ? ["array"] : []
    return Array.isArray(type) ? type : [type]
  })
  return new Set(typeNames.filter((name) => names.includes(name)))
}

/** A schema, what it refers to and its alternatives. */
function flattened(schema: JsonValue | undefined, root: JsonObject, depth = 0): JsonObject[] {
  if (!isJsonObject(schema) || depth > 16) return []
  const { $ref: reference } = schema
  const target = typeof reference === "string" ? resolved(reference, root) : undefined
  const alternatives = ["anyOf", "oneOf", "allOf"].flatMap((word) => {
    const members = schema[word]
    return Array.isArray(members) ? members : []
  })
  return [schema, ...[target, ...alternatives].flatMap((each) => flattened(each, root, depth + 1))]
}

/** What a local reference points at, `#/$defs/name`. */
function resolved(reference: string, root: JsonObject): JsonValue | undefined {
  if (!reference.startsWith("#")) return undefined
  let value: JsonValue | undefined = root
  for (const step of reference.slice(1).split("/").filter(Boolean)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~")
    value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
  }
  return value
}

function numberOf(text: string): number | undefined {
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    // Not JSON: the caller tries the next type.
    return undefined
  }
}

function usage(message: string, help: string): HostError {
  return new HostError("USAGE", message, { help })
}
