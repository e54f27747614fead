/**
 * Answers lists from the catalogue and sends everything else to the server that owns it, with the server's own names
 * and URIs; results come back with the exposed ones. Exact tables decide, never a split name. One decision, the
 * catalogue's, says what is visible: what it does not resolve does not exist.
 */
import { pageOf } from "../composition/page.ts"
import { rewriteErrorData, rewriteRequestParams, rewriteResult } from "../composition/rewrite.ts"
import type { Catalog, Component, ResolvedUri } from "../composition/types.ts"
import type { CacheHint } from "../protocol/cacheHint.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import type { Client, Context, Handler, McpRequest, McpResult } from "../protocol/messages.ts"
import { type Kind, kinds, kindWords, logLevels } from "../protocol/methods.ts"
import { RawResult } from "../protocol/rawResult.ts"
import { errorDataWithAskerNamed, withAskerNamed } from "./ask.ts"
import { ownTools } from "./catalogs.ts"
import type { Leaf } from "./leaf.ts"
import type { Member } from "./member.ts"
import { assertListable, missing } from "./missing.ts"
import { completionParams, ownParams } from "./ownParams.ts"
import type { Scope } from "./scope.ts"
import type { ShownUris } from "./shownUris.ts"
import { createTaskRoutes, showTasks, withOwnTask } from "./tasks.ts"
import type { TaskTable } from "./taskTable.ts"
import { createWays, type Ways } from "./ways.ts"

/** Components in one page of a list; large, because many clients never ask for a second page. */
const pageSize = 5_000
/** Longest page, in bytes, unless a single component is longer: clients have limits of their own, 10 MB for the SDK's over stdio. */
const maxPageBytes = 4 * 1024 * 1024
/** Pages of one catalogue that are kept: a client can make a cursor for any position. */
const maxKeptPages = 64

/** Methods whose results hold URIs only where reading their bytes sees them. */
const passable: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "completion/complete"])

export interface RouterOptions {
  /** What there is now. */
  readonly scope: () => Scope
  readonly tasks: TaskTable
  readonly shown: ShownUris
  /** Resolves when a client's first list need not wait any longer; with `hold`, when no server that starts may own a name. */
  readonly ready: (client: Client, hold: boolean) => Promise<void>
  /** What `initialize` and `server/discover` say; a manifest inside another is not asked. */
  readonly describe?: (client: Client) => JsonObject
}

export function createRouter(options: RouterOptions): Handler {
  const router = new Router(options)
  return (request, context) => router.handle(request, context)
}

class Router {
  readonly #scope: () => Scope
  readonly #tasks: TaskTable
  readonly #shown: ShownUris
  readonly #ready: RouterOptions["ready"]
  readonly #ways: Ways
  readonly #pages = new WeakMap<Catalog, Map<string, McpResult>>()
  readonly #routes: ReadonlyMap<string, Handler>

  constructor({ scope, tasks, shown, ready, describe }: RouterOptions) {
    this.#scope = scope
    this.#tasks = tasks
    this.#shown = shown
    this.#ready = ready
    this.#ways = createWays((request, context) => this.handle(request, context), scope)
    const lists = kinds.map((kind): [string, Handler] => [
      kindWords[kind].list,
      (request, context) => this.#list(kind, request, context),
    ])
    const forward = this.#forward.bind(this)
    const resource: Handler = (request, context) => this.#resource(request, context)
    this.#routes = new Map<string, Handler>([
      ...lists,
      ["tools/call", (request, context) => this.#named("tool", request, context)],
      ["prompts/get", (request, context) => this.#named("prompt", request, context)],
      ["resources/read", resource],
      ["resources/subscribe", resource],
      ["resources/unsubscribe", resource],
      ["completion/complete", (request, context) => this.#complete(request, context)],
      ["logging/setLevel", (request, context) => this.#setLevel(request, context)],
      ...(describe === undefined ? [] : describing(describe)),
      ...createTaskRoutes({ members: () => scope().members, table: tasks, forward }),
    ])
  }

  handle(request: McpRequest, context: Context): Promise<McpResult> {
    const route = this.#routes.get(request.method)
    if (route === undefined)
      return Promise.reject(new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${request.method}`))
    return route(request, context)
  }

  async #list(kind: Kind, request: McpRequest, { client }: Context): Promise<McpResult> {
    await this.#ready(client, false)
    assertListable(this.#scope(), kind, client)
    const { visible } = this.#scope().catalogs.of(client)
    return this.#page(visible, kind, {
      cursor: stringAt(request.params, "cursor"),
      cache: this.#scope().catalogs.hint(client, kind),
    })
  }

  /** A page of a list, made once for every catalogue and kept as the bytes that go out. */
  #page(catalog: Catalog, kind: Kind, { cursor, cache }: { cursor: string | undefined; cache: CacheHint }): McpResult {
    const pages = this.#pages.get(catalog) ?? new Map<string, McpResult>()
    this.#pages.set(catalog, pages)
    const key = `${kind} ${cache.ttlMs} ${cache.cacheScope} ${cursor === undefined ? "" : `from ${cursor}`}`
    const known = pages.get(key)
    if (known !== undefined) return known
    const bytes = pageBytes(catalog, kind, { cursor, size: pageSize })
    const result = new RawResult([bytes], { holdsUris: false, hasMeta: false, cache })
    if (pages.size < maxKeptPages) pages.set(key, result)
    return result
  }

  #named(kind: "tool" | "prompt", { method, params }: McpRequest, context: Context): Promise<McpResult> {
    const name = stringAt(params, "name")
    if (name === undefined) return Promise.reject(new ProtocolError(rpcCodes.invalidParams, `${method} needs a name`))
    const forward = (component: Component): Promise<McpResult> => {
      const { server, key } = component.origin
      if (server === ownTools) return this.#ways.call(this.#scope().chain.tools.get(key), params, context)
      return this.#forward(server, method, ownParams(component, params), context)
    }
    const listed = this.#scope().catalogs.of(context.client).visible.resolve(kind, name)
    if (listed !== undefined) return forward(listed)
    return this.#found(context.client, () => this.#find(kind, name, context.client)).then(forward)
  }

  /**
   * Looks something up. What is not there may be of a server that still starts, or of a catalogue not taken yet: then
   * until it appears, or the first lists need not wait any longer.
   */
  #found<T>(client: Client, find: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const attempt = (otherwise: (error: unknown) => void): void => {
        try {
          resolve(find())
        } catch (error) {
          otherwise(error)
        }
      }
      attempt(() => {
        const stop = this.#scope().onChange(() => attempt(() => undefined))
        void this.#ready(client, true).finally(() => {
          stop()
          attempt(reject)
        })
      })
    })
  }

  #find(kind: "tool" | "prompt", name: string, client: Client): Component {
    const { visible } = this.#scope().catalogs.of(client)
    const exposed = visible.resolve(kind, name)
    if (exposed !== undefined) return exposed
    const absent = missing(this.#scope(), kind, name, client)
    if (absent !== undefined) throw absent
    // MCP Apps call tools by the names their own server gave them.
    const [only, ...others] = visible.resolveBareName(kind, name)
    if (only !== undefined && others.length === 0) return only
    if (only !== undefined) {
      const candidates = [only, ...others].map((each) => each.key).join(", ")
      throw new ProtocolError(rpcCodes.invalidParams, `Ambiguous ${kind} ${name}: it could be ${candidates}`)
    }
    throw new ProtocolError(rpcCodes.invalidParams, `Unknown ${kind}: ${name}`)
  }

  async #resource(request: McpRequest, context: Context): Promise<McpResult> {
    const uri = stringAt(request.params, "uri")
    if (uri === undefined) throw new ProtocolError(rpcCodes.invalidParams, `${request.method} needs a uri`)
    const found = await this.#found(context.client, () => this.#resolve(uri, context.client))
    const result = await this.#forward(found.server, request.method, { ...request.params, uri: found.uri }, context)
    const { leaf } = this.#member(found.server)
    if (leaf !== undefined) noteSubscription(leaf, request.method, found.uri, context.client)
    return result
  }

  #resolve(uri: string, client: Client): ResolvedUri {
    const found =
      this.#scope().catalogs.of(client).visible.resolveUri(uri) ??
      this.#shown.ownerOf(uri, (server, own) => this.#allows(server, client, own))
    if (found !== undefined) return found
    const absent = missing(this.#scope(), "resource", uri, client)
    if (absent !== undefined) throw absent
    throw new ProtocolError(rpcCodes.resourceNotFound, `Resource not found: ${uri}`, { uri })
  }

  async #complete(request: McpRequest, context: Context): Promise<McpResult> {
    const ref = objectAt(request.params, "ref") ?? {}
    const name = stringAt(ref, "name")
    if (ref["type"] === "ref/prompt" && name !== undefined) {
      const component = await this.#found(context.client, () => this.#find("prompt", name, context.client))
      return this.#forward(
        component.origin.server,
        request.method,
        completionParams(component, request.params),
        context,
      )
    }
    const uri = stringAt(ref, "uri")
    if (ref["type"] !== "ref/resource" || uri === undefined) {
      throw new ProtocolError(
        rpcCodes.invalidParams,
        "completion/complete needs a ref of type ref/prompt with a name or ref/resource with a uri",
      )
    }
    const found = await this.#found(
      context.client,
      () =>
        this.#scope().catalogs.of(context.client).visible.resolveReference(uri) ?? this.#resolve(uri, context.client),
    )
    return this.#forward(found.server, request.method, { ...request.params, ref: { ...ref, uri: found.uri } }, context)
  }

  async #setLevel(request: McpRequest, { client }: Context): Promise<McpResult> {
    const level = stringAt(request.params, "level")
    if (!logLevels.some((known) => known === level)) {
      throw new ProtocolError(
        rpcCodes.invalidParams,
        `Unknown log level ${JSON.stringify(level ?? null)}; known are ${logLevels.join(", ")}`,
      )
    }
    for (const { upstream } of this.#scope().members.values()) upstream.setLevel(client, String(level))
    return { value: {} }
  }

  async #forward(server: string, method: string, params: JsonObject, context: Context): Promise<McpResult> {
    const member = this.#member(server)
    const { namespace, leaf } = member
    const show = (uri: string): string => {
      const exposed = namespace.encode("resource", uri)
      if (exposed === uri) this.#shown.remember(uri, server)
      return exposed
    }
    const answering = "inputResponses" in params ? answeringOwn(method, params, member) : params
    const own = "_meta" in params ? withOwnTask(answering, context, this.#tasks) : answering
    if (leaf !== undefined) leaf.calls += 1
    try {
      const result = await this.#ways.to(member)({ method, params: own }, context)
      if (result.holdsUris === false && passable.has(method)) return result
      const named = withAskerNamed(rewriteResult(method, result.value, show), member, method === "tasks/get")
      const value = showTasks({ method, params }, named, { member, context, table: this.#tasks })
      return value === result.value ? result : { value }
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.data === undefined) throw error
      throw new ProtocolError(error.code, error.message, rewriteErrorData(errorDataWithAskerNamed(error, member), show))
    } finally {
      if (leaf !== undefined) leaf.calls -= 1
    }
  }

  #member(server: string): Member {
    const member = this.#scope().members.get(server)
    if (member === undefined) throw new Error(`no server ${server}`)
    return member
  }

  /** Whether a URI that a server once showed may be reached; not when the server has gone. */
  #allows(server: string, client: Client, uri: string): boolean {
    const { members, catalogs } = this.#scope()
    const member = members.get(server)
    return member !== undefined && catalogs.allows(member, client, uri)
  }
}

/** A page with as many components as it may have: half of them as long as they take too many bytes. */
function pageBytes(
  catalog: Catalog,
  kind: Kind,
  { cursor, size }: { cursor: string | undefined; size: number },
): Buffer {
  const page = pageOf({ revision: catalog.revisionOf(kind), items: catalog.list(kind) }, cursor, size)
  const value: JsonObject = { [kindWords[kind].member]: page.items.map((component) => component.payload) }
  if (page.nextCursor !== undefined) value["nextCursor"] = page.nextCursor
  const bytes = Buffer.from(JSON.stringify(value))
  if (bytes.length <= maxPageBytes || page.items.length === 1) return bytes
  return pageBytes(catalog, kind, { cursor, size: Math.ceil(page.items.length / 2) })
}

function describing(describe: (client: Client) => JsonObject): [string, Handler][] {
  const handler: Handler = async (_request, { client }) => ({ value: describe(client) })
  return [
    ["initialize", handler],
    ["server/discover", handler],
  ]
}

/** Notes what a request that succeeded has changed, for the server that may come after this one. */
function noteSubscription({ subscribed }: Leaf, method: string, uri: string, client: Client): void {
  if (method === "resources/subscribe") subscribed.set(client, (subscribed.get(client) ?? new Set()).add(uri))
  if (method === "resources/unsubscribe") subscribed.get(client)?.delete(uri)
}

/** Answers to questions carry URIs that this server's questions showed; the request's own URI is the server's already. */
function answeringOwn(method: string, params: JsonObject, { namespace }: Member): JsonObject {
  const answered = rewriteRequestParams(method, params, (uri) => namespace.decodeUri(uri) ?? uri)
  return "uri" in params ? { ...answered, uri: params["uri"] as string } : answered
}
