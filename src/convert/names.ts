/** Names of variables, keys of servers, and texts that hold no reference, as the manifest has them. */

/** The name of a variable for what a client calls so: `api-key` is `API_KEY`. */
export function toVariableName(text: string): string {
  const name = text
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .toUpperCase()
  return /^[A-Z]/.test(name) ? name : `VAR_${name}`
}

export function isName(text: string): boolean {
  return /^[A-Za-z_]\w*$/.test(text)
}

/** The names of all variables that may be meant in a text. */
export function referenceNames(text: string): string[] {
  return [...text.matchAll(/\$\{?(?:[a-z]+:)?([\w.-]+)|\{env:([\w.-]+)\}/gi)].flatMap(([, name, other]) => {
    const found = name ?? other ?? ""
    return [found, toVariableName(found)]
  })
}

/** The text so that the manifest takes nothing in it for a reference. */
export function escapeText(text: string): string {
  // As a function, because `$$` in a replacement is one `$`.
  return text.replaceAll("${", () => "$${")
}

/** A key that the manifest allows; never empty. */
export function toServerKey(text: string): string {
  const key = text.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^[-_]+|-+$/g, "")
  return key === "" || forbiddenKeys.has(key) ? `${key}-server`.replace(/^-/, "") : key
}

/** Keys that the manifest does not take, because they mean something to JavaScript objects. */
export const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/** A text of the manifest as it is when none of its variables is set. */
export interface UsualText {
  /** References without a default stay as they are. */
  readonly text: string
  /** True when such a reference stays; what is escaped is none. */
  readonly isOpen: boolean
  /** True when the text begins with one. */
  readonly beginsOpen: boolean
}

/** Stands for a `$` right before a reference, which would otherwise read as an escape. */
export const dollar = "${DOLLAR:-$}"

/** Stand for an escaped `${` and for such a `$` meanwhile. */
const escaped = "\0{"
const sign = "\0$"

export function usualText(text: string): UsualText {
  let before: string
  let after = text.replaceAll("$${", escaped).replaceAll(dollar, () => sign)
  do {
    before = after
    after = before.replace(/\$\{[A-Za-z_]\w*:-([^${}]*)\}/g, (_, fallback: string) => fallback)
  } while (after !== before)
  const usual = after.replaceAll(escaped, () => "${").replaceAll(sign, () => "$")
  return { text: usual, isOpen: after.includes("${"), beginsOpen: after.startsWith("${") }
}
