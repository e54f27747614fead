/**
 * Pure, stable hashes for names and revisions: 53 bits. No defence against forgery. The state is two numbers of this module:
 * a catalogue hashes thousands of definitions, and objects for their states would be most of the work.
 */
import { isJsonObject, type JsonValue } from "../protocol/json.ts"

let high = 0
let low = 0

/** The hash of a text, eleven characters. Names depend on it: it never changes. */
export function hashText(text: string): string {
  begin()
  mixText(text)
  return digest().toString(36).padStart(11, "0")
}

/** The hash of a JSON value; the order of an object's members does not count. */
export function hashJson(value: JsonValue): number {
  begin()
  mixJson(value)
  return digest()
}

/** The hash of a text and of hashes in their order. */
export function hashAll(text: string, hashes: readonly number[]): string {
  begin()
  mixText(text)
  for (const hash of hashes) {
    mix(hash / 4294967296)
    mix(hash)
  }
  return digest().toString(36).padStart(11, "0")
}

function begin(): void {
  high = 0xdeadbeef
  low = 0x41c6ce57
}

function mix(unit: number): void {
  high = Math.imul(high ^ unit, 2654435761)
  low = Math.imul(low ^ unit, 1597334677)
}

function mixText(text: string): void {
  let [first, second] = [high, low]
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    first = Math.imul(first ^ unit, 2654435761)
    second = Math.imul(second ^ unit, 1597334677)
  }
  high = first
  low = second
}

/** Walks the value instead of printing it, which costs half; marks and lengths keep neighbours apart. */
function mixJson(value: JsonValue): void {
  if (typeof value === "string") {
    mix(1)
    mix(value.length)
    mixText(value)
  } else if (Array.isArray(value)) {
    mix(2)
    mix(value.length)
    for (const item of value) mixJson(item)
  } else if (isJsonObject(value)) mixMembers(value)
  else {
    mix(4)
    mixText(`${value};`)
  }
}

/** Each member by itself, and their sum: sorting them would cost more. */
function mixMembers(value: Readonly<Record<string, JsonValue>>): void {
  const [outerHigh, outerLow] = [high, low]
  let [count, sumHigh, sumLow] = [0, 0, 0]
  for (const key of Object.keys(value)) {
    begin()
    mix(key.length)
    mixText(key)
    mixJson(value[key] ?? null)
    const member = digest()
    count += 1
    sumHigh = (sumHigh + Math.floor(member / 4294967296)) | 0
    sumLow = (sumLow + (member | 0)) | 0
  }
  high = outerHigh
  low = outerLow
  mix(3)
  mix(count)
  mix(sumHigh)
  mix(sumLow)
}

function digest(): number {
  const first = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  const second = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909)
  return 4294967296 * (2097151 & second) + (first >>> 0)
}
