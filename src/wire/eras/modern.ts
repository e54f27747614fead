/**
 * A session with an upstream of the modern generation (specification 2026-07-28): no handshake beyond
 * `server/discover`, an envelope in every request, notifications through one `subscriptions/listen`.
 */
import { ProtocolError, rpcCodes, upstreamError } from "../../protocol/errors.ts"
import { type JsonObject, objectAt, objectsAt, stringAt } from "../../protocol/json.ts"
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
import { envelopeOf } from "./discover.ts"
import { isHeaderMismatch, withoutHopErrors } from "./hopLocal.ts"
import { type Era, latestModern, metaKeys, withoutEnvelope } from "./versions.ts"

/** Pages looked through for one tool. */
const maxPages = 64

type Limits = Pick<RequestOptions, "idleMs" | "totalMs" | "minted">

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
  readonly #envelopes = new WeakMap<object, JsonObject>()

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

  request(request: McpRequest, context: Context): Promise<McpResult> {
    const kept = this.#kept(request)
    if (kept !== undefined) return kept
    const { callMs, listMs, totalMs } = this.#options.timeouts
    const limits = { idleMs: request.method.endsWith("/list") ? listMs : callMs, totalMs }
    if (context.logLevel === undefined || this.#hasHeaders) {
      return this.#send(request, context, limits)
    }
    return this.#inTurn(context, limits.idleMs, () => this.#send(request, context, limits))
  }

  /** What the host keeps with a server instead of asking it. */
  #kept({ method, params }: McpRequest): Promise<McpResult> | undefined {
    switch (method) {
      case "logging/setLevel":
        return Promise.resolve({ value: {} })
      case "resources/subscribe":
        return this.#listener.add(stringAt(params, "uri") ?? "")
      case "resources/unsubscribe":
        return this.#listener.remove(stringAt(params, "uri") ?? "")
      case watchMethods.add:
        return this.#watch(stringAt(params, "taskId") ?? "")
      case watchMethods.remove:
        return this.#tasks.remove(stringAt(params, "taskId") ?? "")
      default:
        return undefined
    }
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

  async #send(request: McpRequest, context: Context, limits: Limits): Promise<McpResult> {
    try {
      return this.#taken(request.method, await this.#exchange(request, context, limits))
    } catch (error) {
      const hasHeaders = request.method === "tools/call" && this.#hasHeaders
      const name = hasHeaders ? stringAt(request.params, "name") : undefined
      if (name === undefined || !isHeaderMismatch(error)) throw this.#withoutHopErrors(error, context)
      return await this.#relearn(name, context)
        .then(() => this.#exchange(request, context, limits))
        .then((result) => this.#taken(request.method, result))
        .catch((failure: unknown) => {
          throw this.#withoutHopErrors(failure, context)
        })
    }
  }

  #exchange({ method, params: given }: McpRequest, context: Context, limits: Limits): Promise<McpResult> {
    const params = withoutEnvelope(given)
    const name = method === "tools/call" ? stringAt(params, "name") : undefined
    const paths = name === undefined ? undefined : this.#options.headerPaths.get(name)
    const headers = this.#hasHeaders ? modernHeaders(method, params, paths) : undefined
    // Written out: V8 copies slowly what comes in several shapes (docs/performance.md, "Copies").
    const { idleMs, totalMs, minted } = limits
    const options = { idleMs, totalMs, minted, headers, progress: name !== undefined, meta: this.#envelope(context) }
    return exchangeAgain(this.#peer, { method, params }, context, options)
  }

  /** An answer as the host passes it on. */
  #taken(method: string, result: McpResult): McpResult {
    if (method === "tools/list") return { value: this.#learn(result.value) }
    return result.bytes === undefined ? result : unwrapped(result)
  }

  /** Requests go out one by one, each with headers. */
  get #hasHeaders(): boolean {
    return this.#channel.abandon !== undefined
  }

  /** What every request says of itself, made once for each client. */
  #envelope({ client, logLevel }: Context): JsonObject {
    const key = client.key === "" ? this : client
    let envelope = this.#envelopes.get(key)
    if (envelope === undefined) {
      envelope = envelopeOf(this.#options, client)
      this.#envelopes.set(key, envelope)
    }
    return logLevel === undefined ? envelope : { ...envelope, [metaKeys.logLevel]: logLevel }
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
      const method = "tools/list"
      const list = await this.#exchange({ method, params }, context, { idleMs: listMs, totalMs: listMs })
      const { value } = this.#taken(method, list)
      const cursor = stringAt(value, "nextCursor")
      if (cursor === undefined || objectsAt(value, "tools").some((tool) => tool["name"] === name)) break
      params = { cursor }
    }
    // What clients were shown of the tool is out of date as well.
    if (pathsOf() !== before) this.#options.notification({ method: kindWords.tool.changed, params: {} }, undefined)
  }

  #learn(list: JsonObject): JsonObject {
    learnOutputs(list, this.#options.outputs)
    return this.#hasHeaders ? this.#learnHeaders(list) : list
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
