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
    const live = this.#sessions.get(keysOf(client)[0])?.live
    return live?.occupied === true ? undefined : live
  }

  /** The client's session; opens it when it has none. */
  of(client: Client): Promise<LiveSession> {
    const key = this.#free(client)
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
  #free(client: Client): string {
    const keys = keysOf(client)
    let free: Candidate | undefined
    let busy: Candidate | undefined
    let vacant: string | undefined
    // One look at each: calls that take turns come by.
    for (const key of keys) {
      const owned = this.#sessions.get(key)
      const load = owned?.live?.load ?? 0
      if (owned === undefined) vacant ??= key
      else if (owned.live?.occupied !== true) free = less(free, key, load)
      else busy = less(busy, key, load)
    }
    return free?.key ?? vacant ?? busy?.key ?? keys[0]
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

interface Candidate {
  readonly key: string
  readonly load: number
}

/** The less busy of the two, the first if they are alike. */
function less(first: Candidate | undefined, key: string, load: number): Candidate {
  return first !== undefined && first.load <= load ? first : { key, load }
}

/** How often to look for what has not been used for that long, both in milliseconds. */
export function checkEveryMs(idleTimeoutMs: number): number {
  return Math.min(60_000, Math.max(100, idleTimeoutMs / 4))
}

type Keys = readonly [string, ...string[]]

const known = new WeakMap<Client, Keys>()

/** Under which the sessions of a client are kept, of which hardly any has more than the first. */
function keysOf(client: Client): Keys {
  let keys = known.get(client)
  if (keys === undefined) {
    const first = `${client.key} ${client.era} ${canonicalJson(client.capabilities)}`
    keys = [first, ...Array.from({ length: maxSessions - 1 }, (_, at) => `${first} ${at + 2}`)]
    known.set(client, keys)
  }
  return keys
}
