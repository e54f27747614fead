/** Stores for tests: folders that go, and one real Redis server for each test file that wants it. */
import { randomUUID } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, afterEach, expect } from "vitest"
import { ensureRedis, type RedisServer, startRedis } from "../../scripts/redisServer.ts"
import { openFileStore } from "../../src/storage/file.ts"
import { withGuard } from "../../src/storage/guarded.ts"
import { openRedisStore } from "../../src/storage/redis.ts"
import type { OpenStore } from "../../src/storage/store.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Runs after the test, last given first. */
export function onEnd(close: () => unknown): void {
  closers.push(close)
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "mcp-host-store-"))
  onEnd(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function createClock() {
  let time = 1_000_000
  return {
    now: () => time,
    tick: (ms: number): void => {
      time += ms
    },
  }
}

/** For stores whose clock is the real one: expiry in hundredths of a second. */
export const realClock = { unitMs: 10, tick: (units: number) => delay(units * 10) }

export async function fileStore(folder: string, now?: () => number): Promise<OpenStore> {
  const warn = (message: string): void => expect.fail(message)
  return openFileStore({ name: "test", folder, warn, ...(now !== undefined && { now }) })
}

export interface Redis {
  /** Why there is none; told on standard error too. */
  readonly unavailable: string | undefined
  /** Started on first use, ended with the test file. */
  server(): Promise<RedisServer>
}

export function useRedis(): Redis {
  const unavailable = ensureRedis()
  if (unavailable !== undefined) process.stderr.write(`Tests over Redis are skipped: ${unavailable}\n`)
  let server: Promise<RedisServer> | undefined
  afterAll(async () => (await server)?.stop())
  return {
    unavailable,
    server: () => {
      server ??= startRedis()
      return server
    },
  }
}

export interface RedisOptions {
  readonly url: string
  readonly prefix?: string
  readonly replicas?: number
  /** Default: patient enough for a machine that does much else. */
  readonly timeoutMs?: number
}

/** As a manifest's store is opened, under a prefix of its own. */
export async function redisStore({ url, prefix, replicas = 0, timeoutMs = 10_000 }: RedisOptions): Promise<OpenStore> {
  const options = { store: "test", directory: import.meta.dirname, url, prefix: prefix ?? randomUUID(), replicas }
  return withGuard(await openRedisStore(options), { name: "test", timeoutMs, keysTimeoutMs: timeoutMs, secrets: [] })
}
