/**
 * A session with an upstream of the modern generation (specification 2026-07-28): no handshake beyond
 * `server/discover`, an envelope in every request, notifications through one `subscriptions/listen`.
 */
import { ProtocolError, rpcCodes, upstreamError } from "../../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt, objectsAt, stringAt } from "../../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../../protocol/messages.ts"
import { kindWords } from "../../protocol/methods.ts"
import { RawResult } from "../../protocol/rawResult.ts"
import { tasksExtension, watchMethods } from "../../protocol/tasks.ts"
import type { Channel } from "../channel.ts"
import { headerPathsOf, modernHeaders } from "../headers.ts"
import { internalContext } from "../internalContext.ts"
import { Listener, type Send } from "../listener.ts"
import type { Peer, RequestOptions } from "../peer.ts"
import { withoutHopMembers } from "../rawAnswer.ts"
import { exchangeAgain } from "../readAgain.ts"
import type { SessionOptions, UpstreamSession } from "../session.ts"
import { learnOutputs, type OutputRoot } from "../structured.ts"
import { withOwnTasks } from "../tasks.ts"
import { isHeaderMismatch, withoutHopErrors } from "./hopLocal.ts"
import { type Era, latestModern, metaKeys, modernVersions, withoutEnvelope } from "./versions.ts"

/** Pages looked through for one tool. */
const maxPages = 64

/** As whom the host follows tasks: servers tell only those who declare the extension (SEP-2663). */
const follower = { key: "tasks", era: "modern", capabilities: { extensions: { [tasksExtension]: {} } } } as const

export class ModernSession implements UpstreamSession {
  readonly era: Era = "modern"
  readonly protocolVersion = latestModern
  /** Where one channel carries all requests, those that want log messages take turns here. */
  readonly attributes = true
  readonly serverInfo: JsonObject
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  readonly outputs: ReadonlyMap<string, OutputRoot>
  readonly #peer: Peer
  readonly #channel: Channel
  readonly #options: SessionOptions
  readonly #listener: Listener
  /** A stream of its own: a server that refuses it still tells of its lists. */
  readonly #tasks: Listener
  /** Requests that want log messages take turns where one channel carries all requests: its log lines name no request. */
  #turn: Promise<unknown> = Promise.resolve()
  #logging: Context | undefined

  constructor(peer: Peer, channel: Channel, options: SessionOptions, discovered: JsonObject) {
    this.#peer = peer
    this.#channel = channel
    this.#options = options
    this.outputs = options.outputs
    const meta = objectAt(discovered, "_meta") ?? {}
    this.serverInfo = objectAt(meta, metaKeys.serverInfo) ?? {}
    this.capabilities = withOwnTasks("modern", objectAt(discovered, "capabilities") ?? {})
    this.instructions = stringAt(discovered, "instructions")
    const send: Send = async (request, context, minted) =>
      (await this.#send(request, context, { idleMs: 2 ** 31 - 1, totalMs: 2 ** 31 - 1, minted })).value
    const missed = (method: string): void => options.notification({ method, params: {} }, undefined)
    this.#listener = new Listener(this.capabilities, send, { missed })
    const sendAsFollower: Send = (request, context, minted) =>
      send(request, { ...context, client: { ...context.client, ...follower } }, minted)
    this.#tasks = new Listener({}, sendAsFollower, { named: "taskIds" })
  }

  get pid(): number | undefined {
    return this.#channel.pid
  }

  get inFlight(): number {
    return this.#peer.inFlight - this.#listener.open - this.#tasks.open
  }

  /** The request whose log lines arrive now, when only one can be. */
  get logging(): Context | undefined {
    return this.#logging
  }

  listen(): void {
    this.#listener.update()
  }

  /** The connection has ended: there is nothing left to listen to. */
  ended(): void {
    this.#listener.close()
    this.#tasks.close()
  }

  /** Tells the listener whose stream it is that its acknowledgement arrived. */
  acknowledged(params: JsonObject): void {
    const id = objectAt(params, "_meta")?.[metaKeys.subscriptionId]
    const agreed = params["notifications"]
    if (!this.#listener.acknowledged(id, agreed)) this.#tasks.acknowledged(id, agreed)
  }

  async request(request: McpRequest, context: Context): Promise<McpResult> {
    if (request.method === "logging/setLevel") return { value: {} }
    if (request.method === "resources/subscribe") return this.#listener.add(stringAt(request.params, "uri") ?? "")
    if (request.method === "resources/unsubscribe") return this.#listener.remove(stringAt(request.params, "uri") ?? "")
    if (request.method === watchMethods.add) return this.#watch(stringAt(request.params, "taskId") ?? "")
    if (request.method === watchMethods.remove) return this.#tasks.remove(stringAt(request.params, "taskId") ?? "")
    const { callMs, listMs, totalMs } = this.#options.timeouts
    const limits = { idleMs: request.method.endsWith("/list") ? listMs : callMs, totalMs }
    if (context.logLevel === undefined || this.#channel.abandon !== undefined) {
      return this.#send(request, context, limits)
    }
    return this.#inTurn(context, limits.idleMs, () => this.#send(request, context, limits))
  }

  notify(): void {
    // This generation has no notifications from clients besides cancellation, which belongs to the hop.
  }

  async ping(): Promise<void> {
    const { listMs } = this.#options.timeouts
    const limits = { idleMs: listMs, totalMs: listMs }
    const context = internalContext(new AbortController().signal)
    await this.#exchange({ method: "server/discover", params: {} }, context, limits)
  }

  async close(reason?: Error): Promise<void> {
    this.ended()
    await this.#peer.close(reason)
  }

  /** Hears of a task; the result says whether the server agreed to tell. */
  async #watch(id: string): Promise<McpResult> {
    await this.#tasks.add(id)
    const agreed = this.#tasks.agreed(id)
    if (!agreed) await this.#tasks.remove(id)
    return { value: { agreed } }
  }

  async #inTurn<T>(context: Context, waitMs: number, work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    let done = (): void => {}
    this.#turn = new Promise<void>((resolve) => {
      done = resolve
    })
    try {
      await turnOf(before, context.signal, waitMs)
    } catch (error) {
      void before.then(done)
      throw error
    }
    this.#logging = context
    try {
      return await work()
    } finally {
      this.#logging = undefined
      done()
    }
  }

  async #send(request: McpRequest, context: Context, limits: RequestOptions): Promise<McpResult> {
    try {
      return await this.#exchange(request, context, limits)
    } catch (error) {
      const hasHeaders = request.method === "tools/call" && this.#channel.abandon !== undefined
      const name = hasHeaders ? stringAt(request.params, "name") : undefined
      if (name === undefined || !isHeaderMismatch(error)) throw this.#withoutHopErrors(error, context)
      return await this.#relearn(name, context)
        .then(() => this.#exchange(request, context, limits))
        .catch((failure: unknown) => {
          throw this.#withoutHopErrors(failure, context)
        })
    }
  }

  async #exchange(request: McpRequest, context: Context, limits: RequestOptions): Promise<McpResult> {
    const params = withEnvelope(request.params, this.#options, context)
    const name = request.method === "tools/call" ? stringAt(params, "name") : undefined
    const paths = name === undefined ? undefined : this.#options.headerPaths.get(name)
    const headers = this.#channel.abandon === undefined ? undefined : modernHeaders(request.method, params, paths)
    const options = { ...limits, headers, progress: name !== undefined }
    const result = await exchangeAgain(this.#peer, { method: request.method, params }, context, options)
    if (request.method === "tools/list") return { value: this.#learn(result.value, headers !== undefined) }
    return result.bytes === undefined ? result : unwrapped(result)
  }

  #withoutHopErrors(error: unknown, { client }: Context): unknown {
    return withoutHopErrors(error, client.capabilities, this.#options.capabilitiesFor("modern", client))
  }

  /** Lists the tools until this one is among them: how its arguments go into headers may have changed (specification, "Client Behavior"). */
  async #relearn(name: string, { client }: Context): Promise<void> {
    const pathsOf = (): string => JSON.stringify([...(this.#options.headerPaths.get(name) ?? [])])
    const before = pathsOf()
    const context = { ...internalContext(new AbortController().signal), client }
    const { listMs } = this.#options.timeouts
    let params: JsonObject = {}
    for (let page = 0; page < maxPages; page += 1) {
      const list = await this.#exchange({ method: "tools/list", params }, context, { idleMs: listMs, totalMs: listMs })
      const cursor = stringAt(list.value, "nextCursor")
      if (cursor === undefined || objectsAt(list.value, "tools").some((tool) => tool["name"] === name)) break
      params = { cursor }
    }
    // What clients were shown of the tool is out of date as well.
    if (pathsOf() !== before) this.#options.notification({ method: kindWords.tool.changed, params: {} }, undefined)
  }

  #learn(list: JsonObject, hasHeaders: boolean): JsonObject {
    learnOutputs(list, this.#options.outputs)
    return hasHeaders ? this.#learnHeaders(list) : list
  }

  /** Remembers which arguments go into headers and drops tools whose annotations are invalid, as a client must. */
  #learnHeaders(result: JsonObject): JsonObject {
    let dropped = false
    const tools = objectsAt(result, "tools").filter((tool) => {
      const paths = headerPathsOf(tool)
      if ("invalid" in paths) {
        dropped = true
        this.#options.notification(
          { method: "host/dropped", params: { name: tool["name"] ?? "", reason: paths.invalid } },
          undefined,
        )
        return false
      }
      if (paths.size > 0) this.#options.headerPaths.set(String(tool["name"]), paths)
      else this.#options.headerPaths.delete(String(tool["name"]))
      return true
    })
    return dropped ? { ...result, tools } : result
  }
}

/** Asks an upstream whether it speaks this generation; rejects with its error when it does not. */
export async function discover(
  peer: Peer,
  options: SessionOptions,
  context: Context,
  timeoutMs: number,
): Promise<JsonObject> {
  const params = withEnvelope({}, options, context)
  const headers = modernHeaders("server/discover", params, undefined)
  const ask = (): Promise<JsonObject> =>
    peer.request({ method: "server/discover", params }, context, { idleMs: timeoutMs, totalMs: timeoutMs, headers })
  const result = await ask().catch((error: unknown) => {
    // A server that names a version we speak is asked again (basic/versioning, "Protocol Version Negotiation").
    if (!offersOurs(error)) throw error
    return ask()
  })
  const supported = result["supportedVersions"]
  if (!Array.isArray(supported) || !supported.some((version) => modernVersions.includes(version as string))) {
    const reason = `speaks protocol versions ${JSON.stringify(supported ?? null)}, none of which is ${modernVersions.join(", ")}`
    throw upstreamError("UPSTREAM_PROTOCOL", { reason, sent: "maybe", retryable: false })
  }
  return result
}

function offersOurs(error: unknown): boolean {
  if (!(error instanceof ProtocolError) || error.code !== rpcCodes.unsupportedProtocolVersion) return false
  const supported = isJsonObject(error.data) ? error.data["supported"] : undefined
  return Array.isArray(supported) && supported.includes(latestModern)
}

function withEnvelope(params: JsonObject, options: SessionOptions, context: Context): JsonObject {
  const client = context.client.key === "" ? undefined : context.client
  const rest = withoutEnvelope(params)
  const meta: JsonObject = {
    ...objectAt(rest, "_meta"),
    [metaKeys.protocolVersion]: latestModern,
    [metaKeys.clientInfo]: options.clientInfo,
    [metaKeys.clientCapabilities]: options.capabilitiesFor("modern", client),
  }
  if (context.logLevel !== undefined) meta[metaKeys.logLevel] = context.logLevel
  return { ...rest, _meta: meta }
}

/** A large result without what belongs to the hop; parsed when that cannot be cut off. */
function unwrapped(result: McpResult): McpResult {
  const bare = result instanceof RawResult ? withoutHopMembers(result, metaKeys.serverInfo) : undefined
  return bare ?? { value: result.value }
}

/** Waits for the turn before, not longer than a request may take and not after its client has cancelled. */
async function turnOf(before: Promise<unknown>, signal: AbortSignal, waitMs: number): Promise<void> {
  let onAbort = (): void => undefined
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(new ProtocolError(rpcCodes.internalError, "Request cancelled"))
    signal.addEventListener("abort", onAbort)
    const reason = "a request before this one, whose log messages cannot be told from its own, has not ended"
    timer = setTimeout(() => reject(upstreamError("BUSY", { reason, sent: "no", retryable: true })), waitMs)
  })
  try {
    await Promise.race([before, late])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", onAbort)
  }
}
