/** JSON without secrets: texts, keys and numbers are masked one by one, so that it stays JSON. */
import { isJsonObject, type JsonValue } from "../protocol/json.ts"
import { hidden } from "./masker.ts"

/** The value itself when there is nothing in it to mask. */
export function maskedValue<T extends JsonValue>(value: T, mask: (text: string) => string): T
export function maskedValue(value: JsonValue, mask: (text: string) => string): JsonValue {
  if (typeof value === "string") return mask(value)
  if (typeof value === "number") return mask(String(value)) === String(value) ? value : hidden
  if (Array.isArray(value)) return value.map((item) => maskedValue(item, mask))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [mask(key), maskedValue(member, mask)]))
}
