/** A request's context with some of it replaced. Not by spreading: a context makes its signal only when it is asked for. */
import type { Context } from "./messages.ts"

type Replaceable = Pick<Context, "notify" | "ask" | "cancellation">

export function deriveContext(context: Context, changes: Partial<Replaceable>): Context {
  const { id, principal, client, logLevel } = context
  const cancellation = changes.cancellation ?? context.cancellation
  return {
    id,
    principal,
    client,
    logLevel,
    cancellation,
    get signal() {
      return changes.cancellation?.signal ?? context.signal
    },
    notify: changes.notify ?? ((notification) => context.notify(notification)),
    ask: changes.ask ?? ((request, signal, server) => context.ask(request, signal, server)),
  }
}
