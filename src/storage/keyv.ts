/**
 * A store in any backend of Keyv. Values with their expiry are kept as text of our own, so that what one adapter does
 * to them no other does differently. Keyv has no single steps: `take`, `increment`, `rate` and `ifVersion` are refused.
 */
import type Keyv from "keyv"
import type { KeyvStoreAdapter } from "keyv"
import { HostError } from "../errors.ts"
import type { JsonValue } from "../protocol/json.ts"
import { notAtomic } from "./errors.ts"
import { type KeyvBackend, keyvBackendOf, keyvSchemes } from "./keyvBackends.ts"
import { keyvPeer, loadPeers, type PeerRequest } from "./peers.ts"
import type { OpenStore, SetOptions } from "./store.ts"

export interface KeyvStoreOptions extends PeerRequest {
  readonly uri: string
  /** Keyv's namespace, so that others may use the backend too. */
  readonly prefix: string
}

/** Throws a `HostError` when the scheme is unknown or its packages are missing. Connecting is left to the first use. */
export async function openKeyvStore(options: KeyvStoreOptions): Promise<OpenStore> {
  const backend = keyvBackendOf(options.uri)
  if (backend === undefined) {
    const known = ["redis", "rediss", ...keyvSchemes].map((scheme) => `${scheme}:`).join(", ")
    throw new HostError("STORE_UNUSABLE", `store ${options.store}: the uri must begin with one of ${known}`)
  }
  const [keyv, adapter] = (await loadPeers([keyvPeer, backend.adapter], options)) as [KeyvModule, AdapterModule]
  const store = new adapter.default(backend.optionsOf(options.uri))
  return new KeyvStore(new keyv.default({ store, namespace: options.prefix, throwOnErrors: true }), backend)
}

interface KeyvModule {
  readonly default: typeof Keyv
}

interface AdapterModule {
  readonly default: new (options: unknown) => KeyvStoreAdapter
}

interface Entry {
  readonly value: JsonValue
  readonly expiresAt?: number
}

/** What all backends take for a key: columns and Memcached end at about 250 bytes, with the namespace. */
const longestName = 200

class KeyvStore implements OpenStore {
  readonly atomic = false
  readonly #keyv: Keyv<string>
  readonly #backend: KeyvBackend
  /** Errors that an adapter emitted instead of throwing them. */
  readonly #emitted = { count: 0, latest: undefined as unknown }

  constructor(keyv: Keyv<string>, backend: KeyvBackend) {
    this.#keyv = keyv
    this.#backend = backend
    keyv.on("error", (error: unknown) => {
      this.#emitted.count += 1
      this.#emitted.latest = error
    })
  }

  async get(key: string): Promise<JsonValue | undefined> {
    const entry = toEntry(await this.#run(() => this.#keyv.get(toName(key))))
    return entry?.value
  }

  async getVersioned(): Promise<never> {
    throw notAtomic("compare versions")
  }

  async set(key: string, value: JsonValue, { ttlMs, ifVersion }: SetOptions = {}): Promise<boolean> {
    if (ifVersion !== undefined) throw notAtomic("compare and write")
    const entry: Entry = { value, ...(ttlMs !== undefined && { expiresAt: Date.now() + ttlMs }) }
    const written = await this.#run(() =>
      this.#keyv.set(toName(key), JSON.stringify(entry), this.#backend.nativeTtl(ttlMs)),
    )
    if (!written) throw new Error("the backend did not write")
    return true
  }

  async take(): Promise<never> {
    throw notAtomic("get and delete")
  }

  async increment(): Promise<never> {
    throw notAtomic("count")
  }

  async rate(): Promise<never> {
    throw notAtomic("count calls")
  }

  async delete(key: string): Promise<boolean> {
    const name = toName(key)
    // Not every backend knows by itself what has expired.
    const isThere = (await this.get(key)) !== undefined
    return (await this.#run(() => this.#keyv.delete(name))) && isThere
  }

  async keys(prefix = ""): Promise<string[]> {
    const { iterator } = this.#keyv
    if (iterator === undefined) throw new HostError("STORE_NOT_LISTABLE", "this backend cannot list its keys")
    return this.#run(async () => {
      const keys: string[] = []
      for await (const [name, text] of iterator(this.#keyv.namespace) as AsyncIterable<[string, string]>) {
        const key = fromName(name)
        if (key.startsWith(prefix) && toEntry(text) !== undefined) keys.push(key)
      }
      return keys.sort()
    })
  }

  async close(): Promise<void> {
    await this.#keyv.disconnect()
  }

  /** Some adapters emit an error and answer as if nothing were there. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#emitted.count
    const result = await work()
    if (this.#emitted.count > before) throw this.#emitted.latest
    return result
  }
}

function toEntry(text: string | undefined): Entry | undefined {
  if (text === undefined) return undefined
  // Written by `set` only.
  const entry = JSON.parse(text) as Entry
  return entry.expiresAt !== undefined && entry.expiresAt <= Date.now() ? undefined : entry
}

/**
 * Some backends do not tell capitals from small letters, some take no spaces: what is not plain becomes `%` and the four
 * digits of its UTF-16 unit.
 */
function toName(key: string): string {
  const name = key.replace(/[^a-z0-9._/-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
  if (name.length <= longestName) return `k${name}`
  throw new TypeError(`The key ${JSON.stringify(key.slice(0, 40))}… is too long for this backend`)
}

function fromName(name: string): string {
  return name
    .slice(1)
    .replace(/%([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}
