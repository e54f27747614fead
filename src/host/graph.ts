/**
 * The servers of one manifest, composed: an immutable choice of upstreams with the catalogue each client sees of them.
 * A reload makes another graph, which may run on the same upstreams; a manifest inside a manifest is a graph of its own.
 * Made by `build.ts`; the host and `nestedUpstream.ts` own it.
 */
import { rewriteNotification } from "../composition/rewrite.ts"
import type { Manifest } from "../manifest/types.ts"
import type { Client, McpNotification, Unsubscribe } from "../protocol/messages.ts"
import type { UpstreamEvent } from "../upstreams/upstream.ts"
import { Catalogs } from "./catalogs.ts"
import type { ClientTasks } from "./clientTasks.ts"
import type { Leaf } from "./leaf.ts"
import type { Member } from "./member.ts"
import type { Quarantine } from "./quarantine.ts"
import { areStarting, createPrepare, type Scope } from "./scope.ts"
import { createStartTurns, leftStarting } from "./startTurns.ts"

/** Servers that make their first attempt at once, and how long one may keep the next waiting, in milliseconds. */
const maxStarting = 8
const longestTurnMs = 2_000
/** How long servers wait for a first list that a cache can answer: starting them takes the processor from it. */
const firstListMs = 100

export interface GraphParts {
  readonly clientTasks: ClientTasks
  readonly quarantine: Quarantine
}

export class Graph implements Scope {
  readonly manifest: Manifest
  readonly members: ReadonlyMap<string, Member>
  readonly catalogs: Catalogs
  readonly quarantine: Quarantine
  readonly prepare: (client: Client) => Promise<void>
  readonly #clientTasks: ClientTasks
  readonly #watchers = new Set<() => void>()
  readonly #stops: Unsubscribe[]
  /** False while another graph serves: what is told to clients comes from one only. */
  #serving = false
  #started = false
  /** Lets the servers start. */
  #begin = (): void => undefined

  constructor(manifest: Manifest, members: readonly Member[], { clientTasks, quarantine }: GraphParts) {
    this.manifest = manifest
    this.quarantine = quarantine
    this.members = new Map(members.map((member) => [member.entry.key, member]))
    this.catalogs = new Catalogs(members, { collisions: manifest.host.collisions, quarantine })
    this.prepare = createPrepare(members)
    this.#clientTasks = clientTasks
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

  /** From now on this graph tells clients what happens, in its names. */
  serve(): void {
    this.#serving = true
    for (const member of this.members.values()) {
      if (member.leaf !== undefined) member.leaf.member = member
      member.nested?.serve(member)
    }
    this.catalogs.invalidate()
  }

  /** Hears of nothing any more. */
  retire(): void {
    this.#serving = false
    for (const stop of this.#stops.splice(0)) stop()
    for (const { nested } of this.members.values()) nested?.graph.retire()
    this.#watchers.clear()
  }

  tell(client: Client, notification: McpNotification): void {
    const isTask = notification.method === "notifications/tasks/status"
    for (const [server, { upstream }] of this.members)
      if (!isTask || this.#clientTasks.knows(server, client, notification)) upstream.tell(client, notification)
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

  #happened({ namespace }: Member, event: UpstreamEvent): void {
    if (event.type === "updated") {
      if (!this.#serving) return
      const method = "notifications/resources/updated"
      const params = rewriteNotification(method, { uri: event.uri }, (uri) => namespace.encode("resource", uri))
      for (const client of event.clients) client.notify({ method, params })
      return
    }
    this.catalogs.invalidate()
    for (const watcher of [...this.#watchers]) watcher()
  }
}
