/** The context of a request that telemetry looks at. A class: one is made for every request, and every span of it. */
import type { Context, Observation, Span } from "../protocol/messages.ts"

export class ObservedContext implements Context {
  readonly principal: Context["principal"]
  readonly client: Context["client"]
  readonly cancellation: Context["cancellation"]
  readonly logLevel: Context["logLevel"]
  readonly observation: Observation | undefined
  readonly span: Span | undefined
  readonly notify: Context["notify"]
  readonly ask: Context["ask"]
  readonly #of: Context

  /** The same context within a span, or with something that is noted of it. */
  constructor(of: Context, { observation = of.observation, span = of.span }: Pick<Context, "observation" | "span">) {
    this.#of = of
    this.principal = of.principal
    this.client = of.client
    this.cancellation = of.cancellation
    this.logLevel = of.logLevel
    this.observation = observation
    this.span = span
    this.notify = (notification) => of.notify(notification)
    this.ask = (request, signal, server) => of.ask(request, signal, server)
  }

  get id(): string {
    return this.#of.id
  }

  /** Made on first use by those that have a cancellation: not asked for here. */
  get signal(): AbortSignal {
    return this.#of.signal
  }
}
