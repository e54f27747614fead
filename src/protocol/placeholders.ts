/** Texts with `{{name}}` in them, filled in from arguments. */
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts"

const placeholder = /\{\{\s*([^{}\s]+)\s*\}\}/g
const onlyPlaceholder = /^\{\{\s*([^{}\s]+)\s*\}\}$/

/** The names in braces, in all texts of a value, with where each text is. */
export function placeholdersIn(value: JsonValue, path: readonly (string | number)[] = []): Placeholder[] {
  if (typeof value === "string") return [...value.matchAll(placeholder)].map(([, name = ""]) => ({ name, path }))
  if (Array.isArray(value)) return value.flatMap((item, at) => placeholdersIn(item, [...path, at]))
  return isJsonObject(value)
    ? Object.entries(value).flatMap(([key, member]) => placeholdersIn(member, [...path, key]))
    : []
}

export interface Placeholder {
  readonly name: string
  readonly path: readonly (string | number)[]
}

/**
 * The value with the arguments filled in: a text that is nothing but one name becomes the argument itself, whatever it
 * is. A member or item whose argument is missing is left out; inside a longer text, a missing one is empty.
 */
export function fillIn(value: JsonValue, args: JsonObject): JsonValue | undefined {
  if (typeof value === "string") {
    const [, only] = onlyPlaceholder.exec(value) ?? []
    if (only !== undefined) return own(args, only)
    return value.replace(placeholder, (_whole, name: string) => asText(own(args, name)))
  }
  if (Array.isArray(value)) return value.map((item) => fillIn(item, args)).filter((item) => item !== undefined)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const filled = fillIn(member, args)
      return filled === undefined ? [] : [[key, filled]]
    }),
  )
}

function own(args: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(args, name) ? args[name] : undefined
}

function asText(value: JsonValue | undefined): string {
  if (value === undefined) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}
