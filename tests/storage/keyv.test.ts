/** Stores over Keyv: one backend for real, and for every other what it asks to be installed. */
import { randomUUID } from "node:crypto"
import { describe, expect, it } from "vitest"
import { openKeyvStore } from "../../src/storage/keyv.ts"
import { keyvBackendOf, keyvInstalls } from "../../src/storage/keyvBackends.ts"
import type { OpenStore } from "../../src/storage/store.ts"
import { onEnd, realClock, useRedis } from "./support.ts"
import { testStore } from "./testStore.ts"

const { unavailable, server } = useRedis()
const directory = import.meta.dirname

async function keyvStore(uri: string, prefix: string = randomUUID()): Promise<OpenStore> {
  return openKeyvStore({ store: "test", directory, uri, prefix })
}

const valkeyUri = async (): Promise<string> => (await server()).url.replace("redis", "valkey")

testStore("keyv (valkey)", async () => ({ store: await keyvStore(await valkeyUri()), ...realClock }), {
  unavailable,
  atomic: false,
})

/** Another server to run the suite over, such as `MCP_HOST_TEST_STORE=postgres://…`. */
const given = process.env["MCP_HOST_TEST_STORE"]
if (given !== undefined)
  testStore(`keyv (${given.split(":")[0]})`, async () => ({ store: await keyvStore(given), ...realClock }), {
    atomic: false,
  })

describe("a store over Keyv", () => {
  it.skipIf(unavailable !== undefined)("keeps apart what other prefixes hold", async () => {
    const uri = await valkeyUri()
    const [a, b] = await Promise.all([keyvStore(uri, "one"), keyvStore(uri, "two")])
    for (const store of [a, b]) onEnd(() => store.close())
    await a.set("key", 1)
    expect(await b.get("key")).toBeUndefined()
    expect(await b.keys()).toEqual([])
  })

  it.skipIf(unavailable !== undefined)("refuses a key that is too long before it changes anything", async () => {
    const store = await keyvStore(await valkeyUri())
    onEnd(() => store.close())
    await expect(store.set("k".repeat(300), 1)).rejects.toThrow(/too long/)
  })

  it.each(keyvInstalls.filter(({ schemes }) => !schemes.includes("valkey")))(
    "says how to install $schemes",
    async ({ schemes, command }) => {
      expect(command).toMatch(/^npm install keyv@5\.\d+\.\d+ @keyv\/[a-z]+@\d+\.\d+\.\d+$/)
      for (const scheme of schemes)
        await expect(keyvStore(`${scheme}://user:hunter2@127.0.0.1:1/x`)).rejects.toMatchObject({
          code: "STORE_PACKAGE_MISSING",
          message: expect.not.stringContaining("hunter2"),
          help: `Run: ${command}`,
        })
    },
  )

  it("refuses a scheme it does not know, without repeating the URI", async () => {
    const error = await keyvStore("carrier-pigeon://user:hunter2@roof").catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: "STORE_UNUSABLE", message: expect.stringContaining("postgres:") })
    expect(String(error)).not.toContain("hunter2")
  })

  it.each([
    ["dynamo://eu-west-1/notes", { region: "eu-west-1", tableName: "notes" }],
    ["dynamodb://127.0.0.1:8000", { endpoint: "http://127.0.0.1:8000", region: "local" }],
    ["memcache://user:pass@10.0.0.1:11211", "user:pass@10.0.0.1:11211"],
    ["valkeys://h:1/0", "rediss://h:1/0"],
    ["etcd://h:2379", "etcd://h:2379"],
  ])("%s is %j to its adapter", (uri, options) => {
    expect(keyvBackendOf(uri)?.optionsOf(uri)).toEqual(options)
  })

  it("keeps what has no time where a backend would forget it", () => {
    expect(keyvBackendOf("dynamo://x")?.nativeTtl(undefined)).toBeGreaterThan(10 ** 12)
    const day = 24 * 60 * 60 * 1000
    expect(keyvBackendOf("memcache://x")?.nativeTtl(31 * day)).toBeUndefined()
    expect(keyvBackendOf("memcache://x")?.nativeTtl(100)).toBe(1000)
  })
})
