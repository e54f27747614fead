/** Sends a client's requests over the session that is theirs: the shared one, the client's, or one for this request alone. */
import { type ProtocolError, upstreamError } from "../protocol/errors.ts"
import { type Concurrency, Limiter, type Load } from "../protocol/limiter.ts"
import type { Client, Context, Handler, McpRequest, McpResult } from "../protocol/messages.ts"
import type { LifeState } from "./life.ts"
import type { LiveSession } from "./liveSession.ts"
import { ownError } from "./ownError.ts"
import type { OwnedSessions } from "./ownedSessions.ts"
import type { SessionPolicy } from "./sessionOpener.ts"
import type { Subscriptions } from "./subscriptions.ts"
import { untilTurn } from "./turns.ts"

/** Requests that count for `concurrency`: what a server works on, not what the host keeps with it. */
const counted: ReadonlySet<string> = new Set(["tools/call", "resources/read", "prompts/get", "completion/complete"])

export interface DispatcherOptions {
  readonly policy: SessionPolicy
  readonly concurrency: Concurrency | undefined
  readonly owned: OwnedSessions
  readonly subscriptions: Subscriptions
  /** The catalogue's session, which is everybody's when sessions are shared. */
  readonly base: () => LiveSession | undefined
  readonly life: () => LifeState
  /** Resolves when the server is as ready as it can be made. */
  readonly wake: () => Promise<void>
  /** Opens a session for one request of a client. */
  readonly open: (client: Client) => Promise<LiveSession>
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #limiter: Limiter | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    const { concurrency, policy } = options
    this.#limiter = concurrency === undefined ? undefined : new Limiter(concurrency, policy.timeouts.callMs)
  }

  get load(): Load | undefined {
    return this.#limiter?.load
  }

  handle(request: McpRequest, context: Context): Promise<McpResult> {
    const { around } = this.#options.policy
    return around === undefined ? this.#place(request, context) : around(request, context, this.#placed)
  }

  readonly #placed: Handler = (request, context) => this.#place(request, context)

  #place(request: McpRequest, context: Context): Promise<McpResult> {
    if (this.#limiter === undefined || !counted.has(request.method)) return this.#send(request, context)
    return this.#limiter
      .run(context, () => this.#send(request, context))
      .catch((error: unknown) => {
        throw ownError(error, this.#options.policy)
      })
  }

  /** The session a client's requests go over; opened when it is its first. */
  async sessionFor(client: Client): Promise<LiveSession> {
    const { policy, owned, base, life, wake } = this.#options
    if (life().state !== "ready") await wake()
    if (life().state !== "ready") throw this.#unavailable()
    if (policy.session !== "shared") return owned.of(client)
    const shared = base()
    if (shared === undefined) throw this.#unavailable()
    return shared
  }

  #send(request: McpRequest, context: Context): Promise<McpResult> {
    const open = this.#options.life().state === "ready" ? this.#openSession(context.client) : undefined
    const waits = open === undefined || open.takesTurns(context.client) || request.method.endsWith("subscribe")
    return waits ? this.#sendInTurn(request, context) : open.handle(request, context)
  }

  async #sendInTurn(request: McpRequest, context: Context): Promise<McpResult> {
    const { policy, subscriptions } = this.#options
    try {
      if (policy.session === "per-call") return await this.#sendOnce(request, context)
      // Over the client's session, or another of its sessions when it would wait on that one for long.
      const attempt = async (): Promise<McpResult> => (await this.sessionFor(context.client)).handle(request, context)
      const result = await untilTurn(policy.timeouts.callMs, attempt)
      subscriptions.note(request, context)
      return result
    } catch (error) {
      throw ownError(error, policy)
    }
  }

  /** The session a client's requests go over, when it is open already: a call then waits for nothing. */
  #openSession(client: Client): LiveSession | undefined {
    const { policy, owned, base } = this.#options
    if (policy.session === "shared") return base()
    return policy.session === "per-client" ? owned.ready(client) : undefined
  }

  async #sendOnce(request: McpRequest, context: Context): Promise<McpResult> {
    const { life, wake, open } = this.#options
    if (life().state !== "ready") await wake()
    if (life().state !== "ready") throw this.#unavailable()
    const live = await open(context.client)
    try {
      return await live.handle(request, context)
    } finally {
      await live.close()
    }
  }

  #unavailable(): ProtocolError {
    const { state, reason } = this.#options.life()
    return upstreamError("UPSTREAM_UNAVAILABLE", { reason: reason ?? `it is ${state}`, sent: "no", retryable: true })
  }
}
