/** Reads what `storage` says: which stores there are, and their secrets. Runs on values the schema has accepted. */
import { resolve } from "node:path"
import type { StoreConfig } from "../storage/types.ts"
import { defaults } from "./defaults.ts"
import type { Path, Scope } from "./scope.ts"
import { type StoreInput, storeNamePattern } from "./storageSchema.ts"
import { nodeAt, toValue } from "./tree.ts"
import { pathText, quote } from "./words.ts"

/** By name, in the order of the file; of a store that is not sound there is none. */
export function checkStores(scope: Scope): Map<string, StoreConfig> {
  const stores = new Map<string, StoreConfig>()
  const section = nodeAt(scope.tree, ["storage"])
  for (const name of section?.kind === "map" ? section.entries.keys() : []) {
    const path = ["storage", name]
    if (!storeNamePattern.test(name)) {
      const allowed = "letters, digits, _ and -, beginning with a letter or digit"
      const message = `the store name ${quote(name)} must be made of ${allowed}`
      scope.keyProblem("MANIFEST_INVALID_VALUE", path, message, "Choose another name.")
    }
    const node = nodeAt(scope.tree, path)
    if (node === undefined || !scope.isSound(path)) continue
    // The schema has accepted it.
    const store = readStore(toValue(node) as StoreInput, path, scope)
    if (store === undefined) continue
    checkFolder(store, { name, stores, scope })
    stores.set(name, store)
  }
  return stores
}

/** Reports a server whose `storage` names no store. */
export function checkStoreOf(key: string, scope: Scope): void {
  checkStoreName(["servers", key, "storage"], scope)
}

/** Reports a path that names no store. */
export function checkStoreName(path: Path, scope: Scope): void {
  const node = nodeAt(scope.tree, path)
  if (node?.kind !== "scalar" || typeof node.value !== "string" || !scope.isSound(path)) return
  const section = nodeAt(scope.tree, ["storage"])
  const names = new Set([defaults.server.storage, ...(section?.kind === "map" ? section.entries.keys() : [])])
  if (names.has(node.value)) return
  const message = `${pathText(path)} must be the name of a store, one of ${[...names].join(", ")}`
  scope.problem("MANIFEST_INVALID_VALUE", path, message, "Correct it, or describe the store under storage.")
}

const ownKeys: Readonly<Record<string, readonly string[]>> = {
  memory: [],
  file: ["path"],
  redis: ["url", "prefix", "replicas"],
  uri: ["uri", "prefix"],
}
const sharedKeys = ["type", "encrypt", "previousKeys"]

function readStore(input: StoreInput, path: Path, scope: Scope): StoreConfig | undefined {
  const kind = input.type ?? "uri"
  const needed = kind === "redis" ? "url" : kind === "uri" ? "uri" : undefined
  if (needed !== undefined && input[needed] === undefined) {
    const wanted = kind === "uri" ? "one of the keys type and uri" : "the key url"
    scope.keyProblem("MANIFEST_MISSING_KEY", path, `${pathText(path)} needs ${wanted}`)
    return undefined
  }
  const own = [...(ownKeys[kind] ?? []), ...(isRedis(input.uri) ? ["replicas"] : [])]
  const foreign = Object.keys(input).find((key) => !sharedKeys.includes(key) && !own.includes(key))
  if (foreign !== undefined) {
    const what = kind === "uri" ? "a store with a uri" : `a ${kind} store`
    const message = `${pathText([...path, foreign])} does not belong to ${what}`
    scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, foreign], message, `Remove ${foreign}, or change the type.`)
    return undefined
  }
  if (input.previousKeys !== undefined && input.encrypt === undefined) {
    const message = `${pathText(path)} has previousKeys without encrypt`
    scope.keyProblem("MANIFEST_MISSING_KEY", path, message, "Give the key to encrypt with as encrypt.")
    return undefined
  }
  return toConfig(input, scope.directoryOf(path))
}

function toConfig(input: StoreInput, directory: string): StoreConfig {
  const { type, encrypt, previousKeys = [], prefix = defaults.store.prefix, replicas = defaults.store.replicas } = input
  const protection = { ...(encrypt !== undefined && { encrypt }), previousKeys }
  if (type === "memory") return { type, ...protection }
  if (type === "file")
    return { type, ...(input.path !== undefined && { folder: resolve(directory, input.path) }), ...protection }
  const uri = input.url ?? input.uri ?? ""
  // Whoever says `url` wants the protocol of Redis, which Valkey speaks too.
  if (input.url !== undefined || isRedis(uri))
    return { type: "redis", url: uri.replace(/^valkey/i, "redis"), prefix, replicas, ...protection }
  const [, file] = /^sqlite:\/\/(.+)$/i.exec(uri) ?? []
  const place = file === undefined || file === ":memory:" ? uri : `sqlite://${resolve(directory, file)}`
  return { type: "keyv", uri: place, prefix, ...protection }
}

function isRedis(uri: string | undefined): boolean {
  return /^rediss?:/i.test(uri ?? "")
}

interface Others {
  readonly name: string
  readonly stores: ReadonlyMap<string, StoreConfig>
  readonly scope: Scope
}

/** Two stores in one folder would be one store. */
function checkFolder(store: StoreConfig, { name, stores, scope }: Others): void {
  if (store.type !== "file" || store.folder === undefined) return
  for (const [other, config] of stores) {
    if (config.type !== "file" || config.folder !== store.folder) continue
    const path = ["storage", name, "path"]
    const message = `${pathText(path)} is the folder of the store ${quote(other)} too`
    scope.problem("MANIFEST_INVALID_VALUE", path, message, "Give each store a folder of its own.")
  }
}

/** What of a store must not be shown, whether it came through `${…}` or is written in the manifest. */
export function secretsOfStore(store: StoreConfig): string[] {
  const url = store.type === "redis" ? store.url : store.type === "keyv" ? store.uri : ""
  const [, password = ""] = /^[^:]+:\/\/[^/@]*?:([^/]*)@/.exec(url) ?? []
  return [store.encrypt ?? "", ...store.previousKeys, password].filter((secret) => secret !== "")
}
