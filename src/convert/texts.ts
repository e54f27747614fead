/** Makes the texts of a client's entry texts of the manifest: references translated, secrets replaced by variables. */
import { dollar, escapeText } from "./names.ts"
import { type ReferenceScope, segmentsOf, toReference } from "./references.ts"
import { findSecret, isPlainValue, isSecretName } from "./secrets.ts"
import type { SecretPlace } from "./variables.ts"

export interface TextScope extends ReferenceScope {
  /** The key of the server, for the names of its secrets. */
  readonly server: string
}

/** Any text; what looks like a secret in it becomes a variable. */
export function toText(text: string, scope: TextScope): string {
  return joined(text, scope, (literal) => withoutSecrets(literal, scope))
}

/** What the variable of a secret is called. */
export type SecretName = Pick<SecretPlace, "name" | "isTelling">

/** The value of something whose name may tell that all of it is secret. */
export function toNamed(name: string, value: string, scope: TextScope, called: SecretName): string {
  const isWhole = segmentsOf(value, scope.dialect).every((each) => "literal" in each)
  const own = findSecret(value)
  if (isWhole && own === undefined && isSecretName(name) && !isPlainValue(value)) return hide(value, called, scope)
  // A value that is one secret as a whole goes by the name it has here, not by what it looks like.
  const isOne = own !== undefined && own.before === "" && own.after === ""
  return joined(value, scope, (literal) => withoutSecrets(literal, scope, isOne ? called : undefined))
}

/** Program arguments: a flag such as `--api-key` says that the next one is secret. */
export function toArgs(args: readonly string[], scope: TextScope): string[] {
  return args.map((arg, index) => {
    const flag = args[index - 1] ?? ""
    const isValue = /^--?[A-Za-z][\w-]*$/.test(flag) && isSecretName(flag) && !arg.startsWith("-")
    return isValue ? toNamed(flag, arg, scope, { name: flag, isTelling: false }) : toText(arg, scope)
  })
}

function joined(text: string, scope: TextScope, toLiteral: (literal: string) => string): string {
  const segments = segmentsOf(text, scope.dialect)
  return segments
    .map((each, index) => {
      if (!("literal" in each)) return toReference(each, scope)
      const isBefore = index < segments.length - 1 && each.literal.endsWith("$")
      return isBefore ? `${toLiteral(each.literal.slice(0, -1))}${dollar}` : toLiteral(each.literal)
    })
    .join("")
}

function withoutSecrets(literal: string, scope: TextScope, called?: SecretName): string {
  const found = findSecret(literal)
  if (found === undefined) return escapeText(literal)
  const before = escapeText(found.before)
  const stands = hide(found.secret, called ?? { name: found.name, isTelling: false }, scope)
  return `${before.endsWith("$") ? `${before.slice(0, -1)}${dollar}` : before}${stands}${withoutSecrets(found.after, scope)}`
}

function hide(secret: string, called: SecretName, { variables, server, from }: TextScope): string {
  return variables.secret(secret, { ...called, server, from })
}
