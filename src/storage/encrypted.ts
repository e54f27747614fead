/**
 * A store whose backend sees neither keys nor values: records are called by a hash of their key, and hold key and value
 * encrypted apart, the value bound to its key. Which keys open the store is in its header (`encryptionHeader.ts`).
 */
import { HostError } from "../errors.ts"
import type { JsonValue } from "../protocol/json.ts"
import { add } from "./counter.ts"
import { type KeyRing, keepOnlyCurrent, openHeader, readForWriting, recordPrefix } from "./encryptionHeader.ts"
import { hashedName, seal, toSealingKey, unseal } from "./sealing.ts"
import type { OpenStore, RateRule, SetOptions, Store } from "./store.ts"

export interface EncryptionOptions {
  /** Of the store, in messages. */
  readonly name: string
  readonly encrypt: string
  readonly previousKeys: readonly string[]
  readonly now?: () => number
}

/** Takes the store over. Throws a `HostError` when its keys do not open the store; nothing is changed then. */
export async function openEncrypted(store: OpenStore, options: EncryptionOptions): Promise<OpenStore> {
  const ring = toRing(options)
  return new EncryptedStore(store, { ...options, ring, names: await openHeader(store, ring, options.name) })
}

export interface Rotation {
  /** Records that were encrypted with another key. */
  readonly rotated: number
  /** Those that were not. */
  readonly current: number
}

/** Encrypts with the current key what is encrypted with another; then the other keys open the store no more. */
export async function rotateKeys(store: Store, options: EncryptionOptions): Promise<Rotation> {
  const ring = toRing(options)
  const names = await openHeader(store, ring, options.name)
  const count = { rotated: 0, current: 0 }
  for (const place of await store.keys(recordPrefix)) count[await rotateRecord(store, place, { ...options, ring })] += 1
  await keepOnlyCurrent(store, ring, names)
  return count
}

interface Sealing {
  readonly name: string
  readonly ring: KeyRing
  readonly now?: () => number
}

interface Entry {
  readonly value: JsonValue
  /** Milliseconds since 1970. The backend knows it too; this one is for writing the record anew. */
  readonly expiresAt?: number
}

class EncryptedStore implements OpenStore {
  readonly atomic: boolean
  readonly #store: OpenStore
  readonly #sealing: Sealing
  readonly #now: () => number
  /** The secret that keys are hashed with. */
  readonly #names: Buffer

  constructor(store: OpenStore, { names, ...sealing }: Sealing & { readonly names: Buffer }) {
    this.atomic = store.atomic
    this.#store = store
    this.#sealing = sealing
    this.#now = sealing.now ?? Date.now
    this.#names = names
  }

  async get(key: string): Promise<JsonValue | undefined> {
    return this.#open(key, await this.#store.get(this.#placeOf(key)))?.value
  }

  async getVersioned(key: string): Promise<{ value: JsonValue | undefined; version: string }> {
    const { value, version } = await this.#store.getVersioned(this.#placeOf(key))
    return { value: this.#open(key, value)?.value, version }
  }

  async set(key: string, value: JsonValue, options: SetOptions = {}): Promise<boolean> {
    const { ttlMs } = options
    const entry = { value, ...(ttlMs !== undefined && { expiresAt: this.#now() + ttlMs }) }
    const place = this.#placeOf(key)
    return this.#store.set(place, sealRecord(this.#sealing.ring, { place, key, entry }), options)
  }

  async take(key: string): Promise<JsonValue | undefined> {
    return this.#open(key, await this.#store.take(this.#placeOf(key)))?.value
  }

  /** The backend cannot count what it cannot read: the sum is written over the version it was made from. */
  async increment(key: string, by = 1, ttlMs?: number): Promise<number> {
    for (;;) {
      const { value, version } = await this.#store.getVersioned(this.#placeOf(key))
      const entry = this.#open(key, value)
      const sum = add(key, entry?.value, by)
      const leftMs = entry === undefined ? ttlMs : this.#leftMs(entry)
      if (await this.set(key, sum, { ttlMs: leftMs, ifVersion: version })) return sum
    }
  }

  /** What a rate says, how often something happened, is not encrypted; what it is of is hashed. */
  rate(key: string, rule: RateRule): Promise<number> {
    return this.#store.rate(this.#placeOf(key), rule)
  }

  delete(key: string): Promise<boolean> {
    return this.#store.delete(this.#placeOf(key))
  }

  /** Reads every record there is: names tell nothing of prefixes. */
  async keys(prefix = ""): Promise<string[]> {
    const keys: string[] = []
    for (const place of await this.#store.keys(recordPrefix)) {
      const record = await this.#store.get(place)
      const key = record === undefined ? undefined : openKey(this.#sealing, place, record)
      if (key?.startsWith(prefix)) keys.push(key)
    }
    return keys.sort()
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #leftMs({ expiresAt }: Entry): number | undefined {
    return expiresAt === undefined ? undefined : expiresAt - this.#now()
  }

  #placeOf(key: string): string {
    return recordPrefix + hashedName(this.#names, JSON.stringify(key))
  }

  #open(key: string, record: JsonValue | undefined): Entry | undefined {
    return record === undefined ? undefined : openEntry(this.#sealing, key, record)
  }
}

function toRing({ encrypt, previousKeys }: EncryptionOptions): KeyRing {
  const [current, ...previous] = [encrypt, ...previousKeys].map(toSealingKey) as [ReturnType<typeof toSealingKey>]
  return { current, byId: new Map([current, ...previous].map((key) => [key.id, key])) }
}

type Outcome = keyof Rotation

/** Tries again when somebody writes the record at the same time. */
async function rotateRecord(store: Store, place: string, sealing: Sealing): Promise<Outcome> {
  const { ring, now = Date.now } = sealing
  for (;;) {
    const { value: record, ...condition } = await readForWriting(store, place)
    if (record === undefined || toParts(sealing, record).id === ring.current.id) return "current"
    const key = openKey(sealing, place, record)
    const entry = openEntry(sealing, key, record)
    const ttlMs = entry.expiresAt === undefined ? undefined : entry.expiresAt - now()
    const text = sealRecord(ring, { place, key, entry })
    if (await store.set(place, text, { ...condition, ttlMs })) return "rotated"
  }
}

interface Plain {
  /** The record's own name. */
  readonly place: string
  readonly key: string
  readonly entry: Entry
}

/** `<key id>.<key, encrypted>.<entry, encrypted>`. */
function sealRecord({ current }: KeyRing, { place, key, entry }: Plain): string {
  const name = seal(current, JSON.stringify(key), aboutKey(place))
  return [current.id, name, seal(current, JSON.stringify(entry), aboutEntry(key))].join(".")
}

const aboutKey = (place: string): string => `key ${place}`
const aboutEntry = (key: string): string => `entry ${JSON.stringify(key)}`

function openKey(sealing: Sealing, place: string, record: JsonValue): string {
  const { key: sealingKey, name } = toParts(sealing, record)
  const text = unseal(sealingKey, name, aboutKey(place))
  if (text === undefined) throw forged(sealing)
  return JSON.parse(text) as string
}

function openEntry(sealing: Sealing, key: string, record: JsonValue): Entry {
  const { key: sealingKey, entry } = toParts(sealing, record)
  const text = unseal(sealingKey, entry, aboutEntry(key))
  if (text === undefined) throw forged(sealing)
  return JSON.parse(text) as Entry
}

function toParts(sealing: Sealing, record: JsonValue) {
  const [id = "", name = "", entry = ""] = typeof record === "string" ? record.split(".") : []
  const key = sealing.ring.byId.get(id)
  if (key !== undefined) return { id, key, name, entry }
  if (!/^[0-9a-f]{16}$/.test(id)) throw forged(sealing)
  throw new HostError("STORE_WRONG_KEY", `store ${sealing.name} holds a record that opens with the key ${id} only`)
}

function forged({ name }: Sealing): HostError {
  return new HostError("STORE_UNUSABLE", `store ${name} holds a record that was changed or moved`, {
    help: "Remove the record, or restore the store from a copy.",
  })
}
