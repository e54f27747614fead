/** The stores of a manifest: opened when they are used, each kind, and what stops a start. */
import { readdir } from "node:fs/promises"
import path from "node:path"
import { expect, it } from "vitest"
import { startRedis } from "../../scripts/redisServer.ts"
import { dataFolder } from "../../src/storage/dataFolder.ts"
import { createStorage, type Storage } from "../../src/storage/storage.ts"
import type { StoreConfig } from "../../src/storage/types.ts"
import { onEnd, temporaryFolder, useRedis } from "./support.ts"

const { unavailable, server } = useRedis()
const plain = { previousKeys: [] } as const
const key = "a".repeat(40)

interface Made {
  readonly storage: Storage
  readonly warnings: string[]
}

function storageOf(folder: string, stores: Readonly<Record<string, StoreConfig>>): Made {
  const warnings: string[] = []
  const source = { file: path.join(folder, "mcp-host.yaml"), storage: stores }
  const storage = createStorage(source, { warn: (message) => warnings.push(message) })
  onEnd(() => storage.close())
  return { storage, warnings }
}

it("opens nothing that is not used", async () => {
  const folder = await temporaryFolder()
  const { storage } = storageOf(folder, { main: { type: "file", folder: path.join(folder, "store"), ...plain } })
  const store = storage.store("main")
  expect(store.atomic).toBe(true)
  expect(await readdir(folder)).toEqual([])
  await store.set("a", 1)
  expect(await readdir(folder)).toEqual(["store"])
})

it("has a store in memory by default, another one for every host", async () => {
  const folder = await temporaryFolder()
  const [one, two] = [storageOf(folder, {}), storageOf(folder, {})]
  await one.storage.store("default").set("a", 1)
  expect(await one.storage.store("default").get("a")).toBe(1)
  expect(await two.storage.store("default").get("a")).toBeUndefined()
})

it.skipIf(unavailable !== undefined)("gives every kind of store what it needs, encrypted too", async () => {
  const folder = await temporaryFolder()
  const { url } = await server()
  const prefix = `kinds-${process.pid}`
  const kinds: Record<string, StoreConfig> = {
    memory: { type: "memory", encrypt: key, ...plain },
    file: { type: "file", folder: path.join(folder, "store"), encrypt: key, ...plain },
    redis: { type: "redis", url, prefix, replicas: 0, encrypt: key, ...plain },
    keyv: { type: "keyv", uri: url.replace("redis", "valkey"), prefix: `${prefix}-keyv`, encrypt: key, ...plain },
  }
  const { storage, warnings } = storageOf(folder, kinds)
  await storage.verify(Object.keys(kinds))
  for (const name of Object.keys(kinds)) {
    await storage.store(name).set("a", { b: [1] })
    expect(await storage.store(name).get("a")).toEqual({ b: [1] })
  }
  expect(warnings).toEqual([])
})

it("refuses to start with a wrong key or none", async () => {
  const folder = await temporaryFolder()
  const file = (protection: { encrypt?: string }): StoreConfig => ({
    type: "file",
    folder: path.join(folder, "store"),
    ...plain,
    ...protection,
  })
  const first = storageOf(folder, { main: file({ encrypt: key }) })
  await first.storage.store("main").set("a", 1)
  await first.storage.close()
  const refused = async (config: StoreConfig): Promise<unknown> =>
    storageOf(folder, { main: config })
      .storage.verify(["main"])
      .then(
        () => "started",
        ({ code }) => code,
      )
  expect(await refused(file({ encrypt: "b".repeat(40) }))).toBe("STORE_WRONG_KEY")
  expect(await refused(file({}))).toBe("STORE_ENCRYPTED")
  expect(await refused(file({ encrypt: key }))).toBe("started")
})

it("names a folder that cannot be used", async () => {
  const folder = await temporaryFolder()
  const { storage } = storageOf(folder, {
    main: { type: "file", folder: path.join(import.meta.filename, "x"), ...plain },
  })
  await expect(storage.verify(["main"])).rejects.toMatchObject({ code: "STORE_UNUSABLE" })
})

it.skipIf(unavailable !== undefined)("starts while Redis is down, fails what needs it, and recovers", async () => {
  const folder = await temporaryFolder()
  const gone = await startRedis()
  await gone.stop()
  const config: StoreConfig = { type: "redis", url: gone.url, prefix: "p", replicas: 0, encrypt: key, ...plain }
  const { storage, warnings } = storageOf(folder, { main: config, other: { type: "memory", ...plain } })
  await storage.verify(["main", "other"])
  expect(warnings).toEqual([expect.stringMatching(/store main is not available yet: .*ECONNREFUSED/)])
  await expect(storage.store("main").take("token")).rejects.toMatchObject({ code: -31008 })
  expect(await storage.store("other").set("a", 1)).toBe(true)
  const back = await startRedis({ port: gone.port })
  onEnd(() => back.stop())
  expect(await storage.store("main").set("token", 1)).toBe(true)
  expect(await storage.store("main").take("token")).toBe(1)
})

it("rotates a store's key while nobody has it open", async () => {
  const folder = await temporaryFolder()
  const at = path.join(folder, "store")
  const first = storageOf(folder, { main: { type: "file", folder: at, encrypt: key, ...plain } })
  await first.storage.store("main").set("a", 1)
  await first.storage.close()
  const next: StoreConfig = { type: "file", folder: at, encrypt: "b".repeat(40), previousKeys: [key] }
  expect(await storageOf(folder, { main: next }).storage.rotate("main")).toEqual({ rotated: 1, current: 0 })
  const after = storageOf(folder, { main: { ...next, previousKeys: [] } })
  expect(await after.storage.store("main").get("a")).toBe(1)
  await expect(after.storage.rotate("default")).rejects.toMatchObject({ code: "USAGE" })
})

it("uses no store after it was closed, and closes twice", async () => {
  const { storage } = storageOf(await temporaryFolder(), {})
  const store = storage.store("default")
  await store.set("a", 1)
  await storage.close()
  await storage.close()
  await expect(store.get("a")).rejects.toMatchObject({ code: -31008 })
})

it("puts data where the system wants it", () => {
  const manifest = "/home/ann/my work/mcp-host.yaml"
  const at = (platform: NodeJS.Platform, env: Record<string, string> = {}): string =>
    dataFolder(manifest, { platform, env, home: "/home/ann" })
  expect(at("linux")).toMatch(/^\/home\/ann\/\.local\/share\/mcp-host\/my_work-[0-9a-f]{12}$/)
  expect(at("linux", { XDG_DATA_HOME: "/data" })).toMatch(/^\/data\/mcp-host\/my_work-/)
  expect(at("linux", { XDG_DATA_HOME: "relative" })).toMatch(/^\/home\/ann\/\.local\/share\//)
  expect(at("darwin")).toMatch(/^\/home\/ann\/Library\/Application Support\/mcp-host\//)
  expect(at("win32", { LOCALAPPDATA: "/local" })).toMatch(/^\/local\/mcp-host\//)
})
