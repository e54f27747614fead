/** Reports what is wrong with the items of `middleware`, each by the form that its keys choose. */

import type * as z from "zod/mini"
import { isJsonObject, type JsonObject, type JsonValue } from "../../protocol/json.ts"
import { issuesOf } from "../fields.ts"
import { type Finding, toFinding } from "../findings.ts"
import { type Path, type Scope, valueWords } from "../scope.ts"
import { nodeAt, type Tree, toValue } from "../tree.ts"
import { didYouMean, nearest, pathText, quote } from "../words.ts"
import { builtinNames, builtinOptions, fromModule, itemWords } from "./schema.ts"

/** Whether a path leads into an item of a `middleware` list, the manifest's or a server's. */
export function isMiddlewareItem(path: Path): boolean {
  const [section, , key] = path
  return (
    (section === "middleware" && path.length > 1) || (section === "servers" && key === "middleware" && path.length > 3)
  )
}

/** What zod finds in options. Items that have no form are left to `checkMiddlewareItems`. */
export function middlewareFindings(tree: Tree): Finding[] {
  return itemsIn(tree).flatMap(({ item, path }) => {
    const form = formOf(item)
    return form === undefined ? [] : findingsIn(form.value, [...path, ...form.at], form.schema)
  })
}

/** Reports items that are neither a known name nor a mapping with one. */
export function checkMiddlewareItems(scope: Scope): void {
  for (const { item, path } of itemsIn(scope.tree)) {
    const given = nodeAt(scope.tree, path)
    if (given === undefined || formOf(item) !== undefined) continue
    if (isJsonObject(item)) reportKeys(item, path, scope)
    else {
      const near = typeof item === "string" && given.kind === "scalar" && !given.interpolated ? item : ""
      const hint = didYouMean(near, builtinNames)
      const message = `${pathText(path)} must be ${itemWords}, given ${valueWords(given, path)}.${hint} Names: ${builtinNames.join(", ")}`
      scope.problem("MANIFEST_INVALID_VALUE", path, message)
    }
  }
}

interface Item {
  readonly item: JsonValue
  readonly path: Path
}

function itemsIn(tree: Tree): Item[] {
  const value = toValue(tree)
  if (!isJsonObject(value)) return []
  const servers = isJsonObject(value["servers"]) ? value["servers"] : {}
  const lists: [Path, JsonValue | undefined][] = [
    [["middleware"], value["middleware"]],
    ...Object.entries(servers).map(([key, server]): [Path, JsonValue | undefined] => [
      ["servers", key, "middleware"],
      isJsonObject(server) ? server["middleware"] : undefined,
    ]),
  ]
  return lists.flatMap(([path, list]) =>
    Array.isArray(list) ? list.map((item, at) => ({ item, path: [...path, at] })) : [],
  )
}

interface Form {
  readonly value: JsonValue
  /** Where the value is in the item. */
  readonly at: Path
  readonly schema: z.ZodMiniType
}

function formOf(item: JsonValue): Form | undefined {
  // A name alone has no options, which is wrong where some must be given.
  if (typeof item === "string") return isBuiltin(item) ? { value: {}, at: [], schema: builtinOptions[item] } : undefined
  if (!isJsonObject(item)) return undefined
  if (Object.hasOwn(item, "use")) return { value: item, at: [], schema: fromModule }
  const [name, ...others] = Object.keys(item)
  if (name === undefined || others.length > 0 || !isBuiltin(name)) return undefined
  return { value: item[name] ?? null, at: [name], schema: builtinOptions[name] }
}

function isBuiltin(name: string): name is (typeof builtinNames)[number] {
  return Object.hasOwn(builtinOptions, name)
}

function findingsIn(value: JsonValue, path: Path, schema: z.ZodMiniType): Finding[] {
  return issuesOf(schema, value).map((issue) => toFinding(issue, path, schema))
}

function reportKeys(item: JsonObject, path: Path, scope: Scope): void {
  const keys = Object.keys(item)
  const unknown = keys.find((key) => !isBuiltin(key))
  const where = pathText(path)
  if (unknown !== undefined) {
    const words =
      nearest(unknown, [...builtinNames, "use"]) === undefined ? "" : didYouMean(unknown, [...builtinNames, "use"])
    const message = `unknown middleware ${quote(unknown)} in ${where}.${words} There are: ${builtinNames.join(", ")}; a module of your own is named with use`
    scope.keyProblem("MANIFEST_UNKNOWN_KEY", [...path, unknown], message)
  } else if (keys.length > 1) {
    const message = `${where} names ${keys.join(" and ")}; an item is one middleware`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, keys[1] ?? ""], message, "Make an item of the list of each.")
  } else {
    scope.problem("MANIFEST_INVALID_VALUE", path, `${where} must be ${itemWords}, given an empty mapping`)
  }
}
