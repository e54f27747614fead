/**
 * What the generations differ in about tasks. The legacy one asks for a task with a parameter and fetches its result
 * with `tasks/result` (specification 2025-11-25, basic/utilities/tasks); in the modern one the server decides, for
 * clients that declare the extension (SEP-2663). Tasks never cross: what the other side cannot know is taken away.
 */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt } from "../protocol/json.ts"
import type { Client, McpNotification, McpRequest } from "../protocol/messages.ts"
import { relatedTaskKey, tasksExtension } from "../protocol/tasks.ts"
import type { Era } from "./eras/versions.ts"

/** What a server says of itself, without the other generation's word for tasks. */
export function withOwnTasks(era: Era, capabilities: JsonObject): JsonObject {
  if (era === "modern") return withoutMember(capabilities, "tasks")
  const extensions = objectAt(capabilities, "extensions")
  if (extensions === undefined || !(tasksExtension in extensions)) return capabilities
  return { ...capabilities, extensions: withoutMember(extensions, tasksExtension) }
}

/** The `tasks` capability of all these servers as one, for clients of the generation that has it. */
export function tasksOffered(servers: readonly JsonObject[], client: Client): JsonObject | undefined {
  if (client.era !== "legacy") return undefined
  const declared = servers.map((each) => objectAt(each, "tasks")).filter((each) => each !== undefined)
  if (declared.length === 0) return undefined
  const has = (name: string): boolean => declared.some((tasks) => name in tasks)
  return {
    ...(has("list") && { list: {} }),
    ...(has("cancel") && { cancel: {} }),
    ...(declared.some(callsTools) && { requests: { tools: { call: {} } } }),
  }
}

/** The `tasks` capability to declare to an upstream on behalf of a client. */
export function tasksToDeclare(client: Client, upstreamEra: Era): JsonObject | undefined {
  return upstreamEra === "legacy" && client.era === "legacy" ? objectAt(client.capabilities, "tasks") : undefined
}

/** True when a client declared the extension, so that servers may answer it with tasks. */
export function declaresTasks({ era, capabilities }: Client): boolean {
  return era === "modern" && tasksExtension in (objectAt(capabilities, "extensions") ?? {})
}

const methods: Readonly<Record<Era, ReadonlySet<string>>> = {
  legacy: new Set(["tasks/get", "tasks/result", "tasks/cancel", "tasks/list"]),
  modern: new Set(["tasks/get", "tasks/update", "tasks/cancel"]),
}

/** Refuses a method that the client's generation does not have, or that it must declare the extension for. */
export function assertTaskMethod(method: string, client: Client): void {
  if (!methods[client.era === "modern" ? "modern" : "legacy"].has(method))
    throw new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${method}`)
  if (client.era === "modern") assertDeclared(client)
}

/** SEP-2663, "Protocol Errors". */
export function assertDeclared(client: Client): void {
  if (declaresTasks(client)) return
  const data = { requiredCapabilities: { extensions: { [tasksExtension]: {} } } }
  const message = `Missing required client capability: ${tasksExtension}`
  throw new ProtocolError(rpcCodes.missingClientCapability, message, data)
}

/** A request without its `task` parameter where that means something else to the upstream, or nothing, than to the client. */
export function withFittingTask(request: McpRequest, client: Client, upstream: UpstreamTasks): McpRequest {
  const passes = upstream.era === "modern" || takesTasks(upstream.capabilities)
  return client.era === upstream.era && passes
    ? request
    : { method: request.method, params: withoutMember(request.params, "task") }
}

interface UpstreamTasks {
  readonly era: Era
  readonly capabilities: JsonObject
}

/** True when a server runs tools as tasks (`tasks.requests.tools.call`). */
export function takesTasks(capabilities: JsonObject): boolean {
  const tasks = objectAt(capabilities, "tasks")
  return tasks !== undefined && callsTools(tasks)
}

/** True when a client fetches the results of tasks by itself. */
export function followsTasks({ era, capabilities }: Client): boolean {
  return era === "legacy" && "tasks" in capabilities
}

/** True when clients of a generation do not know what tools of an upstream's say of running as tasks. */
export function hidesExecution(upstreamEra: string, clientEra: string): boolean {
  return upstreamEra === "legacy" && clientEra === "modern"
}

/** Whether tools of some servers are shown to these clients without how they run as tasks. */
export function knowsNoExecution(clientEra: string): boolean {
  return hidesExecution("legacy", clientEra)
}

/** True for a tool that runs as a task only. */
export function requiresTask(tool: JsonObject): boolean {
  return objectAt(tool, "execution")?.["taskSupport"] === "required"
}

/** A server's question as its client can understand it: `task` only when it declared that it takes it. */
export function withFittingQuestion(request: McpRequest, client: Client): McpRequest {
  const { method } = request
  let { params } = request
  if ("task" in params && !takesQuestion(method, client)) params = withoutMember(params, "task")
  if (client.era !== "legacy") params = withoutRelatedTask(params)
  return params === request.params ? request : { method, params }
}

/** Refuses a question about a task of a client that has none. */
export function assertHasTasks({ method }: McpRequest, client: Client): void {
  const tasks = client.era === "legacy" ? objectAt(client.capabilities, "tasks") : undefined
  const name = method === "tasks/list" ? "list" : method === "tasks/cancel" ? "cancel" : undefined
  const known = methods.legacy.has(method) && tasks !== undefined && (name === undefined || name in tasks)
  if (!known) throw new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${method}`)
}

/** True for what tells of a task, or of something that belongs to one. */
export function belongsToTask({ method, params }: McpNotification): boolean {
  return method === "notifications/tasks/status" || relatedTaskKey in (objectAt(params, "_meta") ?? {})
}

/** A server's notification as its client can understand it. */
export function withFittingNotification(notification: McpNotification, client: Client): McpNotification {
  if (client.era === "legacy") return notification
  const params = withoutRelatedTask(notification.params)
  return params === notification.params ? notification : { method: notification.method, params }
}

/** The same without the task it belongs to. */
export function withoutRelatedTask(value: JsonObject): JsonObject {
  const meta = objectAt(value, "_meta")
  if (meta === undefined || !(relatedTaskKey in meta)) return value
  const kept = withoutMember(meta, relatedTaskKey)
  return Object.keys(kept).length === 0 ? withoutMember(value, "_meta") : { ...value, _meta: kept }
}

function takesQuestion(method: string, client: Client): boolean {
  const requests = objectAt(objectAt(client.capabilities, "tasks") ?? {}, "requests") ?? {}
  const [kind = "", name = ""] = method.split("/")
  return client.era === "legacy" && name in (objectAt(requests, kind) ?? {})
}

function callsTools(tasks: JsonObject): boolean {
  return isJsonObject(objectAt(objectAt(tasks, "requests") ?? {}, "tools")?.["call"])
}

function withoutMember(value: JsonObject, key: string): JsonObject {
  if (!(key in value)) return value
  const { [key]: _dropped, ...rest } = value
  return rest
}
