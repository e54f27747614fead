/**
 * What is around every store on the network: a deadline for each operation, and a breaker that refuses at once while
 * the backend does not answer. Both fail with -31008, so what needs the store fails closed and nothing else waits.
 */
import { HostError, messageOf } from "../errors.ts"
import { isHostError, ProtocolError } from "../protocol/errors.ts"
import { storeUnavailable } from "./errors.ts"
import type { OpenStore } from "./store.ts"

/** Failures in a row that open the breaker, and how long it stays open. */
export const breakAfter = 5
export const breakMs = 1_000

export interface GuardOptions {
  /** In messages. */
  readonly name: string
  readonly timeoutMs: number
  /** For `keys`, which takes as long as the store is large. */
  readonly keysTimeoutMs: number
  /** What to hide in messages of the backend: they may quote a password. */
  readonly secrets: readonly string[]
}

export async function withGuard(
  store: OpenStore,
  { name, timeoutMs, keysTimeoutMs, secrets }: GuardOptions,
): Promise<OpenStore> {
  const { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleWhen } = await import("cockatiel")
  const breaker = circuitBreaker(
    handleWhen((error) => !isOwn(error)),
    { halfOpenAfter: breakMs, breaker: new ConsecutiveBreaker(breakAfter) },
  )
  const run = async <T>(work: () => Promise<T>, limitMs = timeoutMs): Promise<T> => {
    try {
      return await breaker.execute(() => within(work(), limitMs))
    } catch (error) {
      if (isOwn(error)) throw error
      if (error instanceof BrokenCircuitError) throw storeUnavailable(name, "it has not answered for a while", "no")
      const reason = secrets.reduce((text, secret) => text.replaceAll(secret, "[hidden]"), messageOf(error))
      throw storeUnavailable(name, reason, "maybe")
    }
  }
  return {
    atomic: store.atomic,
    get: (key) => run(() => store.get(key)),
    getVersioned: (key) => run(() => store.getVersioned(key)),
    set: (key, value, options) => run(() => store.set(key, value, options)),
    take: (key) => run(() => store.take(key)),
    increment: (key, by, ttlMs) => run(() => store.increment(key, by, ttlMs)),
    rate: (key, rule) => run(() => store.rate(key, rule)),
    delete: (key) => run(() => store.delete(key)),
    keys: (prefix) => run(() => store.keys(prefix), keysTimeoutMs),
    close: () => store.close(),
  }
}

/** What is no failure of the backend: a refusal, a mistake of the caller. */
function isOwn(error: unknown): boolean {
  return (
    error instanceof HostError || error instanceof TypeError || (error instanceof ProtocolError && isHostError(error))
  )
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
