/**
 * Makes the chains of middleware of a graph. A middleware that the next manifest describes in the same way is taken over
 * with what it knows (a cache, the counts of a rate limit); one that is left behind closes when its last request has ended.
 */
import { isDeepStrictEqual } from "node:util"
import type { Logger } from "pino"
import { HostError, messageOf } from "../errors.ts"
import type { MiddlewareEntry } from "../manifest/types.ts"
import { type Chain, createChain, type Link } from "../middleware/chain.ts"
import { guarded } from "../middleware/guarded.ts"
import type { Middleware, MiddlewareDefinition, MiddlewareDeps } from "../middleware/types.ts"
import { withPrefix } from "../storage/prefixed.ts"
import type { Storage } from "../storage/storage.ts"
import { maskOf } from "../telemetry/logger.ts"
import type { Metrics, Observer } from "../telemetry/types.ts"
import { createServerLogger } from "../upstreams/serverLogger.ts"
import type { PreparedMiddleware } from "./loadMiddleware.ts"
import type { Surroundings } from "./surroundings.ts"

/** A middleware that runs. */
export interface Running {
  readonly link: Link
  readonly entry: MiddlewareEntry
  readonly code: string | undefined
  readonly server: string | undefined
}

export interface ChainsOptions {
  readonly log: Logger
  readonly metrics: Metrics
  /** Looks at each middleware. */
  readonly observer?: Observer | undefined
  readonly prepared: PreparedMiddleware
  /** What runs in the graph that serves. */
  readonly previous: readonly Running[]
}

export interface ChainPlace {
  /** Manifest key of the server around which it is; undefined for all of a manifest. */
  readonly server: string | undefined
  readonly directory: string
  readonly storage: Storage
  readonly surroundings: Surroundings
}

/** Makes chains, and remembers what runs in them. */
export class Chains {
  readonly running: Running[] = []
  readonly #options: ChainsOptions
  readonly #taken = new Set<Running>()

  constructor(options: ChainsOptions) {
    this.#options = options
  }

  create(entries: readonly MiddlewareEntry[], place: ChainPlace): Chain {
    if (entries.length === 0) return emptyChain
    const { observer } = this.#options
    return createChain(
      entries.map((entry, at) => {
        const { link } = this.#running(entry, at, place)
        return { ...link, trace: observer?.middleware(link.name, place.server) }
      }),
    )
  }

  #running(entry: MiddlewareEntry, at: number, place: ChainPlace): Running {
    const prepared = this.#options.prepared.get(entry)
    if (prepared === undefined) throw new Error(`the middleware ${entry.name} was not loaded`)
    const { definition, options, code } = prepared
    const old = this.#options.previous.find(
      (each) => !this.#taken.has(each) && isSame(each, { entry, code, server: place.server }),
    )
    if (old !== undefined) {
      this.#taken.add(old)
      this.running.push(old)
      return old
    }
    const deps = this.#deps(definition.name, at, place)
    const made = create(definition, options, deps)
    const middleware = entry.module === undefined ? made : guarded(made, definition.name, deps.logger)
    const running = { link: { name: definition.name, middleware }, entry, code, server: place.server }
    this.running.push(running)
    return running
  }

  #deps(name: string, at: number, { server, directory, storage, surroundings }: ChainPlace): MiddlewareDeps {
    const { log, metrics } = this.#options
    return {
      server,
      directory,
      metrics,
      logger: createServerLogger(log, server === undefined ? name : `${server} ${name}`),
      store: (store) => withPrefix(storage.store(store), `middleware/${server ?? ""}/${at}-${name}/`),
      mask: maskOf(log),
      subject: (request, client) => surroundings.subject(request, client, server),
      on: (listener) => surroundings.on(listener, server),
    }
  }
}

function create(definition: MiddlewareDefinition, options: unknown, deps: MiddlewareDeps): Middleware {
  try {
    return definition.create(options, deps)
  } catch (error) {
    if (error instanceof HostError) throw error
    const where = deps.server === undefined ? "" : ` around ${deps.server}`
    const message = `The middleware ${definition.name}${where} cannot be made: ${messageOf(error)}`
    throw new HostError("MIDDLEWARE_UNUSABLE", message, {
      cause: error,
      help: "Correct its code or its options; its create must not throw.",
    })
  }
}

export const emptyChain = createChain([])

/** Closes what the next graph does not run. */
export async function closeLeft(old: readonly Running[], next: readonly Running[], log: Logger): Promise<void> {
  const left = old.filter((each) => !next.includes(each)).map(({ link }) => link)
  await Promise.all(
    left.map(async ({ name, middleware }: { readonly name: string; readonly middleware: Middleware }) => {
      try {
        await middleware.close?.()
      } catch (error) {
        log.warn({ err: error }, `the middleware ${name} did not close well`)
      }
    }),
  )
}

function isSame(one: Omit<Running, "link">, other: Omit<Running, "link">): boolean {
  return isDeepStrictEqual(described(one), described(other))
}

function described({ entry: { placeOf: _placeOf, ...entry }, code, server }: Omit<Running, "link">): unknown {
  return { ...entry, code, server }
}
