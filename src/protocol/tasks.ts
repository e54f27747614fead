/** The words of tasks, in the form of specification 2025-11-25 (basic/utilities/tasks) and as an extension (SEP-2663). */
import { type JsonObject, objectAt, stringAt } from "./json.ts"
import type { McpRequest } from "./messages.ts"

export const tasksExtension = "io.modelcontextprotocol/tasks"
/** The member of `_meta` that says which task a message belongs to. */
export const relatedTaskKey = "io.modelcontextprotocol/related-task"

/** Methods that name a task of the receiver. */
export const taskMethods = ["tasks/get", "tasks/result", "tasks/update", "tasks/cancel", "tasks/list"] as const

/** Between the host and its upstreams: hears of a task from now on, and no longer. No client can call them. */
export const watchMethods = { add: "tasks/subscribe", remove: "tasks/unsubscribe" } as const

export interface CreatedTask {
  readonly id: string
  /** How long the receiver keeps it, in milliseconds; undefined: without end, or it did not say. */
  readonly ttlMs: number | undefined
}

/** The task that a request was answered with instead of its result. */
export function createdTask({ params }: McpRequest, value: JsonObject): CreatedTask | undefined {
  const isExtension = value["resultType"] === "task"
  const task = isExtension ? value : "task" in params ? objectAt(value, "task") : undefined
  const id = task === undefined ? undefined : stringAt(task, "taskId")
  if (task === undefined || id === undefined) return undefined
  const ttl = task[isExtension ? "ttlMs" : "ttl"]
  return { id, ttlMs: typeof ttl === "number" ? ttl : undefined }
}
