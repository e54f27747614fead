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
  /** By owner, of whom hardly any has more than one. */
  readonly #sessions = new Map<string, readonly Owned[]>()
  readonly #sweeper: NodeJS.Timeout

  constructor(options: OwnedSessionsOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.#sweep(), checkEveryMs(options.idleTimeoutMs)).unref()
  }

  /** The client's session when it is open. */
  ready(client: Client): LiveSession | undefined {
    const live = this.#sessions.get(ownerKey(client))?.[0]?.live
    return live?.occupied === true ? undefined : live
  }

  /** The client's session; opens it when it has none. */
  of(client: Client): Promise<LiveSession> {
    const key = ownerKey(client)
    const sessions = this.#sessions.get(key) ?? []
    const free = leastBusy(sessions, (each) => each.live?.occupied !== true)
    const known = free ?? (sessions.length < maxSessions ? undefined : leastBusy(sessions, () => true))
    if (known !== undefined) return known.opening
    const adopted = this.#options.adoptable(client)
    if (adopted !== undefined) adopted.owner = client
    const opening = adopted === undefined ? this.#options.open(client) : Promise.resolve(adopted)
    const owned: Owned = { opening, live: adopted }
    this.#sessions.set(key, [...sessions, owned])
    opening.then(
      (live) => {
        owned.live = live
      },
      () => this.#remove(key, owned),
    )
    return opening
  }

  /** The session has ended by itself. */
  drop(live: LiveSession): void {
    for (const [key, sessions] of this.#sessions)
      for (const owned of sessions) if (owned.live === live) this.#remove(key, owned)
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
    this.#each(async (live, remove) => {
      if (client.leaves && live.owner === client && remove()) await live.close()
      else await live.forget(client)
    })
  }

  close(): void {
    clearInterval(this.#sweeper)
  }

  /** False when it was removed already. */
  #remove(key: string, owned: Owned): boolean {
    const sessions = this.#sessions.get(key) ?? []
    const left = sessions.filter((each) => each !== owned)
    if (left.length === 0) this.#sessions.delete(key)
    else this.#sessions.set(key, left)
    return left.length < sessions.length
  }

  #sweep(): void {
    const oldest = performance.now() - this.#options.idleTimeoutMs
    this.#each(async (live, remove) => {
      if (live.idle && live.lastUsed < oldest && remove()) await live.close()
    })
  }

  #each(work: (live: LiveSession, remove: () => boolean) => void | Promise<void>): void {
    for (const [key, sessions] of this.#sessions) {
      for (const owned of sessions) {
        owned.opening
          .then((live) => work(live, () => this.#remove(key, owned)))
          // A session that could not be opened was reported to the request that wanted it.
          .catch((error: unknown) =>
            this.#options.logger.debug("a client's session failed", { reason: messageOf(error) }),
          )
      }
    }
  }
}

/** The first of the least busy among those that fit. */
function leastBusy(sessions: readonly Owned[], fits: (owned: Owned) => boolean): Owned | undefined {
  let least: Owned | undefined
  for (const owned of sessions) if (fits(owned) && (least === undefined || loadOf(owned) < loadOf(least))) least = owned
  return least
}

function loadOf({ live }: Owned): number {
  return live?.load ?? 0
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
