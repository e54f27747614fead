/** The store in Redis, over a real server: what all stores do, and what it does when the server is slow or away. */
import { describe, expect, it, vi } from "vitest"
import { startRedis } from "../../scripts/redisServer.ts"
import { breakAfter } from "../../src/storage/guarded.ts"
import { onEnd, realClock, redisStore, useRedis } from "./support.ts"
import { testStore } from "./testStore.ts"

const { unavailable, server } = useRedis()
const patient = { timeout: 40_000, interval: 100 } as const
const storeUnavailable = { code: -31008, data: { retryable: true } }

testStore("redis", async () => ({ store: await redisStore(await server()), ...realClock }), { unavailable })

describe.skipIf(unavailable !== undefined)("a store in Redis", () => {
  it("is one for all that use it, and apart from other prefixes", async () => {
    const { url } = await server()
    const [a, b, other] = await Promise.all(["one", "one", "two"].map((prefix) => redisStore({ url, prefix })))
    for (const store of [a, b, other]) onEnd(() => store!.close())
    await a!.set("key", 1)
    expect(await b!.get("key")).toBe(1)
    expect(await b!.keys()).toEqual(["key"])
    expect(await other!.keys()).toEqual([])
    const counted = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? a! : b!).increment("count"))
    expect(Math.max(...(await Promise.all(counted)))).toBe(40)
  })

  it("fails while the server is away, says why, and works when it is back", async () => {
    const first = await startRedis()
    onEnd(() => first.stop())
    const store = await redisStore(first)
    onEnd(() => store.close())
    await store.set("token", 1)
    await first.stop()
    await expect(store.take("token")).rejects.toMatchObject(storeUnavailable)
    for (let n = 0; n < breakAfter; n += 1) await expect(store.get("token")).rejects.toMatchObject(storeUnavailable)
    await expect(store.take("token")).rejects.toThrow(/has not answered for a while|no connection to Redis/)
    const again = await startRedis({ port: first.port })
    onEnd(() => again.stop())
    await vi.waitFor(async () => expect(await store.set("token", 2)).toBe(true), patient)
    expect(await store.take("token")).toBe(2)
  })

  it("opens while the server is away", async () => {
    const gone = await startRedis()
    await gone.stop()
    const store = await redisStore(gone)
    onEnd(() => store.close())
    await expect(store.get("a")).rejects.toThrow(/no connection to Redis: .*ECONNREFUSED/)
  })

  it("does not wait for a server that stands still, and asks it nothing for a while", async () => {
    const slow = await startRedis()
    onEnd(() => slow.stop())
    const store = await redisStore({ url: slow.url, timeoutMs: 1_000 })
    onEnd(() => store.close())
    await vi.waitFor(() => store.set("a", 1), patient)
    slow.process.kill("SIGSTOP")
    await expect(store.take("a")).rejects.toMatchObject({ code: -31008, data: { sent: "maybe" } })
    const failures = await Promise.allSettled(Array.from({ length: breakAfter }, () => store.get("a")))
    expect(failures.every(({ status }) => status === "rejected")).toBe(true)
    await expect(store.get("a")).rejects.toMatchObject({ code: -31008, data: { sent: "no" } })
    slow.process.kill("SIGCONT")
    await vi.waitFor(async () => expect(await store.get("b")).toBeUndefined(), patient)
  })

  it("hands nothing out that replicas have not confirmed", async () => {
    const primary = await startRedis()
    const replica = await startRedis({ flags: ["--replicaof", `127.0.0.1 ${primary.port}`] })
    for (const each of [primary, replica]) onEnd(() => each.stop())
    const store = await redisStore({ url: primary.url, replicas: 1 })
    onEnd(() => store.close())
    await vi.waitFor(async () => expect(await store.increment("up")).toBeGreaterThan(0), patient)
    for (const key of ["confirmed", "lost"]) await store.set(key, 1)
    expect(await store.take("confirmed")).toBe(1)
    replica.process.kill("SIGSTOP")
    await expect(store.take("lost")).rejects.toThrow("0 of 1 replicas confirmed")
    await expect(store.increment("up")).rejects.toMatchObject(storeUnavailable)
  })

  it("names no password", async () => {
    const { url } = await server()
    const store = await redisStore({ url: url.replace("://", "://:hunter2@") })
    onEnd(() => store.close())
    // A server without a password refuses the one it is given.
    const error = await store.get("a").then(
      () => undefined,
      (reason: Error) => reason,
    )
    expect(String(error?.message)).not.toContain("hunter2")
  })
})
