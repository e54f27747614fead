/**
 * Who wants to hear of which resources on one session. However many clients subscribe to a resource, at once or one
 * after another, the server is told once; it is told the opposite when the last of them no longer wants to.
 */
import type { Client, McpResult } from "../protocol/messages.ts"

interface Subscription {
  readonly clients: Set<Client>
  /** Settles as the server answers that it is subscribed to. */
  made: Promise<McpResult>
  /** Resolves when no unsubscribing is on its way: what is sent later must not arrive earlier. */
  ended: Promise<unknown>
}

type Send = () => Promise<McpResult>

const nothing: McpResult = { value: {} }

export class Subscribers {
  readonly #subscriptions = new Map<string, Subscription>()

  get size(): number {
    return this.#subscriptions.size
  }

  /** Adds a client; `send` tells the server, if it has to be told. */
  add(uri: string, client: Client, send: Send): Promise<McpResult> {
    const known = this.#subscriptions.get(uri)
    if (known !== undefined && known.clients.size > 0) {
      known.clients.add(client)
      // That somebody else's request failed, or was cancelled, says nothing about this one.
      return known.made.then(
        () => nothing,
        () => this.add(uri, client, send),
      )
    }
    const ended = known?.ended ?? Promise.resolve()
    const subscription: Subscription = { clients: new Set([client]), made: ended.then(send), ended }
    this.#subscriptions.set(uri, subscription)
    subscription.made.catch(() => this.#delete(uri, subscription))
    return subscription.made
  }

  /** Takes a client away; `send` tells the server when it was the last. */
  remove(uri: string, client: Client, send: Send): Promise<McpResult> {
    const known = this.#subscriptions.get(uri)
    if (known?.clients.delete(client) !== true || known.clients.size > 0) return Promise.resolve(nothing)
    const sent = known.made.then(send, () => nothing)
    known.ended = sent.then(
      () => this.#delete(uri, known),
      () => this.#delete(uri, known),
    )
    return sent
  }

  /** The clients to tell of a change, which may be of a part of what they subscribed to (specification 2025-11-25, server/resources). */
  of(uri: string): Client[] {
    const clients = new Set<Client>()
    for (const [subscribed, subscription] of this.#subscriptions) {
      if (uri !== subscribed && !uri.startsWith(subscribed.endsWith("/") ? subscribed : `${subscribed}/`)) continue
      for (const client of subscription.clients) clients.add(client)
    }
    return [...clients]
  }

  /** What a client is subscribed to. */
  urisOf(client: Client): string[] {
    return [...this.#subscriptions].flatMap(([uri, { clients }]) => (clients.has(client) ? [uri] : []))
  }

  #delete(uri: string, subscription: Subscription): void {
    if (this.#subscriptions.get(uri) === subscription) this.#subscriptions.delete(uri)
  }
}
