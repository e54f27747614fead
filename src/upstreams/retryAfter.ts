/** Waits as long as a busy HTTP server asks (RFC 9110, section 10.2.3) and tries again, while the request's deadline allows. */
import { setTimeout as delay } from "node:timers/promises"
import type { Cancellation } from "../protocol/cancellation.ts"
import { dump } from "./httpBody.ts"
import type { HttpAnswer } from "./httpExchange.ts"

export interface RetryOptions {
  /** Time the request has, in milliseconds. */
  readonly withinMs: number
  readonly cancellation: Cancellation
  /** Told when a wait begins and ends; between, the server has not got the request. */
  readonly waiting: (yes: boolean) => void
}

/** The first answer, from `busy` on, that is not "come again in time"; a server that does not say when is not asked again. */
export async function retryAfter(
  busy: HttpAnswer,
  send: () => Promise<HttpAnswer>,
  { withinMs, cancellation, waiting }: RetryOptions,
): Promise<HttpAnswer> {
  const until = performance.now() + withinMs
  for (let response = busy; ; response = await send()) {
    const waitMs = isBusy(response) ? waitOf(response) : undefined
    if (waitMs === undefined || performance.now() + waitMs >= until) return response
    await dump(response.body)
    waiting(true)
    await delay(waitMs, undefined, { signal: cancellation.signal }).finally(() => waiting(false))
  }
}

/** True for the two answers that may say when to come again. */
export function isBusy({ statusCode }: HttpAnswer): boolean {
  return statusCode === 429 || statusCode === 503
}

function waitOf({ headers }: HttpAnswer): number | undefined {
  const asked = headers["retry-after"]
  if (typeof asked !== "string") return undefined
  // Anything but a number and a date is no answer to when, though `Date.parse` would make one of it.
  const date = /^(mon|tue|wed|thu|fri|sat|sun)/i.test(asked) ? Date.parse(asked) : Number.NaN
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1_000 : date - Date.now()
  // Never at once: a server that says 0 would be asked without pause.
  return Number.isNaN(ms) ? undefined : Math.max(ms, 100)
}
