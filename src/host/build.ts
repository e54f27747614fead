/**
 * Builds the graph of a manifest, and of the manifests inside it. What an earlier graph runs on is taken over where the
 * manifest reaches it in the same way; everything else is made anew, and not started yet.
 */
import type { Logger } from "pino"
import type { Manifest, ServerEntry } from "../manifest/types.ts"
import type { Chain } from "../middleware/chain.ts"
import type { JsonObject } from "../protocol/json.ts"
import { withPrefix } from "../storage/prefixed.ts"
import { createStorage, type Storage } from "../storage/storage.ts"
import type { Metrics, Observer } from "../telemetry/types.ts"
import { type CatalogueCache, createCatalogueCache } from "../upstreams/catalogueCache.ts"
import { createUpstream } from "../upstreams/createUpstream.ts"
import { createServerLogger } from "../upstreams/serverLogger.ts"
import type { UpstreamState } from "../upstreams/upstream.ts"
import { Chains, type Running } from "./chains.ts"
import { Graph } from "./graph.ts"
import { isSameLeaf, type Leaf, type LeafFacts } from "./leaf.ts"
import { createLevel, createSpeaking, type Level } from "./level.ts"
import type { PreparedMiddleware } from "./loadMiddleware.ts"
import { createMember, type Member } from "./member.ts"
import { NestedUpstream } from "./nestedUpstream.ts"
import { Quarantine } from "./quarantine.ts"

/** Everything a graph is made of, by path; a level's path is that of its manifest. */
export interface Built {
  readonly graph: Graph
  readonly leaves: ReadonlyMap<string, Leaf>
  readonly levels: ReadonlyMap<string, Level>
  /** Caches of the manifests, until they are swept once. */
  readonly caches: CatalogueCache[]
  /** The middleware that runs around it. */
  readonly middleware: readonly Running[]
}

export interface BuildOptions {
  readonly log: Logger
  /** Version of this software, told to servers. */
  readonly version: string
  /** The stores of the manifest of the host. */
  readonly storage: Storage
  /** True: every server starts, and no catalogue is kept. */
  readonly once: boolean
  /** The middleware of the manifest, loaded. */
  readonly prepared: PreparedMiddleware
  readonly metrics: Metrics
  /** Looks at requests to servers. */
  readonly observer?: Observer | undefined
  /** Which code a package in process would run; undefined when it does not matter. */
  readonly codeOf?: ((entry: ServerEntry) => string | undefined) | undefined
}

export function build(manifest: Manifest, options: BuildOptions, previous?: Built): Built {
  const leaves = new Map<string, Leaf>()
  const levels = new Map<string, Level>()
  const caches: CatalogueCache[] = []
  const { log, metrics, observer, prepared } = options
  const chains = new Chains({ log, metrics, observer, prepared, previous: previous?.middleware ?? [] })
  const graph = buildLevel(manifest, undefined, { ...options, previous, leaves, levels, caches, chains })
  return { graph, leaves, levels, caches, middleware: chains.running }
}

interface Builder extends BuildOptions {
  readonly previous: Built | undefined
  readonly leaves: Map<string, Leaf>
  readonly levels: Map<string, Level>
  readonly caches: CatalogueCache[]
  readonly chains: Chains
}

/** A manifest inside another. */
interface Inside {
  /** Its key there. */
  readonly path: string
  /** What the one around it keeps. */
  readonly around: Level
  /** What the names of everything inside begin with. */
  readonly names: string
  /** The stores around it. */
  readonly storage: Storage
}

function buildLevel(manifest: Manifest, at: Inside | undefined, builder: Builder): Graph {
  const path = at?.path ?? ""
  const level = builder.previous?.levels.get(path) ?? createLevel(path, at?.around)
  // A manifest inside that describes stores has its own; else its servers have a part of those around it.
  if (at !== undefined && Object.keys(manifest.storage).length > 0)
    level.storage ??= createStorage(manifest, { warn: (message) => builder.log.warn(message) })
  const storage = level.storage ?? at?.storage ?? builder.storage
  builder.levels.set(path, level)
  const cache = builder.once ? undefined : cacheOf(manifest, path, builder)
  if (cache !== undefined) builder.caches.push(cache)
  const { surroundings } = level
  const { directory } = manifest
  const chain = builder.chains.create(manifest.middleware, { server: undefined, directory, storage, surroundings })
  const members = manifest.servers.map((entry) =>
    buildMember(entry, { manifest, level, cache, storage, around: chain, names: at?.names ?? "" }, builder),
  )
  const quarantine = new Quarantine(manifest.security, builder.log)
  return new Graph(manifest, members, { clientTasks: level.clientTasks, quarantine, chain, surroundings })
}

interface Place {
  readonly manifest: Manifest
  readonly level: Level
  readonly cache: CatalogueCache | undefined
  readonly storage: Storage
  readonly around: Chain
  readonly names: string
}

function buildMember(
  entry: ServerEntry,
  { manifest, level, cache, storage, around, names: before }: Place,
  builder: Builder,
): Member {
  const { target, key } = entry
  const { directory } = manifest
  const { surroundings } = level
  const chain = builder.chains.create(entry.middleware, { server: key, directory, storage, surroundings })
  if (target.kind === "manifest") {
    const { prefix, separator } = entry.rules
    const names = before + (prefix === "" ? "" : prefix + separator)
    const graph = buildLevel(target.manifest, { path: key, around: level, names, storage }, builder)
    const inside = builder.levels.get(key)
    if (inside === undefined) throw new Error(`no level ${key}`)
    const nested = new NestedUpstream({ entry, graph, level: inside, names })
    return createMember(entry, nested, { nested, chain, around })
  }
  const made: LeafFacts = { entry, directory, code: builder.codeOf?.(entry) }
  const old = builder.previous?.leaves.get(key)
  const leaf =
    old !== undefined && isSameLeaf(old.made, made) ? old : createLeaf(made, { level, cache, storage }, builder)
  builder.leaves.set(key, leaf)
  const member = createMember(entry, leaf.upstream, { leaf, chain, around })
  leaf.member ??= member
  return member
}

function createLeaf(
  made: LeafFacts,
  { level, cache, storage }: Pick<Place, "level" | "cache" | "storage">,
  builder: Builder,
): Leaf {
  const { entry, directory } = made
  const clientInfo: JsonObject = { name: "mcp-host", version: builder.version }
  const { ask, tell } = createSpeaking(level.clientTasks, () => {
    if (leaf.member === undefined) throw new Error(`no server ${entry.key}`)
    return leaf.member
  })
  const upstream = createUpstream(entry, {
    directory,
    // The first code is what the module system loads by itself.
    code: builder.previous === undefined ? undefined : made.code,
    clientInfo,
    ask,
    tell,
    logger: createServerLogger(builder.log, entry.key),
    storage: withPrefix(storage.store(entry.storage), `servers/${entry.key}/`),
    eager: builder.once,
    cache,
    around: builder.observer?.upstream(entry.key),
    traced: builder.observer?.traces === true,
  })
  const leaf: Leaf = { upstream, made, member: undefined, started: false, calls: 0, subscribed: new Map() }
  upstream.on((event) => {
    if (event.type !== "state") return
    logState(builder.log, entry.key, event.state)
    builder.observer?.state(entry.key, event.state.state)
  })
  return leaf
}

function logState(log: Logger, server: string, { state, reason }: UpstreamState): void {
  if (state === "backoff" || state === "failed" || state === "degraded") log.warn({ server, state }, reason ?? state)
  else log.info({ server, state }, state)
}

/** A manifest may be composed in several places, each with a cache of its own. */
function cacheOf({ file, host, secrets }: Manifest, path: string, options: BuildOptions): CatalogueCache | undefined {
  const { log, version } = options
  const folder = host.cache
  if (folder === undefined) return undefined
  const logger = createServerLogger(log, "cache")
  return createCatalogueCache({ folder, manifest: path === "" ? file : `${file} ${path}`, version, secrets, logger })
}
