/**
 * Pure, stable hashes for names and revisions: 53 bits, eleven characters. No defence against forgery.
 */
import { isJsonObject, type JsonValue } from "../protocol/json.ts"

/** The hash of a text. */
export function hashText(text: string): string {
  const state = newState()
  mix(state, text)
  return digest(state)
}

/** The hash of a JSON value; the order of an object's members does not count. */
export function hashJson(value: JsonValue): string {
  const state = newState()
  mixJson(state, value)
  return digest(state)
}

interface State {
  high: number
  low: number
}

function newState(): State {
  return { high: 0xdeadbeef, low: 0x41c6ce57 }
}

function mix(state: State, text: string): void {
  let { high, low } = state
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    high = Math.imul(high ^ unit, 2654435761)
    low = Math.imul(low ^ unit, 1597334677)
  }
  state.high = high
  state.low = low
}

/** Walks the value instead of printing it, which costs half; marks and lengths keep neighbours apart. */
function mixJson(state: State, value: JsonValue): void {
  if (typeof value === "string") {
    mix(state, `s${value.length}:`)
    mix(state, value)
  } else if (Array.isArray(value)) {
    mix(state, `a${value.length}:`)
    for (const item of value) mixJson(state, item)
  } else if (isJsonObject(value)) {
    const keys = Object.keys(value).sort()
    mix(state, `o${keys.length}:`)
    for (const key of keys) {
      mixJson(state, key)
      mixJson(state, value[key] ?? null)
    }
  } else mix(state, `${value};`)
}

function digest({ high, low }: State): string {
  const first = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  const second = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909)
  const value = 4294967296 * (2097151 & second) + (first >>> 0)
  return value.toString(36).padStart(11, "0")
}
