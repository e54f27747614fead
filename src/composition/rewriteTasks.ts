/** Rewrites the ids of tasks at their places in payloads, and nothing else; copy on write, as in `rewrite.ts`. */
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { relatedTaskKey } from "../protocol/tasks.ts"
import { mapItems, withMember } from "./rewrite.ts"

export type TaskIdMap = (id: string) => string

/** The answer to a request that was made a task of (`CreateTaskResult`), in either form. */
export function rewriteCreatedTask(value: JsonObject, map: TaskIdMap): JsonObject {
  return value["resultType"] === "task"
    ? withTaskId(value, map)
    : withMember(value, "task", (task) => ofTask(task, map))
}

/** The result of a method about tasks. */
export function rewriteTaskResult(method: string, value: JsonObject, map: TaskIdMap): JsonObject {
  const result = rewriteRelatedTask(value, map)
  if (method === "tasks/list")
    return withMember(result, "tasks", (tasks) => mapItems(tasks, (each) => ofTask(each, map)))
  // What `tasks/result` gives is the result of the tool: a `taskId` in it is the server's own business.
  return method === "tasks/result" ? result : ofDetailedTask(result, map)
}

/** The params of a notification: of one task, or of whatever belongs to one. */
export function rewriteTaskNotification(method: string, value: JsonObject, map: TaskIdMap): JsonObject {
  const params = rewriteRelatedTask(value, map)
  return method === "notifications/tasks" || method === "notifications/tasks/status"
    ? ofDetailedTask(params, map)
    : params
}

/** The task that a message belongs to, in its `_meta`. */
export function rewriteRelatedTask(value: JsonObject, map: TaskIdMap): JsonObject {
  if (value["_meta"] === undefined) return value
  return withMember(value, "_meta", (meta) =>
    isJsonObject(meta) ? withMember(meta, relatedTaskKey, (related) => ofTask(related, map)) : meta,
  )
}

/** A task with what came of it (SEP-2663, `DetailedTask`). */
function ofDetailedTask(value: JsonObject, map: TaskIdMap): JsonObject {
  return withMember(withTaskId(value, map), "result", (result) =>
    isJsonObject(result) ? rewriteRelatedTask(result, map) : result,
  )
}

function ofTask(value: JsonValue, map: TaskIdMap): JsonValue {
  return isJsonObject(value) ? withTaskId(value, map) : value
}

function withTaskId(value: JsonObject, map: TaskIdMap): JsonObject {
  return withMember(value, "taskId", (id) => (typeof id === "string" ? map(id) : id))
}
