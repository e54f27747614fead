/**
 * Opens a session again that the server has forgotten, under the host's own, so that clients notice nothing but time
 * (specification 2025-11-25, basic/transports, "Session Management"). One handshake serves everybody who met the loss;
 * then the server is told again what it was told before, and each request it refused is sent once more.
 */
import { messageOf } from "../../errors.ts"
import { ProtocolError, upstreamError, wireErrors } from "../../protocol/errors.ts"
import { stringAt } from "../../protocol/json.ts"
import type { McpRequest } from "../../protocol/messages.ts"
import { SessionLost } from "../interruptions.ts"

/** A session that is lost more often than this within that time, in milliseconds, is given up. */
const maxRenewals = 5
const withinMs = 60_000

export interface RenewalOptions {
  /** Shakes hands again; rejects when the server refuses or is another than before. */
  readonly shakeHands: () => Promise<void>
  /** Tells the server again what the session was told. */
  readonly restore: (requests: readonly McpRequest[]) => Promise<void>
  /** Called when the session is there again. */
  readonly renewed: () => void
  /** Called when it cannot be opened again. */
  readonly failed: (reason: Error) => void
}

/** Sends a request, of whose time so much is gone. */
type Attempt<T> = (spentMs: number) => Promise<T>

interface Time {
  /** On the clock of `performance.now()`. */
  readonly began: number
  readonly limitMs: number
}

/** What a server that opens a session anew is told again. */
const told: ReadonlySet<string> = new Set(["logging/setLevel", "resources/subscribe", "resources/unsubscribe"])

export class Renewal {
  readonly #options: RenewalOptions
  /** What was told last of each thing: the log level, and every subscription by its URI. */
  readonly #told = new Map<string, McpRequest>()
  #underway: Promise<void> | undefined
  /** When sessions were opened again, in milliseconds of the monotonic clock. */
  #times: number[] = []
  #count = 0

  constructor(options: RenewalOptions) {
    this.#options = options
  }

  /** Sends a request when there is a session, and once more when the server did not know that; within `limitMs` in all. */
  send<T>(request: McpRequest, limitMs: number, attempt: Attempt<T>): Promise<T> {
    const time: Time = { began: performance.now(), limitMs }
    // Nearly every request has nothing to wait for, and nothing that is told again.
    const passes = this.#underway === undefined && !told.has(request.method)
    return passes ? this.#attempt(attempt, time) : this.#sendNoted(request, attempt, time)
  }

  async #sendNoted<T>(request: McpRequest, attempt: Attempt<T>, time: Time): Promise<T> {
    if (this.#underway !== undefined) await inTime(this.#underway, time.limitMs)
    const result = await this.#attempt(attempt, time)
    this.#note(request)
    return result
  }

  #attempt<T>(attempt: Attempt<T>, { began, limitMs }: Time): Promise<T> {
    const known = this.#count
    const spentMs = (): number => Math.round(performance.now() - began)
    return attempt(spentMs()).catch(async (error: unknown) => {
      if (!(error instanceof SessionLost)) throw error
      await inTime(this.#renew(known), limitMs - spentMs())
      return attempt(spentMs())
    })
  }

  /** The server said elsewhere than to a request that it has forgotten the session. */
  lost(): void {
    // Whoever waits for the session hears of a failure; so does the owner of the session.
    this.#renew(this.#count).catch(() => undefined)
  }

  #note(request: McpRequest): void {
    const { method, params } = request
    if (method === "logging/setLevel") this.#told.set(method, request)
    if (method === "resources/subscribe") this.#told.set(`uri ${stringAt(params, "uri")}`, request)
    if (method === "resources/unsubscribe") this.#told.delete(`uri ${stringAt(params, "uri")}`)
  }

  /** `known`: how often the session had been opened again when the request that was refused was sent. */
  #renew(known: number): Promise<void> {
    if (known !== this.#count) return this.#underway ?? Promise.resolve()
    this.#underway ??= this.#again().finally(() => {
      this.#underway = undefined
    })
    return this.#underway
  }

  async #again(): Promise<void> {
    try {
      this.#assertRare()
      await this.#options.shakeHands()
    } catch (error) {
      const reason = unsent(error)
      this.#options.failed(reason)
      throw reason
    }
    this.#count += 1
    await this.#options.restore([...this.#told.values()])
    this.#options.renewed()
  }

  #assertRare(): void {
    const now = performance.now()
    this.#times = [...this.#times.filter((time) => now - time < withinMs), now]
    if (this.#times.length > maxRenewals) throw new Error(`it forgot ${maxRenewals} sessions within ${withinMs} ms`)
  }
}

/** The server executed nothing of what waits for the session. */
function unsent(error: unknown): ProtocolError {
  if (error instanceof ProtocolError && error.code === wireErrors.UPSTREAM_AUTH.code) return error
  const reason = `the server no longer knows the session, which cannot be opened again: ${messageOf(error)}`
  return upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "no", retryable: true })
}

/** Waits for a session, not longer than the request that needs it may take. */
async function inTime(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const reason = `no session again within ${Math.round(limitMs)} ms`
    const expire = (): void => reject(upstreamError("UPSTREAM_TIMEOUT", { reason, sent: "no", retryable: true }))
    timer = setTimeout(expire, limitMs)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
