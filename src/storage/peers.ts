/** Packages that only some stores need, loaded when such a store is opened. */
import { createRequire } from "node:module"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { HostError } from "../errors.ts"
import { hasCode } from "./errors.ts"

export interface Peer {
  readonly name: string
  /** The version this host was made for. */
  readonly version: string
}

export const ioredisPeer: Peer = { name: "ioredis", version: "6.0.0" }
export const keyvPeer: Peer = { name: "keyv", version: "5.6.0" }

export interface PeerRequest {
  /** The store that needs them, in the message. */
  readonly store: string
  /** Where a package may be installed besides the host's own folder: that of the manifest. */
  readonly directory: string
}

/** The modules, in the order of `peers`. Throws a `HostError` with the command that installs all of them. */
export async function loadPeers(peers: readonly Peer[], { store, directory }: PeerRequest): Promise<unknown[]> {
  const modules = await Promise.all(peers.map(({ name }) => load(name, directory)))
  const missing = peers.filter((_, index) => modules[index] === undefined)
  if (missing.length === 0) return modules
  const words = missing.map(({ name }) => name).join(" and ")
  throw new HostError("STORE_PACKAGE_MISSING", `store ${store} needs ${words}, which is not installed`, {
    help: `Run: npm install ${peers.map(({ name, version }) => `${name}@${version}`).join(" ")}`,
  })
}

async function load(name: string, directory: string): Promise<unknown> {
  for (const from of [import.meta.url, path.join(directory, "mcp-host.yaml")]) {
    const file = find(name, from)
    if (file !== undefined) return import(pathToFileURL(file).href)
  }
  return undefined
}

function find(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch (error) {
    if (hasCode(error, "MODULE_NOT_FOUND")) return undefined
    throw error
  }
}
