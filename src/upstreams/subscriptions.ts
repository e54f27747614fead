/** Which resources of one server each client wants to hear of, so that a session opened anew can be told again. */
import { stringAt } from "../protocol/json.ts"
import type { Client, Context, McpRequest } from "../protocol/messages.ts"
import { internalContext } from "../wire/internalContext.ts"
import type { LiveSession } from "./liveSession.ts"

export class Subscriptions {
  readonly #wanted = new Map<Client, Set<string>>()
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Notes what a request that succeeded has changed. */
  note({ method, params }: McpRequest, { client }: Context): void {
    const uri = stringAt(params, "uri")
    if (uri === undefined) return
    if (method === "resources/subscribe") this.#wanted.set(client, (this.#wanted.get(client) ?? new Set()).add(uri))
    if (method === "resources/unsubscribe") this.#wanted.get(client)?.delete(uri)
  }

  forget(client: Client): void {
    this.#wanted.delete(client)
  }

  wants(client: Client): boolean {
    return (this.#wanted.get(client)?.size ?? 0) > 0
  }

  /** Subscribes again, on the session each client has now. */
  async replay(sessionOf: (client: Client) => Promise<LiveSession>): Promise<void> {
    for (const [client, uris] of this.#wanted) {
      if (uris.size === 0) continue
      const live = await sessionOf(client)
      const context = { ...internalContext(this.#signal), client }
      for (const uri of uris) await live.subscribe({ method: "resources/subscribe", params: { uri } }, context)
    }
  }
}
