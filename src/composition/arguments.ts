/** The arguments of an overridden tool or prompt: what clients send, as its server takes it. */
import { isJsonObject, type JsonValue } from "../protocol/json.ts"
import type { ArgumentMap, ArgumentOverride } from "./types.ts"

export type ArgumentOverrides = Readonly<Record<string, ArgumentOverride>>

/** The way back; it follows from the overrides alone, so that a hidden value holds whatever the server lists. */
export function createArgumentMap(overrides: ArgumentOverrides): ArgumentMap {
  const entries = Object.entries(overrides)
  const shown = entries.filter(([, { hide }]) => hide !== true)
  const ownOf = new Map(shown.map(([own, { name }]) => [name ?? own, own]))
  // What the manifest gave another name, or none, is not reached by the server's own.
  const taken = new Set(entries.map(([own]) => own))
  const defaults = shown.filter(([, override]) => override.default !== undefined)
  const fixed = entries.filter(([, { hide, value }]) => hide === true && value !== undefined)
  const ownName = (name: string): string | undefined => ownOf.get(name) ?? (taken.has(name) ? undefined : name)
  return {
    ownName,
    toOwn(args) {
      if (args !== undefined && !isJsonObject(args)) return args
      const own = new Map<string, JsonValue>()
      for (const [name, value] of Object.entries(args ?? {})) {
        const key = ownName(name)
        if (key !== undefined) own.set(key, value)
      }
      for (const [key, override] of defaults) if (!own.has(key)) own.set(key, copyOf(override.default))
      for (const [key, { value }] of fixed) own.set(key, copyOf(value))
      return args === undefined && own.size === 0 ? undefined : Object.fromEntries(own)
    },
  }
}

/** A server in this process may change what it is given; the manifest must not change with it. */
function copyOf(value: JsonValue | undefined): JsonValue {
  return structuredClone(value ?? null)
}
