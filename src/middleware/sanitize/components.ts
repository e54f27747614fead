/** What is hidden in the components that a server lists, and a form of them without it. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../protocol/json.ts"
import { findHidden, type HiddenKind, maybeHidden } from "./hidden.ts"

export interface HiddenText {
  /** Where in the component, `inputSchema.properties.a.description`. */
  readonly at: string
  readonly kinds: readonly HiddenKind[]
}

export interface Sanitized {
  readonly found: readonly HiddenText[]
  /** Without what is hidden in its words; names, URIs and values that servers compare stay. */
  readonly component: JsonObject
}

/** Members that are words for people and models, at any depth. */
const words: ReadonlySet<string> = new Set(["title", "description", "$comment"])

/** Undefined when nothing is hidden in it. */
export function sanitizeComponent(component: JsonObject): Sanitized | undefined {
  const json = JSON.stringify(component)
  if (!json.includes("\\") && !maybeHidden(json)) return undefined
  const found: HiddenText[] = []
  const change = (value: JsonValue, at: string, isWord: boolean): JsonValue => {
    if (typeof value === "string") {
      const hidden = findHidden(value)
      const kinds = new Set(hidden?.kinds)
      if (at === "name" && /[\t\n\r\u2028\u2029]/.test(value)) kinds.add("control")
      if (kinds.size > 0) found.push({ at, kinds: [...kinds] })
      return isWord && hidden !== undefined ? hidden.stripped : value
    }
    if (Array.isArray(value)) return value.map((item, index) => change(item, `${at}[${index}]`, isWord))
    return isJsonObject(value) ? members(value, at) : value
  }
  const members = (value: JsonObject, at: string): JsonObject =>
    Object.fromEntries(
      Object.entries(value).map(([key, member]) => {
        const path = at === "" ? key : `${at}.${key}`
        const inKey = findHidden(key)
        if (inKey !== undefined)
          found.push({ at: `${at === "" ? "a member" : at} (a name in it)`, kinds: [...inKey.kinds] })
        return [key, change(member, path, words.has(key))]
      }),
    )
  const changed = members(component, "")
  return found.length === 0 ? undefined : { found, component: changed }
}

export function kindsIn(found: readonly HiddenText[]): HiddenKind[] {
  return [...new Set(found.flatMap(({ kinds }) => kinds))].sort()
}
