/**
 * The rules between keys, and those that look at the file system. Each runs when the values it reads are sound, so one
 * mistake hides no other. What reading yields (targets, icons) is kept for `normalize`.
 */
import type { JsonObject } from "../protocol/json.ts"

import type { StoreConfig } from "../storage/types.ts"

import { checkOverrides } from "./checkOverrides.ts"

import { readIcon } from "./icons.ts"
import { type MiddlewareReading, readMiddleware } from "./middleware/read.ts"
import type { ManifestInput, ServerInput } from "./schema.ts"
import { type Path, type Scope, valueWords } from "./scope.ts"
import { serverKeyPattern } from "./serverSchema.ts"
import { checkStoreOf, checkStores } from "./stores.ts"
import { readTarget, type TargetReading } from "./target.ts"
import { nodeAt, toValue } from "./tree.ts"
import { didYouMean, pathText, quote } from "./words.ts"

export interface Readings {
  /** By server key. */
  readonly targets: ReadonlyMap<string, TargetReading>
  readonly icons: readonly JsonObject[]
  /** By name. */
  readonly stores: ReadonlyMap<string, StoreConfig>
  /** By the text of the list's path. */
  readonly middleware: ReadonlyMap<string, readonly MiddlewareReading[]>
}

/** Paths the endpoint answers itself. */
const takenPaths = ["/healthz", "/readyz", "/metrics"]

export function checkRules(scope: Scope): Readings {
  const targets = new Map<string, TargetReading>()
  const servers = nodeAt(scope.tree, ["servers"])
  for (const key of servers?.kind === "map" ? servers.entries.keys() : []) {
    const target = checkServer(key, scope)
    if (target !== undefined) targets.set(key, target)
  }
  checkProfiles(scope)
  checkEndpointPath(scope)
  const middleware = readMiddleware(scope)
  return { targets, icons: checkIcons(scope), stores: checkStores(scope), middleware }
}

/** A value that the schema has accepted, so that its type is that of the schema; undefined when it is absent or not sound. */
function sound<T>(path: Path, scope: Scope): T | undefined {
  const node = nodeAt(scope.tree, path)
  return node === undefined || !scope.isSound(path) ? undefined : (toValue(node) as T)
}

function checkIcons(scope: Scope): JsonObject[] {
  const path = ["host", "icons"]
  const icons = sound<NonNullable<NonNullable<ManifestInput["host"]>["icons"]>>(path, scope) ?? []
  return icons.map((icon, index) => readIcon(icon, [...path, index], scope)).filter((icon) => icon !== undefined)
}

function checkEndpointPath(scope: Scope): void {
  const path = ["endpoint", "http", "path"]
  const value = sound<string>(path, scope)?.replace(/\/+$/, "")
  if (value === undefined || !takenPaths.includes(value)) return
  const message = `${pathText(path)}: ${quote(value)} is a route of the host itself; taken are ${takenPaths.join(", ")}`
  scope.problem("MANIFEST_INVALID_VALUE", path, message, "Choose another path, such as /mcp.")
}

function checkProfiles(scope: Scope): void {
  const profiles = nodeAt(scope.tree, ["profiles"])
  const servers = nodeAt(scope.tree, ["servers"])
  const known = servers?.kind === "map" ? [...servers.entries.keys()] : []
  for (const name of profiles?.kind === "map" ? profiles.entries.keys() : []) {
    const path = ["profiles", name]
    if (!serverKeyPattern.test(name)) {
      const message = `the profile name ${quote(name)} must be made of ${keyWords}`
      scope.keyProblem("MANIFEST_INVALID_VALUE", path, message, "Choose another name; it is a part of a path.")
    }
    const list = nodeAt(scope.tree, [...path, "servers"])
    for (const [at, item] of list?.kind === "list" ? list.items.entries() : []) {
      const place = [...path, "servers", at]
      const key = sound<string>(place, scope)
      if (item.kind !== "scalar" || key === undefined || known.includes(key)) continue
      const words = `${pathText(place)}: there is no server ${valueWords(item, place)}.${didYouMean(key, known)}`
      scope.problem("MANIFEST_INVALID_VALUE", place, `${words} There are: ${known.join(", ") || "none"}`)
    }
  }
}

const keyWords = "letters, digits, _ and -, beginning with a letter or digit"

function checkServer(key: string, scope: Scope): TargetReading | undefined {
  const path = ["servers", key]
  if (!serverKeyPattern.test(key)) {
    const message = `the server key ${quote(key)} must be made of ${keyWords}`
    scope.keyProblem("MANIFEST_INVALID_VALUE", path, message, "Choose another key; a prefix can be given as prefix.")
  }
  const node = nodeAt(scope.tree, path)
  if (node?.kind !== "map") return undefined
  checkPrefix(key, scope)
  checkStoreOf(key, scope)
  checkOverrides(path, scope)
  const modes = (["import", "mount"] as const).filter((mode) => node.entries.has(mode))
  const [mode, other] = modes
  if (mode === undefined) {
    scope.keyProblem("MANIFEST_MISSING_KEY", path, `${pathText(path)} needs one of the keys import and mount`)
    return undefined
  }
  if (other !== undefined) {
    const message = `${pathText(path)} has import and mount; only one of them is allowed`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, other], message, "Keep one of the two.")
  }
  const input = sound<NonNullable<ServerInput["mount"]>>([...path, mode], scope)
  const target = input === undefined ? undefined : readTarget(input, [...path, mode], scope)
  if (target !== undefined && target.kind !== "package") checkPackageKeys(path, scope)
  if (target?.kind === "manifest") checkManifestKeys(path, scope)
  return target
}

function checkPackageKeys(path: Path, scope: Scope): void {
  for (const key of ["mode", "config", "storage"]) {
    const at = [...path, key]
    if (nodeAt(scope.tree, at) === undefined) continue
    const message = `${pathText(at)} is only for in-process packages; this server is a command, a URL or a manifest`
    scope.keyProblem("MANIFEST_INVALID_VALUE", at, message, `Remove ${key}.`)
  }
}

/** Sessions are those of the servers inside. */
function checkManifestKeys(path: Path, scope: Scope): void {
  for (const key of ["session", "idleTimeout"]) {
    const at = [...path, key]
    if (nodeAt(scope.tree, at) === undefined) continue
    const message = `${pathText(at)} does not apply to a manifest; its servers have their own`
    scope.keyProblem("MANIFEST_INVALID_VALUE", at, message, `Give ${key} in that manifest.`)
  }
}

/** RFC 3986 section 3.1: a scheme is a letter, then letters, digits, "+", "-" and ".". */
const schemePattern = /^[A-Za-z][A-Za-z0-9.-]*$/

function checkPrefix(key: string, scope: Scope): void {
  const at = ["servers", key, "prefix"]
  const own = ["servers", key, "uris"]
  const uris =
    nodeAt(scope.tree, own) === undefined ? sound<string>(["defaults", "uris"], scope) : sound<string>(own, scope)
  if (uris !== "protocol" || !scope.isSound(at)) return
  const prefix = sound<string>(at, scope) ?? key
  if (prefix === "" || schemePattern.test(prefix)) return
  const interpolated = nodeAt(scope.tree, at)
  const shown = interpolated?.kind === "scalar" && interpolated.interpolated ? interpolated.source : quote(prefix)
  const message = `${pathText(["servers", key])}: with "uris: protocol" the prefix becomes part of a URI scheme, which ${shown} cannot (letters, digits, "-" and ".", beginning with a letter)`
  const usable = prefix.replace(/[^A-Za-z0-9.-]/g, "-").replace(/^[^A-Za-z]+/, "")
  const instead =
    usable === "" || (interpolated?.kind === "scalar" && interpolated.interpolated) ? "" : ` such as ${usable}`
  const help = `Give another prefix${instead}, or set uris: path or uris: none for this server.`
  const place = nodeAt(scope.tree, at) === undefined ? ["servers", key] : at
  if (place === at) scope.problem("MANIFEST_INVALID_VALUE", at, message, help)
  else scope.keyProblem("MANIFEST_INVALID_VALUE", place, message, help)
}
