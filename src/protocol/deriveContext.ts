/** A request's context with some of it replaced. Not by spreading: a context makes its signal only when it is asked for. */
import type { Context } from "./messages.ts"

type Replaceable = Pick<Context, "notify" | "ask" | "cancellation">

export function deriveContext(context: Context, changes: Partial<Replaceable>): Context {
  return new DerivedContext(context, changes)
}

/** A class: an object literal with an accessor costs more than all else that is done with a small call. */
class DerivedContext implements Context {
  readonly principal: Context["principal"]
  readonly client: Context["client"]
  readonly cancellation: Context["cancellation"]
  readonly logLevel: Context["logLevel"]
  readonly observation: Context["observation"]
  readonly span: Context["span"]
  readonly notify: Context["notify"]
  readonly ask: Context["ask"]
  readonly #of: Context
  readonly #own: Context["cancellation"]

  constructor(of: Context, { notify, ask, cancellation }: Partial<Replaceable>) {
    this.#of = of
    this.#own = cancellation
    this.principal = of.principal
    this.client = of.client
    this.cancellation = cancellation ?? of.cancellation
    this.logLevel = of.logLevel
    this.observation = of.observation
    this.span = of.span
    this.notify = notify ?? ((notification) => of.notify(notification))
    this.ask = ask ?? ((request, signal, server) => of.ask(request, signal, server))
  }

  get id(): string {
    return this.#of.id
  }

  get signal(): AbortSignal {
    return (this.#own ?? this.#of).signal
  }
}
