/**
 * The host: serves what a manifest composes, whole and as each of its profiles. It owns the graph of servers and puts
 * another in its place when the manifest changes; endpoints and the command line call it. Nothing here reads the
 * network or the disk.
 */
import type { Catalog, Collision, Listing, Renaming, Withheld } from "../composition/types.ts"
import type { ConnectOptions, Readiness, Served } from "../endpoints/served.ts"
import type { Manifest } from "../manifest/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Client, Context, Handler, McpNotification, Unsubscribe } from "../protocol/messages.ts"
import { createStorage, type Storage } from "../storage/storage.ts"
import { maskOf } from "../telemetry/logger.ts"
import { noMetrics } from "../telemetry/noMetrics.ts"
import type { Metrics } from "../telemetry/types.ts"
import type { Upstream } from "../upstreams/upstream.ts"
import { type BuildOptions, type Built, build } from "./build.ts"
import { closeLeft } from "./chains.ts"
import { readinessOf } from "./describe.ts"
import type { Graph } from "./graph.ts"
import { mayHear } from "./hearing.ts"
import { collisionsIn, type LevelCollision, renamedIn, type ServerReport, serversIn, withheldIn } from "./inspect.ts"
import type { Leaf } from "./leaf.ts"
import type { PreparedMiddleware } from "./loadMiddleware.ts"
import { buildNext, differenceOf, drain, ended, leftBehind, type Reloaded, resubscribe } from "./reload.ts"
import { View } from "./view.ts"

export interface HostOptions extends Pick<BuildOptions, "log" | "version" | "codeOf" | "observer"> {
  readonly manifest: Manifest
  /** True for a command that looks once and wants to know: every server starts, and no cache is shown or replaced. */
  readonly once?: boolean
  /** The middleware of the manifest, from `loadMiddleware`; none where it has none. */
  readonly middleware?: PreparedMiddleware
  readonly metrics?: Metrics
  /** The stores of the manifest; the host closes them. Default: those it describes, and one in memory as `default`. */
  readonly storage?: Storage
}

export class Host implements Served {
  readonly handle: Handler
  /** Everything the manifest composes. */
  readonly main: View
  readonly #views = new Map<string, View>()
  readonly #watchers = new Set<() => void>()
  readonly #options: Omit<BuildOptions, "prepared">
  readonly #storage: Storage
  readonly #closing = new AbortController()
  /** Upstreams that no longer serve, until their calls have ended. */
  readonly #draining = new Map<Leaf, Promise<void>>()
  /** Middleware that no longer serves, until its requests have ended. */
  readonly #leaving = new Set<Promise<void>>()
  /** Resolves when no reload is under way. */
  #reloading: Promise<unknown> = Promise.resolve()
  #built: Built

  constructor({ manifest, log, version, codeOf, storage, once = false, ...more }: HostOptions) {
    const { middleware: prepared = new Map(), metrics = noMetrics, observer } = more
    this.#storage = storage ?? createStorage(manifest, { warn: (message) => log.warn(message) })
    this.#options = { log, version, codeOf, once, storage: this.#storage, metrics, observer }
    this.#built = build(manifest, { ...this.#options, prepared })
    this.#serve()
    this.main = new View(this)
    this.handle = this.main.handle
  }

  /** The graph that serves now. */
  get graph(): Graph {
    return this.#built.graph
  }

  get manifest(): Manifest {
    return this.graph.manifest
  }

  get serverInfo(): JsonObject {
    return this.main.serverInfo
  }

  /** The face of a profile; undefined when the manifest has none of that name. */
  profile(name: string): View | undefined {
    if (!this.manifest.profiles.some((profile) => profile.name === name)) return undefined
    const view = this.#views.get(name) ?? new View(this, name)
    this.#views.set(name, view)
    return view
  }

  /** Starts the servers, some at once. With a client whose capabilities are known, their first sessions are its own. */
  start(client?: Client): void {
    this.graph.start(client)
    // They never reject, and nothing depends on them.
    for (const cache of this.#built.caches.splice(0)) void cache.sweep()
  }

  tell(client: Client, notification: McpNotification): void {
    this.main.tell(client, notification)
  }

  watchTask(id: string, context: Context): Promise<boolean> {
    return this.main.watchTask(id, context)
  }

  tool(client: Client, name: string): JsonObject | undefined {
    return this.main.tool(client, name)
  }

  connect(client: Client, options?: ConnectOptions): Unsubscribe {
    return this.main.connect(client, options)
  }

  readiness(): Readiness {
    const mask = maskOf(this.#options.log)
    return readinessOf(
      this.servers(),
      this.collisions().map((collision) => maskedCollision(collision, mask)),
    )
  }

  /** The state of every server, those inside manifests included. */
  servers(): ServerReport[] {
    return serversIn(this.graph)
  }

  /** The end of what a server's newest process wrote to its standard error. */
  errorOutput(key: string): string | undefined {
    return this.graph.find(key)?.upstream.errorOutput?.()
  }

  /** What a client sees; without one, what the servers showed at first. */
  catalog(client?: Client): Catalog {
    return this.main.catalog(client)
  }

  collisions(): readonly LevelCollision[] {
    return collisionsIn(this.graph)
  }

  /** Names that were shortened or made legal, those inside manifests included. */
  renamed(): readonly Renaming[] {
    return renamedIn(this.graph)
  }

  /** Components whose overrides do not fit, those inside manifests included. */
  withheld(): readonly Withheld[] {
    return withheldIn(this.graph)
  }

  /** What a server itself lists, before filters; undefined while it was never listed. Without a client, as at first. */
  listing(path: string, client?: Client): ReturnType<Upstream["listing"]> {
    return this.graph.find(path)?.upstream.listing(client)
  }

  /** The same as it is composed at first, with what middleware adds and changes. */
  offered(path: string): Listing | undefined {
    return this.graph.offered(path)
  }

  info(path: string): ReturnType<Upstream["info"]> {
    return this.graph.find(path)?.upstream.info(undefined)
  }

  /** Resolves when no server is starting any more, whether it became ready or not. */
  settled(): Promise<void> {
    return this.graph.settled()
  }

  /** Calls back after every change of a server's state or catalogue. */
  onChange(watcher: () => void): Unsubscribe {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /**
   * Serves another manifest from now on: servers it reaches as before keep running with their sessions, the others are
   * replaced when the new ones are up. Rejects with a `HostError` when it must not serve; then nothing has changed.
   */
  reload(manifest: Manifest, middleware: PreparedMiddleware = new Map()): Promise<Reloaded> {
    const reloading = this.#reloading.then(() => this.#reload(manifest, middleware))
    // Whoever asked for it hears of a failure; the next one only waits for its end.
    this.#reloading = reloading.catch(() => undefined)
    return reloading
  }

  /** Closes the servers, the last of the manifest first, and then the stores they use. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reloading
    for (const view of this.#all) view.close()
    await Promise.all([this.graph.close(), ...this.#draining.values(), ...this.#leaving])
    await closeLeft(this.#built.middleware, [], this.#options.log)
    await Promise.all([...this.#built.levels.values()].map(({ storage }) => storage?.close()))
    await this.#storage.close()
  }

  get #all(): readonly View[] {
    return [this.main, ...this.#views.values()]
  }

  async #reload(manifest: Manifest, prepared: PreparedMiddleware): Promise<Reloaded> {
    const old = this.#built
    const views = this.#all
    const next = await buildNext(manifest, old, {
      ...this.#options,
      prepared,
      clients: views.flatMap((view) => [...view.clients]),
      prepare: async (graph) => void (await Promise.all(views.map((view) => view.prepare(graph)))),
    })
    this.#built = next
    old.graph.retire()
    this.#serve()
    for (const leaf of leftBehind(old, next)) {
      const drained = drain(leaf, this.#closing.signal).finally(() => this.#draining.delete(leaf))
      this.#draining.set(leaf, drained)
    }
    this.#leave(old, next)
    await resubscribe(old, next, this.#closing.signal)
    this.#changed()
    return differenceOf(old, next)
  }

  /** Closes middleware that the next graph does not run, when the last request of the old one has ended. */
  #leave(old: Built, next: Built): void {
    const left = ended(old.graph, this.#closing.signal).then(() =>
      closeLeft(old.middleware, next.middleware, this.#options.log),
    )
    this.#leaving.add(left)
    void left.finally(() => this.#leaving.delete(left))
  }

  #serve(): void {
    this.graph.serve((member, uri, client) => mayHear(this.#viewOf(client).scope, member, uri, client))
    this.graph.onChange(() => this.#changed())
  }

  #viewOf(client: Client): View {
    return this.#all.find(({ clients }) => clients.has(client)) ?? this.main
  }

  #changed(): void {
    for (const view of this.#all) view.changed()
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** Servers choose names and URIs, which `/readyz` shows to anybody. */
function maskedCollision<T extends Collision>({ key, kept, dropped, ...rest }: T, mask: (text: string) => string) {
  const shown = (origin: Collision["kept"]) => ({ ...origin, key: mask(origin.key) })
  return { ...rest, key: mask(key), kept: shown(kept), dropped: shown(dropped) }
}
