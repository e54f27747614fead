/** JSON Schema as payloads carry it: walked without a library, because nothing here judges what a schema accepts. */
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts"

/** Keywords whose value is data, in which `$ref` means nothing. */
const data: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"])
/** Keywords whose value maps names of the author's choice to schemas. */
const maps: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
  "dependencies",
])

/** The schema with `change` applied to it and to every schema inside, inner ones first. Other documents inside stay. */
export function mapSchemas(root: JsonValue, change: (schema: JsonObject) => JsonObject): JsonValue {
  const below = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(below)
    return isJsonObject(value) && !isOtherDocument(value["$id"]) ? schema(value) : value
  }
  const keyword = (key: string, value: JsonValue): JsonValue => {
    if (data.has(key)) return value
    if (!maps.has(key) || !isJsonObject(value)) return below(value)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, below(member)]))
  }
  const schema = (value: JsonObject): JsonObject =>
    change(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, keyword(key, member)])))
  return isJsonObject(root) ? schema(root) : root
}

/** The schema with its own references (`$ref`, `$dynamicRef`) replaced. */
export function withReferences(schema: JsonObject, replace: (reference: string) => string): JsonObject {
  const keys = ["$ref", "$dynamicRef"].filter((key) => typeof schema[key] === "string")
  if (keys.length === 0) return schema
  return { ...schema, ...Object.fromEntries(keys.map((key) => [key, replace(String(schema[key]))])) }
}

/** Below an `$id`, references count from there; one that is only a fragment is another way to write an anchor. */
export function isOtherDocument(id: JsonValue | undefined): boolean {
  return id !== undefined && !(typeof id === "string" && id.startsWith("#"))
}
