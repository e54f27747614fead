/** Reads the keys of a client's entry and remembers which were used, so that what nobody used can be told. */
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"

/** The longest timeout clients take in seconds; a larger number is in milliseconds. */
const mostSeconds = 3600

export class EntryReader {
  readonly #left: Map<string, JsonValue>
  readonly #note: (text: string) => void

  constructor(entry: JsonObject, note: (text: string) => void) {
    this.#left = new Map(Object.entries(entry))
    this.#note = note
  }

  /** The value, which counts as used. */
  take(key: string): JsonValue | undefined {
    const value = this.#left.get(key)
    this.#left.delete(key)
    return value
  }

  /** A value found elsewhere that is to be read as if it had that key. */
  adopt(key: string, value: JsonValue | undefined): void {
    if (value !== undefined && !this.#left.has(key)) this.#left.set(key, value)
  }

  /** Keys that nobody took; empty values say nothing. */
  rest(): string[] {
    return [...this.#left].filter(([, value]) => !isEmpty(value)).map(([key]) => key)
  }

  text(key: string): string | undefined {
    const value = this.#left.get(key)
    if (typeof value !== "string" || value === "") return undefined
    this.#left.delete(key)
    return value
  }

  flag(key: string): boolean | undefined {
    const value = this.#left.get(key)
    return typeof value === "boolean" ? value : undefined
  }

  /** A list of texts under the first of these keys that there is; numbers and switches become text. */
  list(...keys: string[]): string[] | undefined {
    for (const key of keys) {
      const value = this.#left.get(key)
      if (!Array.isArray(value)) continue
      this.#left.delete(key)
      const texts = value.filter(
        (each) => typeof each === "string" || typeof each === "number" || typeof each === "boolean",
      )
      if (texts.length < value.length) this.#note(`${key}: what is no text was left out`)
      return texts.map(String)
    }
    return undefined
  }

  /** A mapping to texts under any of these keys. */
  texts(...keys: string[]): Record<string, string> {
    const found: [string, string][] = []
    for (const key of keys) {
      const value = this.#left.get(key)
      if (!isJsonObject(value)) continue
      this.#left.delete(key)
      for (const [name, each] of Object.entries(value)) {
        if (typeof each === "string" || typeof each === "number" || typeof each === "boolean")
          found.push([name, String(each)])
        else this.#note(`${key}.${name} was left out: it is no text`)
      }
    }
    return Object.fromEntries(found)
  }

  /** A number of units of `ms` milliseconds each, as a duration of the manifest. */
  duration(key: string, ms: number): string | undefined {
    const value = this.#left.get(key)
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) return undefined
    this.#left.delete(key)
    return toDuration(value * ms)
  }

  /** `timeout`, which is in milliseconds for some clients and in seconds for others. */
  timeout(client: string): string | undefined {
    const value = this.#left.get("timeout")
    if (typeof value !== "number") return undefined
    const inSeconds = client !== "gemini" && value <= mostSeconds
    const read = this.duration("timeout", inSeconds ? 1000 : 1)
    if (read !== undefined && client !== "gemini")
      this.#note(`timeout: ${value} was taken for ${inSeconds ? "seconds" : "milliseconds"}; clients differ`)
    return read
  }
}

/** In whole seconds where that is exact; no longer than a day, which a timer can wait for. */
function toDuration(ms: number): string {
  const whole = Math.min(Math.max(1, Math.round(ms)), 86_400_000)
  return whole % 1000 === 0 ? `${whole / 1000}s` : `${whole}ms`
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === false || value === "") return true
  if (Array.isArray(value)) return value.length === 0
  return isJsonObject(value) && Object.keys(value).length === 0
}
