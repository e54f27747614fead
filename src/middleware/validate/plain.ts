/**
 * Most tools have arguments that are texts, numbers and flags, and most calls fit: that is seen here at once, which the
 * validator takes microseconds for. Says yes only where the validator finds nothing wrong; everything else is for it.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../protocol/json.ts"

type Fits = (value: unknown) => boolean

/** Whether arguments surely fit; undefined when the schema is not one of this kind. */
export function createPlainCheck(schema: JsonObject): ((args: JsonObject) => boolean) | undefined {
  const { type = "object", required = [], additionalProperties = true } = schema
  if (!hasOnly(schema, objectKeywords) || type !== "object" || typeof additionalProperties !== "boolean")
    return undefined
  if (!Array.isArray(required) || !required.every((name) => typeof name === "string")) return undefined
  const { properties = {} } = schema
  if (!isJsonObject(properties)) return undefined
  const checks = new Map(Object.entries(properties).map(([name, property]) => [name, createFits(property)]))
  return (args) => {
    for (const name of required) if (!Object.hasOwn(args, name)) return false
    for (const name in args) {
      const fits = checks.get(name)
      if (fits === undefined ? !additionalProperties : !fits(args[name])) return false
    }
    return true
  }
}

/** What does not say what is allowed. */
const annotations = ["title", "description", "default", "examples", "deprecated", "$comment", "format"]
const objectKeywords = new Set([...annotations, "$schema", "type", "properties", "required", "additionalProperties"])
const valueKeywords = new Set([...annotations, "type", "enum", "minimum", "maximum", "minLength", "maxLength"])

function hasOnly(schema: JsonObject, keywords: ReadonlySet<string>): boolean {
  return Object.keys(schema).every((keyword) => keywords.has(keyword))
}

const never: Fits = () => false

/** Of what it does not know, it is never sure. */
function createFits(schema: JsonValue): Fits {
  if (!isJsonObject(schema) || !hasOnly(schema, valueKeywords)) return never
  const fits = createTypeFits(schema)
  const { enum: values } = schema
  if (values === undefined) return fits
  if (!Array.isArray(values)) return never
  return (value) => fits(value) && values.includes(value as JsonValue)
}

function createTypeFits(schema: JsonObject): Fits {
  const { type } = schema
  if (type === "boolean") return (value) => typeof value === "boolean"
  if (type === "string") {
    const [least, most] = boundsOf(schema, "minLength", "maxLength")
    // Lengths count characters, of which each may take two units.
    const units = 2 * Math.ceil(least) - 1
    return (value) => typeof value === "string" && value.length >= units && value.length <= most
  }
  const [least, most] = boundsOf(schema, "minimum", "maximum")
  const isWithin = (value: number): boolean => value >= least && value <= most
  if (type === "integer") return (value) => Number.isInteger(value) && isWithin(value as number)
  if (type === "number") return (value) => typeof value === "number" && isWithin(value)
  return never
}

/** NaN, which nothing is within, when they are no numbers. */
function boundsOf(schema: JsonObject, least: string, most: string): readonly [least: number, most: number] {
  const { [least]: from = Number.NEGATIVE_INFINITY, [most]: to = Number.POSITIVE_INFINITY } = schema
  return [typeof from === "number" ? from : Number.NaN, typeof to === "number" ? to : Number.NaN]
}
