/**
 * Calls a tool that its server runs as a task only, for a client that cannot follow tasks: asks for the task, polls it
 * and fetches its result (specification 2025-11-25, basic/utilities/tasks). What the server asks meanwhile goes to the
 * caller, as during any call.
 */
import { isHostError, ProtocolError, rpcCodes, upstreamError, wireErrors } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import type { Context, McpNotification, McpRequest, McpResult } from "../protocol/messages.ts"
import { internalContext } from "./internalContext.ts"
import { withoutRelatedTask } from "./tasks.ts"

/** Time between two looks at a task when its server does not say, and the least, in milliseconds. */
const defaultPollMs = 1_000
const leastPollMs = 10

export interface PolledTaskOptions {
  /** Sends one request; `totalMs` is the time that is left, `later` hears progress that comes after its answer. */
  readonly send: (request: McpRequest, context: Context, options: SendTaskOptions) => Promise<McpResult>
  /** True when the server can cancel tasks. */
  readonly cancels: boolean
  /** Time for all of it, in milliseconds. */
  readonly totalMs: number
}

export interface SendTaskOptions {
  readonly totalMs: number
  readonly later?: (notification: McpNotification) => void
}

export async function pollTask(request: McpRequest, context: Context, options: PolledTaskOptions): Promise<McpResult> {
  const { send, totalMs } = options
  const end = performance.now() + totalMs
  const leftMs = (): number => Math.max(0, end - performance.now())
  const ask = (method: string, id: string): Promise<McpResult> =>
    send({ method, params: { taskId: id } }, context, { totalMs: leftMs() }).catch((error: unknown) => {
      throw sentBefore(error)
    })
  const params = { ...request.params, task: { ttl: totalMs } }
  const later = ({ method, params }: McpNotification): void =>
    context.notify({ method, params: withoutRelatedTask(params) })
  const created = await send({ method: request.method, params }, context, { totalMs, later })
  let task = objectAt(created.value, "task")
  const id = task === undefined ? undefined : stringAt(task, "taskId")
  // A server may answer at once all the same.
  if (task === undefined || id === undefined) return created
  try {
    while (task["status"] === "working") {
      await pause(Math.min(pollMs(task), leftMs()), context.signal)
      if (leftMs() === 0) throw expired(totalMs)
      task = (await ask("tasks/get", id)).value
    }
    // Waits for the end; questions of a task that needs input come on its stream.
    return { value: withoutRelatedTask((await ask("tasks/result", id)).value) }
  } catch (error) {
    if (options.cancels && isGivenUp(error, context)) void cancel(id, options)
    throw error
  }
}

/** Whether a look at the task arrived says nothing about the call, which did. */
function sentBefore(error: unknown): unknown {
  const isOurs = error instanceof ProtocolError && isHostError(error) && isJsonObject(error.data)
  return isOurs ? new ProtocolError(error.code, error.message, { ...(error.data as JsonObject), sent: "maybe" }) : error
}

function pollMs(task: JsonObject): number {
  const interval = task["pollInterval"]
  return typeof interval === "number" ? Math.max(leastPollMs, interval) : defaultPollMs
}

/** Waits; rejects at once when the caller cancels. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = (): void => {
      clearTimeout(timer)
      reject(new ProtocolError(rpcCodes.internalError, "Request cancelled"))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", cancelled)
      resolve()
    }, ms)
    if (signal.aborted) cancelled()
    else signal.addEventListener("abort", cancelled, { once: true })
  })
}

/** True when nobody waits for the task any more; a task that its server has ended needs no cancelling. */
function isGivenUp(error: unknown, { signal }: Context): boolean {
  return signal.aborted || (error instanceof ProtocolError && error.code === wireErrors.UPSTREAM_TIMEOUT.code)
}

async function cancel(id: string, { send, totalMs }: PolledTaskOptions): Promise<void> {
  const never = new AbortController().signal
  const request = { method: "tasks/cancel", params: { taskId: id } }
  // The caller has gone, and a task may have ended in the meantime: nobody needs the answer.
  await send(request, internalContext(never), { totalMs }).catch(() => undefined)
}

function expired(totalMs: number): ProtocolError {
  const reason = `the task did not end within ${totalMs} ms`
  return upstreamError("UPSTREAM_TIMEOUT", { reason, sent: "maybe", retryable: true })
}
