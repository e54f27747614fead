/**
 * A store in Redis, or in a server that speaks its protocol, for any number of hosts. A record is a hash with the value
 * as JSON (`v`) and its version (`n`); whatever reads and writes is one script, so one step. The only place that knows
 * a Redis client. `guarded.ts` is around it: here an operation just fails.
 */
import type { Redis } from "ioredis"
import { messageOf } from "../errors.ts"
import type { JsonValue } from "../protocol/json.ts"
import { notCountable } from "./counter.ts"
import { ioredisPeer, loadPeers, type PeerRequest } from "./peers.ts"
import { randomId } from "./processes.ts"
import { windowSlots } from "./rate.ts"
import { noVersion, type OpenStore, type RateRule, type SetOptions } from "./store.ts"

/** How long opening waits for the first connection before it goes on without, in milliseconds. */
const connectMs = 1_000
/** How long replicas have to confirm a write. */
const confirmMs = 150
/** Keys looked at in one step of a scan. */
const scanCount = 1_000
/** Between attempts to connect again. */
const longestPauseMs = 2_000

export interface RedisStoreOptions extends PeerRequest {
  /** `redis:`, `rediss:` for TLS. */
  readonly url: string
  /** Put before all keys, so that others may use the server too. */
  readonly prefix: string
  /** How many replicas must have a single step before its result counts. */
  readonly replicas: number
}

/** Arguments: value, version, time in ms or nothing, `=` and the version it must have or nothing. */
const setScript = `
if ARGV[4] ~= "" and ARGV[4] ~= "=" .. (redis.call("HGET", KEYS[1], "n") or "") then return 0 end
redis.call("HSET", KEYS[1], "v", ARGV[1], "n", ARGV[2])
if ARGV[3] == "" then redis.call("PERSIST", KEYS[1]) else redis.call("PEXPIRE", KEYS[1], ARGV[3]) end
return 1`

const takeScript = `
local value = redis.call("HGET", KEYS[1], "v")
if value then redis.call("DEL", KEYS[1]) end
return value`

/** Arguments: step, version, time in ms or nothing. Sums beyond what a double holds exactly are refused. */
const incrementScript = `
local old = redis.call("HGET", KEYS[1], "v")
local start = 0
if old then start = string.match(old, "^-?%d+$") and tonumber(old) or math.huge end
local sum = start + tonumber(ARGV[1])
local most = 9007199254740991
if math.abs(start) > most or math.abs(sum) > most then return false end
local text = string.format("%.0f", sum)
redis.call("HSET", KEYS[1], "v", text, "n", ARGV[2])
if not old and ARGV[3] ~= "" then redis.call("PEXPIRE", KEYS[1], ARGV[3]) end
return text`

/**
 * What `rate.ts` does, by the server's clock. Arguments: algorithm, limit, time in ms, burst, slots. Gives the time to
 * wait in ms, as text.
 */
const rateScript = `
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local limit, per, burst, slots = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local state = redis.call("GET", KEYS[1]) or ""
local wait, value, ttl
if ARGV[1] == "token-bucket" then
  local interval = per / limit
  local full = math.max(now, math.min(tonumber(state) or now, now + burst * interval)) + interval
  wait = full - burst * interval - now
  if wait <= interval / 1000 then wait = 0 end
  value, ttl = string.format("%.6f", full), full - now
else
  local slot = per / slots
  local current = math.floor(now / slot)
  local kept, sum, latest, oldest = {}, 0, 0, current
  for at, calls in string.gmatch(state, "(%d+),(%d+)") do
    at = math.min(tonumber(at), current)
    if at >= current - slots then
      sum = sum + calls
      oldest = math.min(oldest, at)
      if at == current then latest = latest + calls
      else kept[#kept + 1] = string.format("%.0f,%.0f", at, calls) end
    end
  end
  wait = sum < limit and 0 or (oldest + slots + 1) * slot - now
  kept[#kept + 1] = string.format("%.0f,%.0f", current, latest + 1)
  value, ttl = table.concat(kept, ","), (current + slots + 1) * slot - now
end
if wait > 0 then return tostring(math.max(1, math.ceil(wait))) end
redis.call("SET", KEYS[1], value, "PX", math.max(1, math.ceil(ttl)))
return "0"`

interface Scripts {
  storeSet(key: string, value: string, version: string, ttl: string, wanted: string): Promise<number>
  storeTake(key: string): Promise<string | null>
  storeRate(key: string, algorithm: string, ...numbers: readonly number[]): Promise<string>
  storeIncrement(key: string, by: string, version: string, ttl: string): Promise<string | null>
}

/** Resolves also while the server is down: operations fail until it is back. Throws a `HostError` without ioredis. */
export async function openRedisStore(options: RedisStoreOptions): Promise<OpenStore> {
  // What the name promises.
  const [module] = (await loadPeers([ioredisPeer], options)) as [typeof import("ioredis")]
  const redis = new module.Redis(options.url, {
    lazyConnect: true,
    // What cannot be sent now, or was sent and not answered, fails: sending it again might do it twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectMs,
    retryStrategy: (times) => Math.min(50 * 2 ** times, longestPauseMs),
    // After a failover the old primary is read-only: look for the new one.
    reconnectOnError: ({ message }) => message.startsWith("READONLY"),
    scripts: {
      storeSet: { lua: setScript, numberOfKeys: 1 },
      storeTake: { lua: takeScript, numberOfKeys: 1 },
      storeRate: { lua: rateScript, numberOfKeys: 1 },
      storeIncrement: { lua: incrementScript, numberOfKeys: 1 },
    },
  })
  const store = new RedisStore(redis, options)
  await store.firstConnection()
  return store
}

class RedisStore implements OpenStore {
  readonly atomic = true
  readonly #redis: Redis & Scripts
  readonly #prefix: string
  readonly #ratePrefix: string
  readonly #replicas: number
  /** Why there is no connection. */
  #reason = "not connected yet"

  constructor(redis: Redis, { prefix, replicas }: RedisStoreOptions) {
    // `scripts` has added them.
    this.#redis = redis as Redis & Scripts
    this.#prefix = `${prefix}:`
    this.#ratePrefix = `${prefix}/rates:`
    this.#replicas = replicas
    redis.on("error", (error: unknown) => {
      this.#reason = messageOf(error)
    })
  }

  async firstConnection(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, connectMs)
    })
    // The "error" event has told why, and operations repeat it.
    const connected = this.#redis.connect().catch(() => undefined)
    await Promise.race([connected, late])
    clearTimeout(timer)
  }

  async get(key: string): Promise<JsonValue | undefined> {
    return parse(await this.#client.hget(this.#keyOf(key), "v"))
  }

  async getVersioned(key: string): Promise<{ value: JsonValue | undefined; version: string }> {
    const [value, version] = await this.#client.hmget(this.#keyOf(key), "v", "n")
    return { value: parse(value), version: version ?? noVersion }
  }

  async set(key: string, value: JsonValue, { ttlMs, ifVersion }: SetOptions = {}): Promise<boolean> {
    const wanted = ifVersion === undefined ? "" : `=${ifVersion}`
    const text = JSON.stringify(value)
    const written = await this.#client.storeSet(this.#keyOf(key), text, randomId(), toTime(ttlMs), wanted)
    if (written === 1 && ifVersion !== undefined) await this.#confirmed()
    return written === 1
  }

  async take(key: string): Promise<JsonValue | undefined> {
    const value = parse(await this.#client.storeTake(this.#keyOf(key)))
    if (value !== undefined) await this.#confirmed()
    return value
  }

  async increment(key: string, by = 1, ttlMs?: number): Promise<number> {
    if (!Number.isSafeInteger(by)) throw notCountable(key)
    const sum = await this.#client.storeIncrement(this.#keyOf(key), String(by), randomId(), toTime(ttlMs))
    if (sum === null) throw notCountable(key)
    await this.#confirmed()
    return Number(sum)
  }

  /** Not confirmed by replicas: a failover may forget what the last moments counted. */
  async rate(key: string, { algorithm, limit, perMs, burst }: RateRule): Promise<number> {
    const place = this.#ratePrefix + escaped(key)
    return Number(await this.#client.storeRate(place, algorithm, limit, perMs, burst, windowSlots))
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#client.del(this.#keyOf(key))) === 1
  }

  async keys(prefix = ""): Promise<string[]> {
    const pattern = `${this.#keyOf(prefix).replace(/[\\*?[\]^-]/g, "\\$&")}*`
    // A scan may show a key twice.
    const found = new Set<string>()
    let cursor = "0"
    do {
      const [next, keys] = await this.#client.scan(cursor, "MATCH", pattern, "COUNT", scanCount)
      for (const key of keys) found.add(this.#fromKey(key))
      cursor = next
    } while (cursor !== "0")
    return [...found].sort()
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  /** Throws while there is no connection. */
  get #client(): Redis & Scripts {
    if (this.#redis.status !== "ready") throw new Error(`no connection to Redis: ${this.#reason}`)
    return this.#redis
  }

  /** A step that only the primary knows could happen again after a failover: its result does not count. */
  async #confirmed(): Promise<void> {
    if (this.#replicas === 0) return
    const confirmed = await this.#client.wait(this.#replicas, confirmMs)
    if (confirmed < this.#replicas) throw new Error(`${confirmed} of ${this.#replicas} replicas confirmed the change`)
  }

  #keyOf(key: string): string {
    return this.#prefix + escaped(key)
  }

  #fromKey(key: string): string {
    return JSON.parse(`"${key.slice(this.#prefix.length)}"`) as string
  }
}

/** Redis keeps bytes; the escapes of JSON keep what has no form in UTF-8. */
function escaped(key: string): string {
  return JSON.stringify(key).slice(1, -1)
}

function parse(text: string | null | undefined): JsonValue | undefined {
  return text === null || text === undefined ? undefined : (JSON.parse(text) as JsonValue)
}

function toTime(ttlMs: number | undefined): string {
  return ttlMs === undefined ? "" : String(Math.round(ttlMs))
}
