/** Says in words, for a model, what a schema allows, and makes the smallest value of it. */
import { isJsonObject, type JsonObject, type JsonValue, objectAt } from "../../protocol/json.ts"

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  null: "null",
}

/** Values of an `enum` that are told. */
const mostValues = 20
const longestShown = 100

/** `a whole number from 1 to 100`; undefined when the schema says nothing that can be said shortly. */
export function allowedBy(schema: JsonValue | undefined, root: JsonObject, depth = 0): string | undefined {
  if (!isJsonObject(schema) || depth > 5) return undefined
  if (typeof schema["$ref"] === "string") return allowedBy(resolve(schema["$ref"], root), root, depth + 1)
  if (schema["const"] !== undefined) return show(schema["const"])
  if (Array.isArray(schema["enum"])) return oneOf(schema["enum"])
  const forms = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(forms)) {
    const words = forms.map((form) => allowedBy(form, root, depth + 1))
    return words.includes(undefined) ? undefined : [...new Set(words)].join(" or ")
  }
  const { type } = schema
  const types = (Array.isArray(type) ? type : [type]).filter((each) => typeof each === "string")
  if (types.length === 0) return undefined
  return types.map((each) => `${typeWords[each] ?? each}${boundsOf(each, schema)}`).join(" or ")
}

function oneOf(values: readonly JsonValue[]): string {
  const shown = values.slice(0, mostValues).map(show)
  const more = values.length - shown.length
  return `one of ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}

function boundsOf(type: string, schema: JsonObject): string {
  const number = (key: string): number | undefined => (typeof schema[key] === "number" ? schema[key] : undefined)
  if (type === "integer" || type === "number") {
    const bounds = range(number("minimum"), number("maximum"))
    const [over, under] = [number("exclusiveMinimum"), number("exclusiveMaximum")]
    const multiple = number("multipleOf")
    return `${bounds}${told(" over ", over)}${told(" under ", under)}${told(", a multiple of ", multiple)}`
  }
  if (type === "string") {
    const length = range(number("minLength"), number("maxLength"))
    const { pattern } = schema
    const matching = typeof pattern === "string" ? ` matching ${show(pattern)}` : ""
    return `${length === "" ? "" : `${length} characters long`}${matching}`
  }
  if (type !== "array") return ""
  const items = range(number("minItems"), number("maxItems"))
  const unique = schema["uniqueItems"] === true ? " that are all different" : ""
  return items + unique === "" ? "" : ` of${items.replace(" from", "") || ""} items${unique}`
}

function range(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`
  return `${told(" at least ", least)}${told(" at most ", most)}`
}

function told(words: string, value: number | undefined): string {
  return value === undefined ? "" : `${words}${value}`
}

/** A value as JSON, cut where it is long. */
export function show(value: JsonValue): string {
  const text = JSON.stringify(value)
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

/** What a reference inside a document leads to. */
export function resolve(reference: string, root: JsonObject): JsonValue | undefined {
  if (!reference.startsWith("#")) return undefined
  let found: JsonValue | undefined = root
  for (const part of reference.split("/").slice(1)) found = memberOf(found, decode(part))
  return found
}

export function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (Array.isArray(value)) return value[Number(key)]
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** A part of a JSON pointer in a fragment of a URI (RFC 6901, section 6). */
export function decode(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")
  } catch {
    return part
  }
}

/** A small value that a schema may allow: what it gives as an example, or the least of each required member. */
export function exampleOf(schema: JsonValue | undefined, root: JsonObject, depth = 0): JsonValue {
  if (!isJsonObject(schema) || depth > 8) return null
  const { $ref: reference, examples, type } = schema
  if (typeof reference === "string") return exampleOf(resolve(reference, root), root, depth + 1)
  if (Array.isArray(examples) && examples[0] !== undefined) return examples[0]
  if (schema["default"] !== undefined) return schema["default"]
  if (schema["const"] !== undefined) return schema["const"]
  if (Array.isArray(schema["enum"]) && schema["enum"][0] !== undefined) return schema["enum"][0]
  const forms = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(forms)) return exampleOf(forms[0], root, depth + 1)
  const kind = Array.isArray(type) ? type[0] : type
  if (kind === "object" || isJsonObject(schema["properties"])) return exampleObject(schema, root, depth)
  if (kind === "array") return exampleList(schema, root, depth)
  return examplePlain(String(kind), schema)
}

function exampleObject(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = objectAt(schema, "properties") ?? {}
  const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : []
  return Object.fromEntries(required.map((name) => [name, exampleOf(memberOf(properties, name), root, depth + 1)]))
}

function exampleList(schema: JsonObject, root: JsonObject, depth: number): JsonValue[] {
  const least = Math.min(Number(schema["minItems"] ?? 0), 3)
  return Array.from({ length: least }, () => exampleOf(schema["items"], root, depth + 1))
}

function examplePlain(kind: string, schema: JsonObject): JsonValue {
  if (kind === "boolean") return true
  if (kind === "null") return null
  if (kind !== "integer" && kind !== "number")
    return "text".padEnd(Math.min(Number(schema["minLength"] ?? 0), 100), "x")
  const least =
    schema["minimum"] ?? (typeof schema["exclusiveMinimum"] === "number" ? schema["exclusiveMinimum"] + 1 : 1)
  return Math.min(Number(least), Number(schema["maximum"] ?? Number.POSITIVE_INFINITY))
}
