/** The tasks on one session: which clients follow them, and until when they need the session to stay. */
import { stringAt } from "../protocol/json.ts"
import type { Client, Context, McpNotification, McpRequest, McpResult } from "../protocol/messages.ts"
import { createdTask, watchMethods } from "../protocol/tasks.ts"
import { internalContext } from "../wire/internalContext.ts"
import type { UpstreamSession } from "../wire/session.ts"

/** How long a task keeps its session open whose server keeps it for ever, and the longest, in milliseconds. */
const longestHoldMs = 86_400_000

export class SessionTasks {
  readonly #followers = new Map<string, Set<Client>>()
  readonly #never = new AbortController()
  #neededUntil = 0

  get idle(): boolean {
    return this.#followers.size === 0 && performance.now() >= this.#neededUntil
  }

  /** Keeps the session for a task that a request was answered with. */
  note(request: McpRequest, result: McpResult): void {
    if (result.bytes !== undefined) return
    const task = createdTask(request, result.value)
    if (task === undefined) return
    const until = performance.now() + Math.min(task.ttlMs ?? longestHoldMs, longestHoldMs)
    this.#neededUntil = Math.max(this.#neededUntil, until)
  }

  /** A client hears of a task from now on; the result says whether the server agreed to tell. */
  async follow(session: UpstreamSession, request: McpRequest, context: Context): Promise<McpResult> {
    const result = await session.request(request, context)
    const id = stringAt(request.params, "taskId") ?? ""
    if (result.value["agreed"] !== true) return result
    this.#followers.set(id, (this.#followers.get(id) ?? new Set()).add(context.client))
    return result
  }

  /** Sends a task's notification to those who follow it; false for any other notification. */
  tell(notification: McpNotification, send: (client: Client) => void): boolean {
    if (notification.method !== "notifications/tasks") return false
    for (const client of this.#followers.get(stringAt(notification.params, "taskId") ?? "") ?? []) send(client)
    return true
  }

  /** A client has left. */
  async forget(session: UpstreamSession, client: Client): Promise<void> {
    for (const [taskId, clients] of [...this.#followers]) {
      if (!clients.delete(client)) continue
      if (clients.size === 0) this.#followers.delete(taskId)
      await session.request({ method: watchMethods.remove, params: { taskId } }, internalContext(this.#never.signal))
    }
  }
}
