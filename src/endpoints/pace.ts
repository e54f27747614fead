/**
 * Tells a client what a server has to say, at a rate that any client can follow. What comes faster, or while the client
 * does not read, waits: of each state (progress, a resource that changed, a list, a task) the latest is kept, so nothing
 * that still holds is lost; log lines are left out, and the client is told how many. Made by the endpoints, one for each
 * request and one for what belongs to none.
 */
import { type JsonObject, stringAt } from "../protocol/json.ts"
import type { McpNotification } from "../protocol/messages.ts"
import { kinds, kindWords } from "../protocol/methods.ts"

/** Notifications that pass in a second. */
const maxPerSecond = 100

export class Pace {
  readonly #send: (notification: McpNotification) => void
  readonly #ready: () => boolean
  #left = maxPerSecond
  #latest: Map<string, McpNotification> | undefined
  #leftOut = 0
  /** Severity of the last line that was left out: one the client wants to hear. */
  #level: string | undefined
  #second: NodeJS.Timeout | undefined
  #closed = false

  /** `ready` is false while the client does not read. */
  constructor(send: (notification: McpNotification) => void, ready: () => boolean = always) {
    this.#send = send
    this.#ready = ready
  }

  tell(notification: McpNotification): void {
    if (this.#closed) return
    this.#second ??= setTimeout(() => this.#next(), 1_000).unref()
    if (this.#left > 0 && this.#ready()) {
      this.#left -= 1
      this.#send(notification)
      return
    }
    const state = stateOf(notification)
    if (state === undefined) {
      this.#leftOut += 1
      this.#level = stringAt(notification.params, "level") ?? this.#level
      return
    }
    this.#latest ??= new Map()
    this.#latest.set(state, notification)
  }

  /** Sends what waits: nothing of a request follows its answer. */
  flush(): void {
    if (this.#second === undefined) return
    clearTimeout(this.#second)
    this.#second = undefined
    this.#left = maxPerSecond
    for (const notification of this.#latest?.values() ?? []) this.#send(notification)
    this.#latest = undefined
    this.#tellLeftOut()
  }

  /** Nothing is told any more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#second)
    this.#latest = undefined
    this.#leftOut = 0
  }

  #next(): void {
    this.#second = undefined
    this.#left = maxPerSecond
    const waiting = this.#latest
    this.#latest = undefined
    for (const notification of waiting?.values() ?? []) this.tell(notification)
    if (this.#left > 0 && this.#ready()) this.#tellLeftOut()
    if (this.#leftOut > 0) this.#second ??= setTimeout(() => this.#next(), 1_000).unref()
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return
    const data = `left out ${this.#leftOut} log messages that came faster than ${maxPerSecond} in a second`
    this.#leftOut = 0
    const params: JsonObject = { level: this.#level ?? "warning", logger: "mcp-host", data }
    this.#send({ method: "notifications/message", params })
  }
}

/** What a notification is the latest word on; undefined when each has its own to say. */
function stateOf({ method, params }: McpNotification): string | undefined {
  const member = subjects.get(method)
  return member === undefined ? undefined : JSON.stringify([method, params[member]])
}

/** Notifications of which only the latest on one subject counts, and the member that names the subject; a list has none. */
const subjects: ReadonlyMap<string, string> = new Map([
  ["notifications/progress", "progressToken"],
  ["notifications/resources/updated", "uri"],
  ["notifications/tasks", "taskId"],
  ["notifications/tasks/status", "taskId"],
  ["notifications/elicitation/complete", "elicitationId"],
  ...kinds.map((kind): [string, string] => [kindWords[kind].changed, ""]),
])

function always(): boolean {
  return true
}
