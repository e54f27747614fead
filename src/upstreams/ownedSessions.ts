/**
 * The sessions that belong to one client each: opened by its first request, or adopted from the catalogue when one
 * without an owner fits; closed when the client leaves or has not used it for the idle time.
 */
import { messageOf } from "../errors.ts"
import { canonicalJson } from "../protocol/json.ts"
import type { Client, McpNotification } from "../protocol/messages.ts"
import type { LiveSession } from "./liveSession.ts"
import type { ServerLogger } from "./serverContext.ts"

interface Owned {
  readonly opening: Promise<LiveSession>
  /** Once it is open. */
  live: LiveSession | undefined
}

/** Sessions one client may have beside each other while calls of its wait for a person. */
const maxSessions = 16

export interface OwnedSessionsOptions {
  readonly idleTimeoutMs: number
  readonly logger: ServerLogger
  /** A session without an owner that shows this client's catalogue. */
  readonly adoptable: (client: Client) => LiveSession | undefined
  readonly open: (client: Client) => Promise<LiveSession>
}

export class OwnedSessions {
  readonly #options: OwnedSessionsOptions
  /** By owner. */
  readonly #sessions = new Map<string, Owned>()
  readonly #sweeper: NodeJS.Timeout

  constructor(options: OwnedSessionsOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.#sweep(), checkEveryMs(options.idleTimeoutMs)).unref()
  }

  /** The client's session when it is open. */
  ready(client: Client): LiveSession | undefined {
    const live = this.#sessions.get(ownerKey(client))?.live
    return live?.occupied === true ? undefined : live
  }

  /** The client's session; opens it when it has none. */
  of(client: Client): Promise<LiveSession> {
    const key = this.#free(ownerKey(client))
    const known = this.#sessions.get(key)
    if (known !== undefined) return known.opening
    const adopted = this.#options.adoptable(client)
    if (adopted !== undefined) adopted.owner = client
    const opening = adopted === undefined ? this.#options.open(client) : Promise.resolve(adopted)
    const owned: Owned = { opening, live: adopted }
    this.#sessions.set(key, owned)
    opening.then(
      (live) => {
        owned.live = live
      },
      () => this.#sessions.delete(key),
    )
    return opening
  }

  /** The session has ended by itself. */
  drop(live: LiveSession): void {
    for (const [key, owned] of this.#sessions) if (owned.live === live) this.#sessions.delete(key)
  }

  tell(client: Client, notification: McpNotification): void {
    this.#each((live) => {
      if (live.owner === client) live.session.notify(notification)
    })
  }

  setLevel(client: Client, level: string): void {
    this.#each((live) => (live.owner === client ? live.setLevel(level) : undefined))
  }

  release(client: Client): void {
    this.#each(async (live, key) => {
      if (client.leaves && live.owner === client && this.#sessions.delete(key)) await live.close()
      else await live.forget(client)
    })
  }

  close(): void {
    clearInterval(this.#sweeper)
  }

  /** The key of the client's least busy session that is not occupied; else of one to open; else of the least busy. */
  #free(first: string): string {
    const keys = Array.from({ length: maxSessions }, (_, at) => (at === 0 ? first : `${first} ${at + 1}`))
    const open = keys.filter((key) => this.#sessions.has(key))
    const load = (key: string): number => this.#sessions.get(key)?.live?.load ?? 0
    const least = (some: readonly string[]): string | undefined => [...some].sort((a, b) => load(a) - load(b))[0]
    const unoccupied = least(open.filter((key) => this.#sessions.get(key)?.live?.occupied !== true))
    return unoccupied ?? keys.find((key) => !this.#sessions.has(key)) ?? least(open) ?? first
  }

  #sweep(): void {
    const oldest = performance.now() - this.#options.idleTimeoutMs
    this.#each(async (live, key) => {
      if (live.idle && live.lastUsed < oldest && this.#sessions.delete(key)) await live.close()
    })
  }

  #each(work: (live: LiveSession, key: string) => void | Promise<void>): void {
    for (const [key, { opening }] of this.#sessions) {
      opening
        .then((live) => work(live, key))
        // A session that could not be opened was reported to the request that wanted it.
        .catch((error: unknown) =>
          this.#options.logger.debug("a client's session failed", { reason: messageOf(error) }),
        )
    }
  }
}

/** How often to look for what has not been used for that long, both in milliseconds. */
export function checkEveryMs(idleTimeoutMs: number): number {
  return Math.min(60_000, Math.max(100, idleTimeoutMs / 4))
}

const ownerKeys = new WeakMap<Client, string>()

function ownerKey(client: Client): string {
  const known = ownerKeys.get(client)
  if (known !== undefined) return known
  const key = `${client.key} ${client.era} ${canonicalJson(client.capabilities)}`
  ownerKeys.set(client, key)
  return key
}
