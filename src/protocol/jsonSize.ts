/** How many bytes a value takes as JSON in UTF-8, without making the text: what `JSON.stringify` would write, exactly. */
import type { JsonValue } from "./json.ts"

export function jsonSize(value: JsonValue): number {
  switch (typeof value) {
    case "string":
      return textSize(value)
    case "number":
      return Number.isFinite(value) ? String(value).length : 4
    case "boolean":
      return value ? 4 : 5
    case "object":
      if (value === null) return 4
      return Array.isArray(value) ? listSize(value) : objectSize(value)
    default:
      return sizeInText(value)
  }
}

function listSize(list: readonly JsonValue[]): number {
  // Brackets, and a comma before all but the first.
  let size = list.length === 0 ? 2 : 1 + list.length
  // What is no JSON is null in a list.
  for (const item of list) size += isJson(item) ? jsonSize(item) : sizeInText([item]) - 2
  return size
}

function objectSize(object: { readonly [key: string]: JsonValue }): number {
  const prototype = Object.getPrototypeOf(object)
  // Packages in this process may give objects that say themselves what they are as JSON.
  if (prototype !== Object.prototype && prototype !== null) return sizeInText(object)
  let size = 1
  for (const name in object) {
    if (!Object.hasOwn(object, name)) continue
    const member = object[name] as JsonValue
    if (!isJson(member)) return sizeInText(object)
    // With its colon, and a comma or the brace at the end.
    size += textSize(name) + 2 + jsonSize(member)
  }
  return size === 1 ? 2 : size
}

function isJson(value: unknown): boolean {
  return typeof value !== "undefined" && typeof value !== "function" && typeof value !== "symbol"
}

/** What is no plain JSON value. */
function sizeInText(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "")
}

/** Bytes that an ASCII character takes beyond its own. */
const escapes = new Uint8Array(128).fill(5, 0, 32)
for (const character of '"\\\b\t\n\f\r') escapes[character.charCodeAt(0)] = 1

/** Characters that are themselves, one byte each. For texts of some length faster than looking at them one by one. */
const plain = /^[ !#-[\]-~]*$/
const someLength = 32

function textSize(text: string): number {
  const { length } = text
  let size = length + 2
  if (length > someLength && plain.test(text)) return size
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x80) size += escapes[code] as number
    else if (code < 0x8_00) size += 1
    else if (code < 0xd8_00 || code > 0xdf_ff) size += 2
    else if (code < 0xdc_00 && isSecondHalf(text, at + 1)) {
      // Four bytes for two units.
      size += 2
      at += 1
    } else size += 5
  }
  return size
}

/** NaN, beyond the end, is none. */
function isSecondHalf(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0xdc_00 && code <= 0xdf_ff
}
