/**
 * Sends what only reads once or twice more, under a new id, when the connection broke before its answer was whole. Whatever
 * may have an effect is never sent again after it may have arrived.
 */
import { setTimeout as delay } from "node:timers/promises"
import { ProtocolError } from "../protocol/errors.ts"
import { isJsonObject } from "../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { Interrupted } from "./interruptions.ts"
import type { Peer, RequestOptions } from "./peer.ts"

/** Requests without an effect on the server. */
const reads: ReadonlySet<string> = new Set([
  "tools/list",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "completion/complete",
  "ping",
  "tasks/get",
  "tasks/list",
])

/** Waits before a read is sent for the second and the third time, in milliseconds. */
const waitsMs = [100, 400] as const

/** `peer.exchange`, as often as the request allows; all attempts share its deadlines. */
export function exchangeAgain(
  peer: Peer,
  request: McpRequest,
  context: Context,
  options: RequestOptions,
): Promise<McpResult> {
  // The state of a round of questions may be good for one use only.
  const isRead = reads.has(request.method) && !("requestState" in request.params)
  return isRead ? readAgain(peer, request, context, options) : peer.exchange(request, context, options)
}

async function readAgain(peer: Peer, request: McpRequest, context: Context, options: RequestOptions) {
  const began = performance.now()
  let failure: Interrupted | undefined
  for (const waitMs of [...waitsMs, Number.POSITIVE_INFINITY]) {
    const spentMs = performance.now() - began
    try {
      return await peer.exchange(request, context, failure === undefined ? options : lessTime(options, spentMs))
    } catch (error) {
      // An attempt before may have reached the server, whatever became of this one.
      if (!(error instanceof Interrupted)) throw failure !== undefined && isUnsent(error) ? failure : error
      failure = error
    }
    if (peer.closed || performance.now() - began + waitMs >= options.idleMs) break
    await delay(waitMs)
  }
  throw failure
}

/** The same request's limits when part of its time is gone already. */
export function lessTime<Limits extends Pick<RequestOptions, "idleMs" | "totalMs">>(
  limits: Limits,
  spentMs: number,
): Limits {
  const left = (ms: number): number => Math.max(1, Math.round(ms - spentMs))
  return { ...limits, idleMs: left(limits.idleMs), totalMs: left(limits.totalMs) }
}

function isUnsent(error: unknown): boolean {
  return error instanceof ProtocolError && isJsonObject(error.data) && error.data["sent"] === "no"
}
