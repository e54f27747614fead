/**
 * The servers of one manifest, composed: an immutable choice of upstreams with the catalogue each client sees of them.
 * A reload makes another graph, which may run on the same upstreams; a manifest inside a manifest is a graph of its own.
 * Made by `build.ts`; the host and `nestedUpstream.ts` own it.
 */
import type { Listing } from "../composition/types.ts"
import type { Manifest } from "../manifest/types.ts"
import type { Chain } from "../middleware/chain.ts"
import type { Client, Handler, McpNotification, Unsubscribe } from "../protocol/messages.ts"
import { updatedMethod } from "../protocol/methods.ts"
import type { UpstreamEvent } from "../upstreams/upstream.ts"
import { Catalogs } from "./catalogs.ts"
import type { ClientTasks } from "./clientTasks.ts"
import { type MayHear, mayHear } from "./hearing.ts"
import type { Leaf } from "./leaf.ts"
import type { Member } from "./member.ts"
import type { Quarantine } from "./quarantine.ts"
import { areStarting, createPrepare, type Scope } from "./scope.ts"
import { createStartTurns, leftStarting } from "./startTurns.ts"
import type { Surroundings } from "./surroundings.ts"
import { createTell } from "./tell.ts"

/** Servers that make their first attempt at once, and how long one may keep the next waiting, in milliseconds. */
const maxStarting = 8
const longestTurnMs = 2_000
/** How long servers wait for a first list that a cache can answer: starting them takes the processor from it. */
const firstListMs = 100

export interface GraphParts {
  readonly clientTasks: ClientTasks
  readonly quarantine: Quarantine
  /** The middleware around all requests. */
  readonly chain: Chain
  readonly surroundings: Surroundings
}

export class Graph implements Scope {
  readonly manifest: Manifest
  readonly members: ReadonlyMap<string, Member>
  readonly catalogs: Catalogs
  readonly quarantine: Quarantine
  readonly chain: Chain
  readonly prepare: Scope["prepare"]
  readonly #clientTasks: ClientTasks
  readonly #surroundings: Surroundings
  /** Whether some middleware in it is closed one day. */
  readonly closes: boolean
  readonly #watchers = new Set<() => void>()
  readonly #stops: Unsubscribe[]
  /** Which clients hear of which updates; undefined while another graph serves: what is told to clients comes from one only. */
  #mayHear: MayHear | undefined
  #started = false
  /** Lets the servers start. */
  #begin = (): void => undefined

  constructor(
    manifest: Manifest,
    members: readonly Member[],
    { clientTasks, quarantine, chain, surroundings }: GraphParts,
  ) {
    this.manifest = manifest
    this.quarantine = quarantine
    this.members = new Map(members.map((member) => [member.entry.key, member]))
    this.chain = chain
    this.catalogs = new Catalogs(members, { host: manifest.host, quarantine, chain })
    this.prepare = createPrepare(members)
    this.closes = chain.closes || members.some(({ chain: own, nested }) => own.closes || nested?.graph.closes === true)
    this.#clientTasks = clientTasks
    this.#surroundings = surroundings
    this.#stops = members.map((member) => member.upstream.on((event) => this.#happened(member, event)))
  }

  get starting(): boolean {
    return areStarting(this.members.values())
  }

  admits(): boolean {
    return true
  }

  offering(): readonly Member[] {
    return [...this.members.values()]
  }

  /** All upstreams, those of manifests inside included. */
  get leaves(): readonly Leaf[] {
    return [...this.members.values()].flatMap(({ leaf, nested }) => leaf ?? nested?.graph.leaves ?? [])
  }

  /** A server by the path of its keys, `team/github`. */
  find(path: string): Member | undefined {
    const own = this.members.get(path)
    if (own !== undefined) return own
    const outer = [...this.members.values()].find(({ entry }) => path.startsWith(`${entry.key}/`))
    return outer?.nested?.graph.find(path)
  }

  /** What a server lists as it is composed, with what middleware adds and changes; undefined while it was never listed. */
  offered(path: string): Listing | undefined {
    const own = this.members.get(path)
    if (own !== undefined) return this.catalogs.offered(own)
    const outer = [...this.members.values()].find(({ entry }) => path.startsWith(`${entry.key}/`))
    return outer?.nested?.graph.offered(path)
  }

  /** Starts the servers that are not yet, some at once. With a client whose capabilities are known, their first sessions are its own. */
  start(client?: Client, turn: Promise<void> = Promise.resolve()): void {
    if (this.#started) return
    this.#started = true
    const turnOf = createStartTurns({ most: maxStarting, longestMs: longestTurnMs })
    const begun = new Promise<void>((resolve) => {
      this.#begin = resolve
    })
    const fresh = [...this.members.values()].filter(({ leaf }) => leaf?.started !== true)
    for (const { upstream, leaf } of fresh) {
      if (leaf !== undefined) leaf.started = true
      upstream.start(
        client,
        Promise.all([turn, begun]).then(() => turnOf(leftStarting(upstream))),
      )
    }
    if (fresh.some(({ upstream }) => upstream.listing(client) === undefined)) this.#begin()
    else setTimeout(this.#begin, firstListMs).unref()
    // What a cache remembers is there now.
    this.catalogs.invalidate()
  }

  /** Lets servers start that wait for a first list. */
  begin(): void {
    this.#begin()
  }

  /** From now on this graph tells clients what happens, in its names; of updates, what `heard` lets them hear. */
  serve(heard: MayHear = (...update) => mayHear(this, ...update)): void {
    this.#mayHear = heard
    this.#surroundings.graph = this
    for (const member of this.members.values()) {
      if (member.leaf !== undefined) member.leaf.member = member
      member.nested?.serve(member)
    }
    this.catalogs.invalidate()
    this.#surroundings.changed()
  }

  /** Hears of nothing any more. */
  retire(): void {
    this.#mayHear = undefined
    for (const stop of this.#stops.splice(0)) stop()
    for (const { nested } of this.members.values()) nested?.graph.retire()
    this.#watchers.clear()
  }

  /** Requests on their way, counted while something must wait for their end. */
  requests = 0

  /** Counts what is on its way through a handler, where middleware wants to be closed after the last of it. */
  counting(handler: Handler): Handler {
    if (!this.closes) return handler
    return async (request, context) => {
      this.requests += 1
      try {
        return await handler(request, context)
      } finally {
        this.requests -= 1
      }
    }
  }

  tell(client: Client, notification: McpNotification): void {
    const passage = { client, server: undefined, towards: "servers" } as const
    this.chain.pass(notification, passage, (passed) => {
      const isTask = passed.method === "notifications/tasks/status"
      for (const [server, { upstream, chain }] of this.members)
        if (!isTask || this.#clientTasks.knows(server, client, passed))
          chain.pass(passed, passage, (own) => upstream.tell(client, own))
    })
  }

  /** The client has left. */
  release(client: Client): void {
    this.#clientTasks.forget(client)
    for (const { upstream, leaf } of this.members.values()) {
      leaf?.subscribed.delete(client)
      upstream.release(client)
    }
  }

  onChange(watcher: () => void): Unsubscribe {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** Resolves when no server is starting any more, whether it became ready or not. */
  async settled(): Promise<void> {
    while (this.starting) {
      await new Promise<void>((resolve) => {
        const stop = this.onChange(() => {
          stop()
          resolve()
        })
      })
    }
  }

  /** Closes the servers, the last of the manifest first. */
  async close(): Promise<void> {
    await Promise.all([...this.members.values()].reverse().map(({ upstream }) => upstream.close()))
  }

  #happened(member: Member, event: UpstreamEvent): void {
    const { entry, namespace } = member
    const mayHear = this.#mayHear
    if (event.type === "updated") {
      if (mayHear === undefined) return
      const { uri } = event
      this.#surroundings.updated(entry.key, { own: uri, shown: namespace.encode("resource", uri) })
      const notification = { method: updatedMethod, params: { uri } }
      const tell = createTell(() => member)
      for (const client of event.clients)
        if (mayHear(member, uri, client)) tell(notification, client, (shown) => client.notify(shown))
      return
    }
    this.catalogs.invalidate()
    if (mayHear !== undefined && event.type === "changed") this.#surroundings.changed(entry.key)
    for (const watcher of [...this.#watchers]) watcher()
  }
}
