/**
 * Whether a request was cancelled, and who wants to know. An `AbortSignal` costs more than everything else the host does
 * with a small call, so one is made only when somebody asks for it.
 */
import type { Context, Unsubscribe } from "./messages.ts"

export class Cancellation {
  /** Nearly always there is one listener: a set is made for more. */
  #listener: (() => void) | undefined
  #others: Set<() => void> | undefined
  #controller: AbortController | undefined
  #cancelled = false

  get cancelled(): boolean {
    return this.#cancelled
  }

  /** Aborts when the request is cancelled. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#cancelled) this.#controller.abort()
    return this.#controller.signal
  }

  cancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    for (const listener of [this.#listener, ...(this.#others ?? [])]) listener?.()
    this.#controller?.abort()
  }

  /** Calls back once when the request is cancelled; never when it already is. */
  on(listener: () => void): Unsubscribe {
    if (this.#listener === undefined) this.#listener = listener
    else {
      this.#others ??= new Set()
      this.#others.add(listener)
    }
    return () => {
      if (this.#listener === listener) this.#listener = undefined
      else this.#others?.delete(listener)
    }
  }
}

/** Calls back when the request is cancelled; never when it already is. */
export function onCancelled(context: Pick<Context, "signal" | "cancellation">, listener: () => void): Unsubscribe {
  // The signal of a context that has a cancellation is made on first use: it is left alone.
  if (context.cancellation !== undefined) return context.cancellation.on(listener)
  const { signal } = context
  signal.addEventListener("abort", listener)
  return () => signal.removeEventListener("abort", listener)
}

export function isCancelled(context: Pick<Context, "signal" | "cancellation">): boolean {
  return context.cancellation?.cancelled ?? context.signal.aborted
}
