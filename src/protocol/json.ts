/** JSON as the wire carries it. Payloads stay in this shape end to end: nobody re-types them on the way through. */
import { endOfString } from "./depth.ts"

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject

export interface JsonObject {
  [key: string]: JsonValue
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** The member as an object, or undefined when it is absent or anything else. */
export function objectAt(value: JsonObject, key: string): JsonObject | undefined {
  const member = value[key]
  return isJsonObject(member) ? member : undefined
}

/** The member as a string, or undefined when it is absent or anything else. */
export function stringAt(value: JsonObject, key: string): string | undefined {
  const member = value[key]
  return typeof member === "string" ? member : undefined
}

/** The member's objects; anything else in the array, or no array, is left out. */
export function objectsAt(value: JsonObject, key: string): JsonObject[] {
  const member = value[key]
  return Array.isArray(member) ? member.filter(isJsonObject) : []
}

/** JSON with object keys sorted at every level: equal values give equal text. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as JsonValue)}`)
  return `{${members.join(",")}}`
}

/** True when two values are equal, whatever the order of members. */
export function sameJson(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (one === other) return true
  if (Array.isArray(one))
    return Array.isArray(other) && one.length === other.length && one.every((item, at) => sameJson(item, other[at]))
  if (!isJsonObject(one) || !isJsonObject(other)) return false
  const names = Object.keys(one)
  if (names.length !== Object.keys(other).length) return false
  return names.every((name) => Object.hasOwn(other, name) && sameJson(one[name], other[name]))
}

/** The object a text is, or undefined when it is anything else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * True when an object anywhere in the text has a member twice: `JSON.parse` keeps the last one, other parsers the first.
 * `value` is what the text was parsed to; then it has fewer members than the text has names.
 */
export function repeatsMember(text: string, value: JsonValue): boolean {
  return namesIn(text) !== membersOf(value)
}

/** How many strings of a JSON text are names of members; it goes from string to string. */
function namesIn(text: string): number {
  let names = 0
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) {
    at = endOfString(text, at) + 1
    // White space may stand before the colon.
    while (text.charCodeAt(at) <= 32) at += 1
    if (text.charCodeAt(at) === 58) names += 1
    else at -= 1
  }
  return names
}

function membersOf(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 0
  let members = 0
  // Without a list of names or values: every message of a client comes by.
  if (Array.isArray(value)) for (const item of value) members += membersOf(item)
  else for (const name in value) if (Object.hasOwn(value, name)) members += 1 + membersOf(value[name] as JsonValue)
  return members
}
