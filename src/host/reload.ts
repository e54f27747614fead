/**
 * Puts another graph in the place of the one that serves: built beside it, on the same upstreams where nothing about them
 * changed, and put in place only when it is fit to serve. Until then, and whenever it is not, the old one serves on.
 */
import { setTimeout as delay } from "node:timers/promises"
import { HostError } from "../errors.ts"
import type { Manifest } from "../manifest/types.ts"
import type { Client } from "../protocol/messages.ts"
import { internalContext } from "../wire/internalContext.ts"
import { type BuildOptions, type Built, build } from "./build.ts"
import type { Graph } from "./graph.ts"
import { collisionsIn, type LevelCollision, serversIn } from "./inspect.ts"
import type { Leaf } from "./leaf.ts"
import { isServing } from "./member.ts"

export interface Reloaded {
  /** Servers that run anew, by path: added, or changed. */
  readonly started: readonly string[]
  /** Servers that ended, by path: removed, or replaced. */
  readonly ended: readonly string[]
}

export interface NextOptions extends BuildOptions {
  /** The clients that are connected. */
  readonly clients: readonly Client[]
  /** Resolves when what they see of a graph is taken. */
  readonly prepare: (graph: Graph) => Promise<void>
}

/** The graph of another manifest, its servers started. Throws a `HostError` when it must not serve, and leaves nothing of it. */
export async function buildNext(manifest: Manifest, current: Built, options: NextOptions): Promise<Built> {
  const next = build(manifest, options, current)
  const fresh = [...next.leaves.values()].filter(({ started }) => !started)
  const [only, ...others] = options.clients
  try {
    next.graph.start(others.length === 0 ? only : undefined)
    await next.graph.settled()
    assertFit(current, next)
    await options.prepare(next.graph)
    return next
  } catch (error) {
    next.graph.retire()
    await Promise.all(fresh.map(({ upstream }) => upstream.close()))
    throw error
  }
}

/** Upstreams of the old graph that the next one does not run on. */
export function leftBehind(old: Built, next: Built): Leaf[] {
  return [...old.leaves].flatMap(([path, leaf]) => (next.leaves.get(path) === leaf ? [] : [leaf]))
}

export function differenceOf(old: Built, next: Built): Reloaded {
  const without = (some: Built, other: Built): string[] =>
    [...some.leaves].flatMap(([path, leaf]) => (other.leaves.get(path) === leaf ? [] : [path]))
  return { started: without(next, old), ended: without(old, next) }
}

/** Closes an upstream when its calls have ended, or may take no longer, or nobody waits for them. */
export async function drain(leaf: Leaf, hurry: AbortSignal): Promise<void> {
  const until = performance.now() + leaf.made.entry.timeouts.totalMs
  while (leaf.calls > 0 && !hurry.aborted && performance.now() < until) await delay(20)
  await leaf.upstream.close()
}

/** Resolves when no request is on its way through a graph any more, or nobody waits for it. */
export async function ended(graph: Graph, hurry: AbortSignal): Promise<void> {
  while (graph.requests > 0 && !hurry.aborted) await delay(20)
}

/** Subscribes clients at servers that replace others, as they were. */
export async function resubscribe(old: Built, next: Built, signal: AbortSignal): Promise<void> {
  const work = [...old.leaves].flatMap(([path, { subscribed }]) => {
    const leaf = next.leaves.get(path)
    if (leaf === undefined || leaf.subscribed === subscribed) return []
    return [...subscribed].flatMap(([client, uris]) =>
      [...uris].map(async (uri) => {
        const context = { ...internalContext(signal), client }
        await leaf.upstream.handle({ method: "resources/subscribe", params: { uri } }, context)
        leaf.subscribed.set(client, (leaf.subscribed.get(client) ?? new Set()).add(uri))
      }),
    )
  })
  // A server that no longer has a resource refuses it: then there is nothing to hear of.
  await Promise.allSettled(work)
}

function assertFit(current: Built, next: Built): void {
  const known = new Set(collisionsIn(current.graph).map(idOf))
  const clash = collisionsIn(next.graph).find(
    (each) => each.policy === "error" && each.kept.server !== each.dropped.server && !known.has(idOf(each)),
  )
  if (clash !== undefined) {
    const { kind, key, kept, dropped } = clash
    throw new HostError("NAME_COLLISION", `${kept.server} and ${dropped.server} would both expose the ${kind} ${key}`)
  }
  for (const { entry, state, reason } of serversIn(next.graph)) {
    const leaf = next.leaves.get(entry.key)
    const old = current.leaves.get(entry.key)
    if (isServing(state) || state === "disabled" || leaf === undefined || leaf === old) continue
    if (entry.required) throw new HostError("SERVER_REQUIRED", `The required server ${entry.key} ${why(state, reason)}`)
    // A server that works is not given up for one that does not.
    if (old === undefined || !isServing(old.upstream.state.state)) continue
    throw new HostError("SERVER_UNAVAILABLE", `As it is now, the server ${entry.key} ${why(state, reason)}`, {
      help: "Correct it; until then it runs on as it was.",
    })
  }
}

function why(state: string, reason: string | undefined): string {
  return `did not start: ${reason ?? state}`
}

function idOf({ kind, key, kept, dropped }: LevelCollision): string {
  return JSON.stringify([kind, key, kept, dropped])
}
