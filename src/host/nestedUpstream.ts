/**
 * A manifest composed as a server of another: its graph behind the face of an upstream. Names and URIs are rewritten at
 * each level by the same code, questions and notifications pass through level by level, and every client of the host
 * is one client inside, so its sessions with servers are its own at any depth.
 */
import { listingOf } from "../composition/nest.ts"
import type { Catalog, Listing } from "../composition/types.ts"
import type { ServerEntry } from "../manifest/types.ts"
import type { ProtocolError } from "../protocol/errors.ts"
import type {
  Client,
  Context,
  Handler,
  McpNotification,
  McpRequest,
  McpResult,
  Unsubscribe,
} from "../protocol/messages.ts"
import { type Kind, kinds, updatedMethod } from "../protocol/methods.ts"
import { watchMethods } from "../protocol/tasks.ts"
import type { Upstream, UpstreamEvent, UpstreamInfo, UpstreamState } from "../upstreams/upstream.ts"
import { capabilitiesOf, instructionsOf } from "./describe.ts"
import type { Graph } from "./graph.ts"
import type { Level } from "./level.ts"
import { isServing, type Member, type Nested } from "./member.ts"
import { assertListable, missing } from "./missing.ts"
import { createRouter } from "./router.ts"
import { areStarting } from "./scope.ts"
import { watchTask } from "./tasks.ts"

export interface NestedOptions {
  readonly entry: ServerEntry
  readonly graph: Graph
  readonly level: Level
  /** What the names of everything inside begin with, `team_`. */
  readonly names: string
}

export class NestedUpstream implements Upstream, Nested {
  readonly key: string
  readonly graph: Graph
  readonly #level: Level
  readonly #names: string
  readonly #route: Handler
  readonly #listeners = new Set<(event: UpstreamEvent) => void>()
  readonly #listings = new WeakMap<Catalog, { readonly hints: string; readonly listing: Listing }>()
  #state: UpstreamState
  #closed = false

  constructor({ entry, graph, level, names }: NestedOptions) {
    this.key = entry.key
    this.graph = graph
    this.#level = level
    this.#names = names
    this.#state = { ...this.#look(), since: new Date().toISOString() }
    this.#route = graph.chain.wrap(
      createRouter({
        scope: () => graph,
        tasks: level.tasks,
        shown: level.shown,
        ready: (client) => graph.prepare(client, true),
      }),
    )
    graph.onChange(() => this.#changed())
  }

  get state(): UpstreamState {
    return this.#state
  }

  async handle(request: McpRequest, context: Context): Promise<McpResult> {
    const inside = this.#contextOf(context)
    if (request.method !== watchMethods.add) return this.#route(request, inside)
    const { members } = this.graph
    const agreed = await watchTask(String(request.params["taskId"]), inside, { members, table: this.#level.tasks })
    return { value: { agreed } }
  }

  start(client: Client | undefined, turn?: Promise<void>): void {
    this.graph.start(this.#insideIf(client), turn)
    this.#changed()
  }

  listing(client: Client | undefined): Listing | undefined {
    const inside = this.#insideIf(client)
    const members = [...this.graph.members.values()]
    if (members.length > 0 && members.every(({ upstream }) => upstream.listing(inside) === undefined)) return undefined
    const { visible } = this.graph.catalogs.of(inside)
    const hints = inside && Object.fromEntries(kinds.map((kind) => [kind, this.graph.catalogs.hint(inside, kind)]))
    const said = JSON.stringify(hints ?? null)
    const known = this.#listings.get(visible)
    if (known?.hints === said) return known.listing
    const listing: Listing = { ...listingOf(visible), ...(hints !== undefined && { hints }) }
    this.#listings.set(visible, { hints: said, listing })
    return listing
  }

  info(client: Client | undefined): UpstreamInfo | undefined {
    const { name, title, version, instructions } = this.graph.manifest.host
    const inside = this.#insideIf(client ?? nobody) ?? nobody
    const members = [...this.graph.members.values()]
    return {
      serverInfo: { name, version, ...(title !== undefined && { title }) },
      capabilities: capabilitiesOf(members, inside, this.graph.chain.tools.size > 0),
      instructions: instructionsOf(
        { own: instructions, members, quarantine: this.graph.quarantine, before: this.#names },
        inside,
      ),
    }
  }

  prepare(client: Client, hold = true): Promise<void> {
    return this.graph.prepare(this.inside(client), hold)
  }

  setLevel(client: Client, level: string): void {
    for (const { upstream } of this.graph.members.values()) upstream.setLevel(this.inside(client), level)
  }

  tell(client: Client, notification: McpNotification): void {
    this.graph.tell(this.inside(client), notification)
  }

  release(client: Client): void {
    const inside = this.inside(client)
    this.#level.tasks.forget(inside)
    this.graph.release(inside)
  }

  on(listener: (event: UpstreamEvent) => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    await this.graph.close()
    this.#closed = true
    this.#changed()
  }

  serve(member: Member): void {
    this.#level.member = member
    this.graph.serve()
  }

  updated(uri: string, client: Client): void {
    this.#emit({ type: "updated", uri, clients: [client] })
  }

  assertListable(kind: Kind, client: Client): void {
    assertListable(this.graph, kind, this.inside(client))
  }

  missing(kind: Kind, key: string, client: Client): ProtocolError | undefined {
    return missing(this.graph, kind, key, this.inside(client))
  }

  /** The client as the servers inside know it: what it is told and asked comes through this manifest's names. */
  inside(client: Client): Client {
    const { clients, tell, ask } = this.#level
    const known = clients.get(client)
    if (known !== undefined) return known
    const { key, leaves, unsolicited, era, capabilities, info } = client
    const inside: Client = {
      ...{ key, leaves, unsolicited, era, capabilities, info },
      notify: (notification) => {
        // Whether the client may hear of it is decided outside too, by what it can see there now.
        if (notification.method === updatedMethod)
          this.#level.member?.nested?.updated(String(notification.params["uri"]), client)
        else tell(notification, client, (shown) => client.notify(shown))
      },
      ask: (request, signal) => ask({ client, ask: (question, until) => client.ask(question, until) }, request, signal),
    }
    clients.set(client, inside)
    return inside
  }

  #insideIf(client: Client | undefined): Client | undefined {
    return client === undefined ? undefined : this.inside(client)
  }

  #contextOf(context: Context): Context {
    const { tell, ask } = this.#level
    const { id, principal, client, cancellation, logLevel } = context
    return {
      ...{ id, principal, client: this.inside(client), cancellation, logLevel },
      get signal() {
        return context.signal
      },
      notify: (notification) => tell(notification, client, (shown) => context.notify(shown)),
      ask: (request, signal) => ask(context, request, signal),
    }
  }

  /** Starting while a server inside is; ready when those are that it needs. */
  #look(): Pick<UpstreamState, "state" | "reason"> {
    if (this.#closed) return { state: "stopped" }
    const members = [...this.graph.members.values()]
    const [first] = members
    // Switched off as a whole.
    if (first !== undefined && members.every(({ upstream }) => upstream.state.state === "disabled"))
      return { state: "disabled", ...(first.entry.offReason !== undefined && { reason: first.entry.offReason }) }
    if (areStarting(members)) return { state: "starting" }
    const down = members.find(({ entry, upstream }) => entry.required && !isServing(upstream.state.state))
    if (down === undefined) return { state: "ready" }
    const { state, reason } = down.upstream.state
    return { state: state === "failed" ? "failed" : "backoff", reason: `${down.entry.key}: ${reason ?? state}` }
  }

  #changed(): void {
    const { state, reason } = this.#look()
    const isSame = state === this.#state.state && reason === this.#state.reason
    if (!isSame) this.#state = { state, since: new Date().toISOString(), ...(reason !== undefined && { reason }) }
    this.#emit(isSame ? { type: "changed" } : { type: "state", state: this.#state })
  }

  #emit(event: UpstreamEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }
}

async function refuse(): Promise<never> {
  throw new Error("nobody can be asked")
}

/** For what is said to whoever looks, before there is a client. */
const nobody: Client = {
  ...{ key: "nobody", leaves: false, unsolicited: false, era: "", capabilities: {}, info: undefined },
  notify: () => undefined,
  ask: refuse,
}
