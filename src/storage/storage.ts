/**
 * The stores of a manifest, by name. Each is opened when it is first used, and again at the next use when that failed.
 * The host owns them, hands parts of them out and closes them; the command line rotates their keys.
 */
import path from "node:path"
import { HostError, messageOf } from "../errors.ts"
import { dataFolder } from "./dataFolder.ts"
import type { Rotation } from "./encrypted.ts"
import { storeUnavailable } from "./errors.ts"
import { createMemoryStore } from "./memory.ts"
import type { OpenStore, Store } from "./store.ts"
import type { StoreConfig } from "./types.ts"

/** What an operation may take on the network, in milliseconds; `keys` takes as long as the store is large. */
export const redisTimeoutMs = 250
export const keyvTimeoutMs = 2_000
export const keysTimeoutMs = 30_000

/** What is read of a manifest. */
export interface StorageSource {
  /** Its file. Packages that stores need may be installed in its folder. */
  readonly file: string
  readonly storage: Readonly<Record<string, StoreConfig>>
}

export interface StorageOptions {
  /** The store `default` where the manifest has none: among the user's data, or (default) as long as the process. */
  readonly fallback?: "file" | "memory"
  /** Told what went wrong where nobody waits for it. */
  readonly warn: (message: string) => void
}

export interface Storage {
  /** The store of this name, which the manifest has. Costs nothing until it is used. */
  store(name: string): Store
  /** Opens these stores. Throws the `HostError` of one that cannot be used as configured; what is down is only told. */
  verify(names: readonly string[]): Promise<void>
  /** See `rotateKeys`. Throws a `HostError` for a store without encryption. */
  rotate(name: string): Promise<Rotation>
  /** Idempotent; never rejects. */
  close(): Promise<void>
}

export function createStorage(source: StorageSource, { fallback = "memory", warn }: StorageOptions): Storage {
  const context = { manifest: source.file, warn }
  const stores = { default: { type: fallback, previousKeys: [] }, ...source.storage }
  const opened = new Map(
    Object.entries(stores).map(([name, config]) => [
      name,
      new LazyStore(name, config, () => open(name, config, context)),
    ]),
  )
  const named = (name: string): LazyStore => {
    const store = opened.get(name)
    if (store === undefined) throw new HostError("STORE_UNUSABLE", `there is no store ${name}`)
    return store
  }
  return {
    store: named,
    async verify(names) {
      await Promise.all(
        names.map(async (name) => {
          try {
            await named(name).opened()
          } catch (error) {
            if (error instanceof HostError) throw error
            warn(`store ${name} is not available yet: ${messageOf(error)}`)
          }
        }),
      )
    },
    async rotate(name) {
      const { encrypt, previousKeys } = named(name).config
      if (encrypt === undefined) throw new HostError("USAGE", `store ${name} is not encrypted: it has no key to rotate`)
      const { rotateKeys } = await import("./encrypted.ts")
      const store = await openBackend(name, named(name).config, context)
      try {
        return await rotateKeys(store, { name, encrypt, previousKeys })
      } finally {
        await store.close()
      }
    },
    async close() {
      for (const [name, store] of opened) {
        try {
          await store.close()
        } catch (error) {
          warn(`store ${name} did not close: ${messageOf(error)}`)
        }
      }
    },
  }
}

interface Context {
  readonly manifest: string
  readonly warn: (message: string) => void
}

async function open(name: string, config: StoreConfig, context: Context): Promise<OpenStore> {
  const { encrypt, previousKeys } = config
  const store = await openBackend(name, config, context)
  try {
    if (encrypt !== undefined) {
      const { openEncrypted } = await import("./encrypted.ts")
      return await openEncrypted(store, { name, encrypt, previousKeys })
    }
    const { assertNotEncrypted } = await import("./encryptionHeader.ts")
    await assertNotEncrypted(store, name)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Loads what this kind of store needs, and no other. */
async function openBackend(name: string, config: StoreConfig, { manifest, warn }: Context): Promise<OpenStore> {
  if (config.type === "memory") return createMemoryStore()
  if (config.type === "file") {
    const { openFileStore } = await import("./file.ts")
    return openFileStore({ name, folder: config.folder ?? path.join(dataFolder(manifest), name), warn })
  }
  const { withGuard } = await import("./guarded.ts")
  const peers = { store: name, directory: path.dirname(manifest) }
  if (config.type === "redis") {
    const { openRedisStore } = await import("./redis.ts")
    const store = await openRedisStore({ ...config, ...peers })
    return withGuard(store, { name, timeoutMs: redisTimeoutMs, keysTimeoutMs, secrets: secretsIn(config.url) })
  }
  const { openKeyvStore } = await import("./keyv.ts")
  const store = await openKeyvStore({ ...config, ...peers })
  return withGuard(store, { name, timeoutMs: keyvTimeoutMs, keysTimeoutMs, secrets: secretsIn(config.uri) })
}

/** What a backend's message may repeat: the URL, its password as written and as meant. */
function secretsIn(url: string): string[] {
  const written = /^[^:]+:\/\/[^/@]*?:([^/]*)@/.exec(url)?.[1] ?? ""
  if (written === "") return [url]
  try {
    return [url, written, decodeURIComponent(written)]
  } catch {
    // A stray percent sign: it is meant as it is written.
    return [url, written]
  }
}

class LazyStore implements Store {
  readonly atomic: boolean
  readonly config: StoreConfig
  readonly #name: string
  readonly #open: () => Promise<OpenStore>
  #store: Promise<OpenStore> | undefined
  #closed = false

  constructor(name: string, config: StoreConfig, open: () => Promise<OpenStore>) {
    this.atomic = config.type !== "keyv"
    this.config = config
    this.#name = name
    this.#open = open
  }

  opened(): Promise<OpenStore> {
    if (this.#closed) return Promise.reject(storeUnavailable(this.#name, "it is closed", "no"))
    this.#store ??= this.#open().catch((error: unknown) => {
      this.#store = undefined
      throw error
    })
    return this.#store
  }

  async get(...args: Parameters<Store["get"]>) {
    return (await this.opened()).get(...args)
  }

  async getVersioned(...args: Parameters<Store["getVersioned"]>) {
    return (await this.opened()).getVersioned(...args)
  }

  async set(...args: Parameters<Store["set"]>) {
    return (await this.opened()).set(...args)
  }

  async take(...args: Parameters<Store["take"]>) {
    return (await this.opened()).take(...args)
  }

  async increment(...args: Parameters<Store["increment"]>) {
    return (await this.opened()).increment(...args)
  }

  async rate(...args: Parameters<Store["rate"]>) {
    return (await this.opened()).rate(...args)
  }

  async delete(...args: Parameters<Store["delete"]>) {
    return (await this.opened()).delete(...args)
  }

  async keys(...args: Parameters<Store["keys"]>) {
    return (await this.opened()).keys(...args)
  }

  async close(): Promise<void> {
    this.#closed = true
    const store = this.#store
    this.#store = undefined
    // One that did not open has nothing to close, and who used it was told.
    await (await store?.catch(() => undefined))?.close()
  }
}
