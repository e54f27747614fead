/** Encryption: the contract over every kind of backend, what can be read on the disk, wrong keys and new ones. */
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { openEncrypted, rotateKeys } from "../../src/storage/encrypted.ts"
import { assertNotEncrypted, headerKey } from "../../src/storage/encryptionHeader.ts"
import { openKeyvStore } from "../../src/storage/keyv.ts"
import { createMemoryStore } from "../../src/storage/memory.ts"
import { seal, toSealingKey, unseal } from "../../src/storage/sealing.ts"
import type { OpenStore } from "../../src/storage/store.ts"
import { createClock, fileStore, onEnd, realClock, redisStore, temporaryFolder, useRedis } from "./support.ts"
import { testStore } from "./testStore.ts"

const [key, nextKey, otherKey] = ["a".repeat(40), "b".repeat(40), "c".repeat(40)] as const
const { unavailable, server } = useRedis()

interface Keys {
  readonly encrypt?: string
  readonly previousKeys?: readonly string[]
  readonly now?: () => number
}

function encrypted(store: OpenStore, { encrypt = key, previousKeys = [], now }: Keys = {}): Promise<OpenStore> {
  return openEncrypted(store, { name: "test", encrypt, previousKeys, ...(now !== undefined && { now }) })
}

testStore("memory, encrypted", async () => {
  const { now, tick } = createClock()
  return { store: await encrypted(createMemoryStore(now), { now }), tick }
})

testStore("file, encrypted", async () => {
  const { now, tick } = createClock()
  return { store: await encrypted(await fileStore(await temporaryFolder(), now), { now }), tick }
})

testStore(
  "redis, encrypted",
  async () => ({ store: await encrypted(await redisStore(await server())), ...realClock }),
  {
    unavailable,
  },
)

testStore(
  "keyv (valkey), encrypted",
  async () => {
    const { url } = await server()
    const options = { store: "test", directory: import.meta.dirname, prefix: crypto.randomUUID() }
    const store = await openKeyvStore({ ...options, uri: url.replace("redis", "valkey") })
    return { store: await encrypted(store), ...realClock }
  },
  { unavailable, atomic: false },
)

/** Every file below a folder, by its path in it. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const texts = files.map(async (file) => [path.relative(folder, file), await readFile(file, "latin1")] as const)
  return new Map(await Promise.all(texts))
}

/** The folder of an encrypted store with these records. */
async function filledFolder(plain: readonly string[]): Promise<string> {
  const folder = await temporaryFolder()
  const store = await encrypted(await fileStore(folder))
  for (const each of plain) await store.set(each, `value of ${each}`)
  await store.close()
  return folder
}

describe("on the disk", () => {
  it("there is neither a value nor a record key, nor a plain hash of one", async () => {
    const folder = await filledFolder(["alice@example.com", "bob@example.com"])
    const all = [...(await filesOf(folder))].flat().join("\n")
    for (const told of ["alice", "bob", "example.com", "value of", key]) {
      expect(all).not.toContain(told)
      expect(all).not.toContain(Buffer.from(told).toString("base64url"))
    }
    for (const name of ["alice@example.com", '"alice@example.com"'])
      for (const digest of ["hex", "base64url"] as const)
        expect(all).not.toContain(createHash("sha256").update(name).digest(digest))
  })

  it("the same value twice looks different", async () => {
    const folder = await temporaryFolder()
    const store = await encrypted(await fileStore(folder))
    onEnd(() => store.close())
    await store.set("a", "same")
    const before = await filesOf(folder)
    await store.set("a", "same")
    const after = await filesOf(folder)
    const changed = [...after].filter(([file, text]) => before.get(file) !== text)
    expect(changed).toHaveLength(1)
    const values = [before, after].map((files) => JSON.parse(files.get(changed[0]![0])!).value.split("."))
    expect(values[0][1]).not.toBe(values[1][1])
    expect(values[0][2]).not.toBe(values[1][2])
  })
})

describe("a store that does not fit its key", () => {
  it("refuses a wrong key and changes nothing", async () => {
    const folder = await filledFolder(["a"])
    const before = await filesOf(folder)
    const store = await fileStore(folder)
    await expect(encrypted(store, { encrypt: otherKey })).rejects.toMatchObject({
      code: "STORE_WRONG_KEY",
      message: expect.not.stringContaining(otherKey),
    })
    await store.close()
    expect(await filesOf(folder)).toEqual(before)
    const again = await encrypted(await fileStore(folder))
    onEnd(() => again.close())
    expect(await again.get("a")).toBe("value of a")
  })

  it("refuses to be used without a key", async () => {
    const store = await fileStore(await filledFolder([]))
    onEnd(() => store.close())
    await expect(assertNotEncrypted(store, "test")).rejects.toMatchObject({ code: "STORE_ENCRYPTED" })
  })

  it("refuses a key while it holds plain records, and changes nothing", async () => {
    const plain = createMemoryStore()
    await plain.set("a", 1)
    await expect(encrypted(plain)).rejects.toMatchObject({ code: "STORE_NOT_ENCRYPTED" })
    expect(await plain.keys()).toEqual(["a"])
    await expect(assertNotEncrypted(plain, "test")).resolves.toBeUndefined()
  })

  it("refuses a damaged header", async () => {
    const inner = createMemoryStore()
    await encrypted(inner)
    for (const header of [1, { format: 2, keys: {} }, { format: 1, keys: { [toSealingKey(key).id]: "AAAA" } }]) {
      await inner.set(headerKey, header)
      await expect(encrypted(inner)).rejects.toMatchObject({ code: "STORE_UNUSABLE" })
      expect(await inner.get(headerKey)).toEqual(header)
    }
  })

  it("opens for several at once, the first included", async () => {
    const inner = createMemoryStore()
    const stores = await Promise.all([1, 2, 3, 4].map(() => encrypted(inner)))
    await stores[0]!.set("a", 1)
    for (const store of stores) expect(await store.get("a")).toBe(1)
  })

  it("lets one of two keys win when both come first", async () => {
    const inner = createMemoryStore()
    const opened = await Promise.allSettled([encrypted(inner), encrypted(inner, { encrypt: otherKey })])
    const failed = opened.filter((each) => each.status === "rejected")
    expect(failed.map(({ reason }) => reason.code)).toEqual(["STORE_WRONG_KEY"])
  })
})

describe("a record that was tampered with", () => {
  it("does not open in another's place", async () => {
    const inner = createMemoryStore()
    const store = await encrypted(inner)
    await store.set("a", "value of a")
    const [a] = await inner.keys("e.")
    await store.set("b", "value of b")
    const b = (await inner.keys("e.")).find((place) => place !== a)
    await inner.set(b!, (await inner.get(a!))!)
    await expect(store.get("b")).rejects.toMatchObject({ code: "STORE_UNUSABLE" })
    await expect(store.keys()).rejects.toMatchObject({ code: "STORE_UNUSABLE" })
    expect(await store.get("a")).toBe("value of a")
  })

  it("does not open with any bit changed", () => {
    const sealing = toSealingKey(key)
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), fc.nat(), fc.nat(7), (text, about, at, bit) => {
        const sealed = seal(sealing, text, about)
        const bytes = Buffer.from(sealed, "base64url")
        const index = at % bytes.length
        bytes[index] = bytes[index]! ^ (1 << bit)
        // What cannot be UTF-8 does not come back: records are JSON, which has none of it.
        expect(unseal(sealing, sealed, about)).toBe(Buffer.from(text).toString())
        expect(unseal(sealing, bytes.toString("base64url"), about)).toBeUndefined()
        expect(unseal(sealing, sealed, `${about}.`)).toBeUndefined()
        expect(unseal(toSealingKey(otherKey), sealed, about)).toBeUndefined()
      }),
    )
  })
})

describe("another key", () => {
  const rotation = { name: "test", encrypt: nextKey, previousKeys: [key] }

  it("opens what the previous one wrote, and writes with itself", async () => {
    const inner = createMemoryStore()
    const old = await encrypted(inner)
    await old.set("a", 1)
    await old.set("b", 1)
    const both = await encrypted(inner, rotation)
    expect(await both.keys()).toEqual(["a", "b"])
    expect(await both.get("a")).toBe(1)
    expect(await both.increment("a")).toBe(2)
    await expect(old.get("a")).rejects.toMatchObject({ code: "STORE_WRONG_KEY" })
    expect(await old.get("b")).toBe(1)
  })

  it("is the only one after rotation; values and their times stay", async () => {
    const { now, tick } = createClock()
    const inner = createMemoryStore(now)
    const old = await encrypted(inner, { now })
    await old.set("a", { n: 1 })
    await old.set("short", 2, { ttlMs: 100 })
    tick(50)
    expect(await rotateKeys(inner, { ...rotation, now })).toEqual({ rotated: 2, current: 0 })
    expect(await rotateKeys(inner, { ...rotation, now })).toEqual({ rotated: 0, current: 2 })
    await expect(encrypted(inner, { now })).rejects.toMatchObject({ code: "STORE_WRONG_KEY" })
    const store = await encrypted(inner, { encrypt: nextKey, now })
    expect(await store.keys()).toEqual(["a", "short"])
    expect(await store.get("a")).toEqual({ n: 1 })
    tick(49)
    expect(await store.get("short")).toBe(2)
    tick(1)
    expect(await store.get("short")).toBeUndefined()
  })

  it("loses nothing that is written during rotation", async () => {
    const inner = createMemoryStore()
    const old = await encrypted(inner)
    for (let n = 0; n < 50; n += 1) await old.set(`k${n}`, 0)
    const both = await encrypted(inner, rotation)
    const writes = Array.from({ length: 500 }, (_, n) => both.increment(`k${n % 50}`))
    await Promise.all([rotateKeys(inner, rotation), ...writes])
    const store = await encrypted(inner, { encrypt: nextKey })
    for (let n = 0; n < 50; n += 1) expect(await store.get(`k${n}`)).toBe(10)
  })

  it("does not rotate with a wrong one", async () => {
    const inner = createMemoryStore()
    await (await encrypted(inner)).set("a", 1)
    await expect(rotateKeys(inner, { ...rotation, previousKeys: [otherKey] })).rejects.toMatchObject({
      code: "STORE_WRONG_KEY",
    })
    expect(await (await encrypted(inner)).get("a")).toBe(1)
  })
})
