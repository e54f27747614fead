/** The rules between the keys of `override`. What only the server's catalogue can tell, `check --connect` tells. */
import type { ArgumentOverride, ComponentOverride } from "../composition/types.ts"
import { isJsonObject } from "../protocol/json.ts"
import type { Path, Scope } from "./scope.ts"
import { nodeAt, toValue } from "./tree.ts"
import { pathText, quote } from "./words.ts"

/** Checks the overrides of the server at `path`. */
export function checkOverrides(path: Path, scope: Scope): void {
  for (const section of ["tools", "prompts"]) {
    const at = [...path, section, "override"]
    const overrides = entriesAt<ComponentOverride>(at, scope)
    checkNames(at, overrides, scope)
    for (const [key] of overrides) {
      const inside = [...at, key, "args"]
      const args = entriesAt<ArgumentOverride>(inside, scope)
      checkNames(inside, args, scope)
      for (const [name, override] of args) checkArgument([...inside, name], override, scope)
    }
  }
}

/** The sound entries of a mapping. */
function entriesAt<T>(path: Path, scope: Scope): [string, T][] {
  const node = nodeAt(scope.tree, path)
  const value = node === undefined ? undefined : toValue(node)
  if (!isJsonObject(value)) return []
  return Object.entries(value).filter(([key]) => scope.isSound([...path, key])) as [string, T][]
}

interface Named {
  readonly name?: string | undefined
  readonly hide?: boolean | undefined
}

/** Two of one server may not get one name. */
function checkNames(path: Path, entries: readonly (readonly [string, Named])[], scope: Scope): void {
  const owners = new Map<string, string>()
  for (const [key, { name = key, hide }] of entries) {
    if (hide === true) continue
    const other = owners.get(name)
    owners.set(name, other ?? key)
    if (other === undefined) continue
    const message = `${pathText(path)}: ${quote(other)} and ${quote(key)} would both be called ${quote(name)}`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, key], message, "Give one of them another name.")
  }
}

const shownOnly = ["name", "description", "default", "required"] as const

function checkArgument(path: Path, override: ArgumentOverride, scope: Scope): void {
  const refuse = (key: string, why: string, help: string): void =>
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, key], `${pathText([...path, key])} ${why}`, help)
  if (override.hide !== true && override.value !== undefined)
    refuse("value", "is only for a hidden argument", "Add hide: true, or give it as default.")
  for (const key of override.hide === true ? shownOnly : [])
    if (override[key] !== undefined)
      refuse(key, "means nothing: the argument is hidden", `Remove ${key}, or hide; a hidden one takes value alone.`)
  if (override.hide !== true && override.default !== undefined && override.required === true)
    refuse("required", "means nothing: the argument has a default", "Remove required, or default.")
}
