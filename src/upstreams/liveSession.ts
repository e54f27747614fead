/**
 * An open session together with whose it is: attributes questions and log lines to the call or client that caused
 * them, counts subscriptions, keeps the log level. What cannot be attributed is refused or dropped, never guessed.
 */
import { isCancelled } from "../protocol/cancellation.ts"
import { isHostError, ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { InFlight } from "../protocol/inFlight.ts"
import { stringAt } from "../protocol/json.ts"
import type { Client, Context, McpNotification, McpRequest, McpResult } from "../protocol/messages.ts"
import { logLevels } from "../protocol/methods.ts"
import { watchMethods } from "../protocol/tasks.ts"
import { mayAskUnattributed, requestAcross } from "../wire/bridge.ts"
import { internalContext } from "../wire/internalContext.ts"
import type { UpstreamSession } from "../wire/session.ts"
import { belongsToTask } from "../wire/tasks.ts"
import { elicitationComplete, UrlElicitations } from "../wire/urlElicitation.ts"
import { type ErrorFacts, ownError } from "./ownError.ts"
import { SessionTasks } from "./sessionTasks.ts"
import { Subscribers } from "./subscribers.ts"
import { Turns } from "./turns.ts"
import type { AskClient, TellClient } from "./upstream.ts"

export interface LiveSessionOptions {
  /** Errors name the server, without secrets. */
  readonly policy: ErrorFacts
  /** How long a request may wait until it is alone, in milliseconds. */
  readonly waitMs: number
  /** True when several clients use the session. */
  readonly shared: boolean
  readonly ask: AskClient
  readonly tell: TellClient
  /** The server refuses a log level, which is no reason to refuse a call. */
  readonly levelRefused: (error: unknown) => void
  /** A subscribed resource changed. */
  readonly updated: (uri: string, clients: readonly Client[]) => void
  /** A request of a client was answered, or failed. */
  readonly called: (error: unknown) => void
}

export class LiveSession {
  readonly #options: LiveSessionOptions
  readonly #contexts = new InFlight<Context, Context>()
  readonly #turns: Turns
  readonly #subscribers = new Subscribers()
  readonly #elicitations = new UrlElicitations()
  readonly #tasks = new SessionTasks()
  readonly #never = new AbortController()
  /** Questions of the server that wait for answers. */
  #questions = 0
  #session: UpstreamSession | undefined
  /** Names the catalogue this session shows: generation and capabilities. */
  viewKey = ""
  /** True once the host itself has closed it. */
  closedByHost = false
  #level: string | undefined
  /** The client this session belongs to; undefined while it is the catalogue's, or shared. */
  owner: Client | undefined
  /** The client it was opened for, which alone may become its owner: a server may ask it things as soon as it is initialized. */
  openedFor: Client | undefined
  /** When the last request ended, in milliseconds of the monotonic clock. */
  lastUsed = performance.now()

  constructor(options: LiveSessionOptions) {
    this.#options = options
    this.#turns = new Turns(options.waitMs)
  }

  /** The session questions and notifications come from; known only once it is open. */
  attach(session: UpstreamSession, viewKey: string): void {
    this.#session = session
    this.viewKey = viewKey
    // Opening may take longer than the idle time.
    this.lastUsed = performance.now()
  }

  async close(): Promise<void> {
    this.closedByHost = true
    await this.#session?.close()
  }

  /** Ends a session that is of no use any more. */
  async end(reason: Error): Promise<void> {
    await this.#session?.close(reason)
  }

  /** Whether the server still answers; an error of its own is an answer. */
  answers(): Promise<boolean> {
    return this.session.ping().then(
      () => true,
      (error: unknown) => error instanceof ProtocolError && !isHostError(error),
    )
  }

  get session(): UpstreamSession {
    if (this.#session === undefined) throw new Error("the session is not open yet")
    return this.#session
  }

  get idle(): boolean {
    return this.#contexts.size === 0 && this.#subscribers.size === 0 && this.#tasks.idle
  }

  handle(request: McpRequest, context: Context): Promise<McpResult> {
    if (request.method === "resources/subscribe") return this.subscribe(request, context)
    if (request.method === "resources/unsubscribe") return this.unsubscribe(request, context)
    if (request.method === watchMethods.add) return this.#tasks.follow(this.session, request, context)
    if (!this.takesTurns(context.client)) return this.#serve(request, context)
    const mayAsk = !this.#options.shared && mayAskUnattributed(this.session, context.client)
    const alone = context.logLevel !== undefined || mayAsk
    return this.#turns.run(alone, context, () => this.#serve(request, context))
  }

  /** A client that hears only its requests' own messages gets log lines and questions only if it is clear whose they are. */
  takesTurns(client: Client): boolean {
    return !client.unsolicited && !this.session.attributes
  }

  /** How many requests have their turn here or wait for it. */
  get load(): number {
    return this.#turns.load
  }

  /** True while a call that must be alone here asks a person, or takes long: others would wait for it. */
  get occupied(): boolean {
    return (this.#questions > 0 && this.#turns.alone) || this.#turns.stuck
  }

  async #serve(request: McpRequest, context: Context): Promise<McpResult> {
    this.#contexts.set(context, context)
    try {
      if (context.logLevel !== undefined) await this.setLevel(context.logLevel).catch(this.#options.levelRefused)
      const result = await requestAcross(this.session, request, context, (question, signal) =>
        this.#options.ask(context, this.#elicitations.toClient(question, context.client), signal),
      )
      this.#tasks.note(request, result)
      this.#options.called(undefined)
      return result
    } catch (error) {
      if (!isCancelled(context)) this.#options.called(error)
      throw ownError(this.#elicitations.inError(error, context.client), this.#options.policy)
    } finally {
      this.#contexts.delete(context)
      this.lastUsed = performance.now()
    }
  }

  /** A question of the server: to the call that caused it, or to the client it can only come from. */
  async ask(request: McpRequest, context: Context | undefined, signal: AbortSignal): Promise<McpResult> {
    const asker = context ?? this.#onlyContext() ?? this.owner ?? this.openedFor
    if (asker === undefined) {
      throw new ProtocolError(rpcCodes.invalidRequest, `${request.method} refused: no client's call caused it`)
    }
    const answerer = "client" in asker ? asker : { client: asker, ask: asker.ask.bind(asker) }
    this.#questions += 1
    if (this.occupied) this.#turns.move()
    const question = this.#elicitations.toClient(request, answerer.client)
    return this.#options.ask(answerer, question, signal).finally(() => {
      this.#questions -= 1
    })
  }

  /** A notification that is nobody's business here but a client's. */
  notification(notification: McpNotification, context: Context | undefined): void {
    if (notification.method === "notifications/resources/updated") return this.#updated(notification)
    const { tell } = this.#options
    if (this.#tasks.tell(notification, (client) => tell(notification, client, (shown) => client.notify(shown)))) return
    const cause = context ?? this.#onlyContext()
    if (notification.method === elicitationComplete) return this.#elicitations.complete(notification, cause?.client)
    // A task outlives the request that made it, and with it the request's stream.
    const outlives = cause?.client.unsolicited === true && belongsToTask(notification)
    const target = (outlives ? cause.client : cause) ?? this.owner ?? this.openedFor
    if (target === undefined) return
    tell(notification, "client" in target ? target.client : target, (shown) => target.notify(shown))
  }

  subscribe(request: McpRequest, context: Context): Promise<McpResult> {
    const uri = stringAt(request.params, "uri") ?? ""
    return this.#subscribers.add(uri, context.client, () => this.session.request(request, context))
  }

  unsubscribe(request: McpRequest, context: Context): Promise<McpResult> {
    const uri = stringAt(request.params, "uri") ?? ""
    return this.#subscribers.remove(uri, context.client, () => this.session.request(request, context))
  }

  /** Ends the subscriptions of a client that left. */
  async forget(client: Client): Promise<void> {
    const context = { ...internalContext(this.#never.signal), client }
    this.#elicitations.forget(client)
    for (const uri of this.#subscribers.urisOf(client))
      await this.unsubscribe({ method: "resources/unsubscribe", params: { uri } }, context)
    await this.#tasks.forget(this.session, client)
  }

  /** Takes a level to a server that keeps one per session. On a shared session the most talkative client decides; each client's own filter does the rest. */
  async setLevel(level: string): Promise<void> {
    if (!("logging" in this.session.capabilities) || this.#level === level) return
    if (this.#options.shared && this.#level !== undefined && severity(this.#level) <= severity(level)) return
    this.#level = level
    await this.session.request({ method: "logging/setLevel", params: { level } }, internalContext(this.#never.signal))
  }

  /** The one request on its way, when there is exactly one: on a session of one client it is the cause of whatever comes. */
  #onlyContext(): Context | undefined {
    if (this.#options.shared || this.#contexts.size !== 1) return undefined
    return this.#contexts.values()[0]
  }

  #updated({ params }: McpNotification): void {
    const uri = stringAt(params, "uri")
    if (uri === undefined) return
    const clients = this.#subscribers.of(uri)
    if (clients.length > 0) this.#options.updated(uri, clients)
  }
}

function severity(level: string): number {
  return logLevels.indexOf(level as (typeof logLevels)[number])
}
