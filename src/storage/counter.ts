/** What `increment` may add, and to what. */
import type { JsonValue } from "../protocol/json.ts"

/** Throws a `TypeError` unless both are whole numbers that a double holds exactly, and so is their sum. */
export function add(key: string, value: JsonValue | undefined, by: number): number {
  const sum = typeof value === "number" || value === undefined ? (value ?? 0) + by : Number.NaN
  if (!Number.isSafeInteger(by) || !Number.isSafeInteger(value ?? 0) || !Number.isSafeInteger(sum))
    throw notCountable(key)
  return sum
}

export function notCountable(key: string): TypeError {
  return new TypeError(
    `The entry ${JSON.stringify(key)} cannot be incremented: entry, step and sum must be whole numbers`,
  )
}
