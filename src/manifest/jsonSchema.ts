/** The schema as JSON Schema 2020-12: for editors (`mcp-host.schema.json`), `mcp-host schema` and the reference. */

import * as z from "zod/mini"
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { facts } from "./fields.ts"
import { manifestSchema } from "./schema.ts"

/** What editors check `mcp-host.yaml` with: `${VAR}` is accepted wherever a single value is. */
export function manifestJsonSchema(): JsonObject {
  const { $schema, ...schema } = plainJsonSchema()
  return {
    $schema: $schema ?? "https://json-schema.org/draft/2020-12/schema",
    title: "mcp-host.yaml",
    description: "The manifest of mcp-host, a composition host for the Model Context Protocol.",
    ...forEditors(schema),
  }
}

/** As zod gives it, with `absent` where the reference needs words for a default. */
export function plainJsonSchema(): JsonObject {
  // JSON Schema is JSON; the round trip drops undefined members.
  return JSON.parse(
    JSON.stringify(z.toJSONSchema(manifestSchema, { io: "input", target: "draft-2020-12", metadata: facts })),
  ) as JsonObject
}

const reference = { type: "string", pattern: "\\$\\{" }

/** Says what text with a reference in it may look like, which is anything. */
function forEditors(schema: JsonObject): JsonObject {
  const { absent: _, ...node } = schema
  if (isNarrow(node)) {
    const { description, default: fallback, examples, ...rest } = node
    return { ...pick({ description, default: fallback, examples }), anyOf: [rest, reference] }
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, memberForEditors(key, value)]))
}

function memberForEditors(key: string, value: JsonValue): JsonValue {
  if (key === "properties" && isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, schema]) => [name, isJsonObject(schema) ? forEditors(schema) : schema]),
    )
  }
  if ((key === "items" || key === "additionalProperties") && isJsonObject(value)) return forEditors(value)
  if (key === "anyOf" && Array.isArray(value)) {
    return value.map((schema) => (isJsonObject(schema) ? forEditors(schema) : schema))
  }
  return value
}

/** A single value that not every text is allowed for. */
function isNarrow({ type, enum: values, pattern }: JsonObject): boolean {
  if (type === "integer" || type === "number" || type === "boolean") return true
  return type === "string" && (values !== undefined || pattern !== undefined)
}

function pick(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const given = Object.entries(members).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined)
  return Object.fromEntries(given)
}
