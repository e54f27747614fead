/** The context of one request, whichever generation its client speaks. A class: one is made for every call. */
import type { Cancellation } from "../protocol/cancellation.ts"
import type { Client, Context, McpNotification, Principal } from "../protocol/messages.ts"

/**
 * Ids of requests go into logs, and who knows the id of a session (a UUID) can act in it: the beginning is enough to tell
 * sessions apart.
 */
function withoutSession(key: string): string {
  return session.test(key) ? key.slice(0, 8) : key
}

const session = /^[0-9a-f]{8}-[0-9a-f-]{27}$/

type Facts = Omit<Context, "id" | "signal" | "cancellation"> & {
  /** Which request of the client this is. */
  readonly number: number
  readonly cancellation: Cancellation
}

export class RequestContext implements Context {
  readonly principal: Principal
  readonly client: Client
  readonly cancellation: Cancellation
  readonly logLevel: string | undefined
  readonly notify: (notification: McpNotification) => void
  readonly ask: Context["ask"]
  readonly #number: number

  constructor({ number, principal, client, cancellation, logLevel, notify, ask }: Facts) {
    this.#number = number
    this.principal = principal
    this.client = client
    this.cancellation = cancellation
    this.logLevel = logLevel
    this.notify = notify
    this.ask = ask
  }

  get id(): string {
    return `${withoutSession(this.client.key)}/${this.#number}`
  }

  get signal(): AbortSignal {
    return this.cancellation.signal
  }
}
