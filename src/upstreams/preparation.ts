/** Has the catalogue that a client sees taken before its first list is answered. */
import { canonicalJson } from "../protocol/json.ts"
import type { Client } from "../protocol/messages.ts"
import type { LifeState } from "./life.ts"
import type { LiveSession } from "./liveSession.ts"
import type { SessionOpener } from "./sessionOpener.ts"
import type { Views } from "./views.ts"

export interface PreparationOptions {
  readonly views: Views
  readonly opener: SessionOpener
  /** True when all clients see the catalogue's connection. */
  readonly shared: boolean
  readonly life: () => LifeState
  /** Resolves when the server is as ready as it can be made. */
  readonly wake: () => Promise<void>
  readonly open: (client: Client) => Promise<LiveSession>
  readonly taken: () => void
  readonly failed: (error: unknown) => void
}

export class Preparation {
  readonly #options: PreparationOptions
  /** Clients that saw what the cache remembers and nobody has verified yet. */
  readonly #early = new Set<Client>()
  /** Catalogues being taken, by the group of clients they are for. */
  readonly #taking = new Map<string, Promise<void>>()

  constructor(options: PreparationOptions) {
    this.#options = options
  }

  /** Resolves when what the client lists is as good as it gets; without `hold` not later than an attempt would be made. Never rejects. */
  async prepare(client: Client, hold = true): Promise<void> {
    const { views, opener, shared, life, wake } = this.#options
    const { state } = life()
    if (state !== "ready" && views.standsIn(opener.shown(client), client)) {
      this.#early.add(client)
      return
    }
    if (state === "starting" || (state === "stopped" && !this.#sees(client))) {
      // Who does not wait for it has its catalogue taken all the same, and is told.
      if (!hold) return void this.prepare(client)
      await wake()
    }
    if (life().state !== "ready" || shared || this.#sees(client) || views.full) return
    // Clients ask for all their lists at once: one look at the server serves them all.
    const group = `${client.era} ${canonicalJson(client.capabilities)}`
    const taking = this.#taking.get(group) ?? this.#take(client).finally(() => this.#taking.delete(group))
    this.#taking.set(group, taking)
    await taking
  }

  /** The server is ready: what was shown from the cache is listed now. */
  verify(): void {
    for (const client of this.#early) void this.prepare(client)
    this.#early.clear()
  }

  forget(client: Client): void {
    this.#early.delete(client)
  }

  /** Notes that the client sees a catalogue that was taken; false when it has to be taken first. */
  #sees(client: Client): boolean {
    const fit = this.#options.opener.fit(client)
    return fit !== undefined && this.#options.views.use(fit, client)
  }

  async #take(client: Client): Promise<void> {
    try {
      await this.#options.views.take(await this.#options.open(client), client)
      this.#options.taken()
    } catch (error) {
      this.#options.failed(error)
    }
  }
}
