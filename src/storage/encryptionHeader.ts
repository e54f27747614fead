/**
 * The record of an encrypted store that says with which keys it opens. It holds the secret that record keys are hashed
 * with, encrypted once for each key of the store, so that names stay the same when the key is changed.
 */
import { HostError } from "../errors.ts"
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { deriveSecret, type SealingKey, seal, unseal } from "./sealing.ts"
import type { Store } from "./store.ts"

/** Not hashed itself; what encrypted records are called begins with `recordPrefix`. */
export const headerKey = "mcp-host.encryption"
export const recordPrefix = "e."

export interface KeyRing {
  /** What is written is encrypted with it. */
  readonly current: SealingKey
  /** With the current one. */
  readonly byId: ReadonlyMap<string, SealingKey>
}

/** Throws when the store is encrypted: it is about to be used without a key. */
export async function assertNotEncrypted(store: Store, name: string): Promise<void> {
  if ((await store.get(headerKey)) === undefined) return
  throw new HostError("STORE_ENCRYPTED", `store ${name} is encrypted, and the manifest gives no key for it`)
}

/**
 * The secret for names. Makes the header of an empty store, and adds the current key to it. Throws a `HostError`, and
 * has changed nothing, when no key of the ring fits or the store holds records that are not encrypted.
 */
export async function openHeader(store: Store, ring: KeyRing, name: string): Promise<Buffer> {
  for (;;) {
    const { value: header, ...condition } = await readForWriting(store, headerKey)
    if (header === undefined) {
      await assertEmpty(store, name)
      // The same secret whoever is first, should two hosts make the header of one store at once.
      const names = deriveSecret(ring.current, "mcp-host store names")
      await store.set(headerKey, toHeader(withKey({}, ring.current, names)), condition)
      // It is looked at again: another process, with another key, may have been first.
      continue
    }
    const sealed = keysOf(header, name)
    const names = namesFrom(sealed, ring, name)
    if (sealed[ring.current.id] !== undefined) return names
    if (await store.set(headerKey, toHeader(withKey(sealed, ring.current, names)), condition)) return names
  }
}

function namesFrom(sealed: JsonObject, ring: KeyRing, name: string): Buffer {
  const found = [...ring.byId.values()].find(({ id }) => typeof sealed[id] === "string")
  if (found === undefined) {
    const ids = Object.keys(sealed).join(" or ")
    const own = [...ring.byId.keys()].join(" and ")
    throw new HostError("STORE_WRONG_KEY", `store ${name} opens with the key ${ids}; the manifest gives ${own}`)
  }
  const secret = unseal(found, String(sealed[found.id]), headerKey)
  if (secret === undefined) throw damaged(name)
  return Buffer.from(secret, "base64url")
}

/** From now on the store opens with the current key only. */
export async function keepOnlyCurrent(store: Store, ring: KeyRing, names: Buffer): Promise<void> {
  await store.set(headerKey, toHeader(withKey({}, ring.current, names)))
}

function withKey(sealed: JsonObject, key: SealingKey, names: Buffer): JsonObject {
  return { ...sealed, [key.id]: seal(key, names.toString("base64url"), headerKey) }
}

function toHeader(keys: JsonObject): JsonObject {
  return { format: 1, keys }
}

/** A record with the condition under which it may be replaced, where the backend can keep one. */
export async function readForWriting(
  store: Store,
  key: string,
): Promise<{ value: JsonValue | undefined; ifVersion?: string }> {
  if (!store.atomic) return { value: await store.get(key) }
  const { value, version } = await store.getVersioned(key)
  return { value, ifVersion: version }
}

function keysOf(header: JsonValue, name: string): JsonObject {
  const keys = isJsonObject(header) && header["format"] === 1 ? header["keys"] : undefined
  if (!isJsonObject(keys)) throw damaged(name)
  return keys
}

function damaged(name: string): HostError {
  return new HostError("STORE_UNUSABLE", `store ${name}: its record ${headerKey} is damaged or of another version`, {
    help: "Restore it from a copy: without it nothing in the store can be read.",
  })
}

async function assertEmpty(store: Store, name: string): Promise<void> {
  let keys: string[]
  try {
    keys = await store.keys()
  } catch (error) {
    // A backend that cannot list: what is there cannot be known, and stays as it is.
    if (error instanceof HostError && error.code === "STORE_NOT_LISTABLE") return
    throw error
  }
  if (keys.some((key) => key !== headerKey && !key.startsWith(recordPrefix)))
    throw new HostError("STORE_NOT_ENCRYPTED", `store ${name} holds records that are not encrypted`)
}
