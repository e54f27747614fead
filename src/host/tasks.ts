/**
 * Tasks of servers as their clients know them: every id carries its server, `<server>.<id>`, and means something only
 * to whom the task was created for. Ids are looked up in a table, never split; what it does not know does not exist.
 */
import { rewriteCreatedTask, rewriteRelatedTask, rewriteTaskResult } from "../composition/rewriteTasks.ts"
import { isHostError, ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { type JsonObject, objectAt, objectsAt, stringAt } from "../protocol/json.ts"
import type { Client, Context, Handler, McpRequest, McpResult } from "../protocol/messages.ts"
import { createdTask, taskMethods, tasksExtension, watchMethods } from "../protocol/tasks.ts"
import { assertTaskMethod, declaresTasks } from "../wire/tasks.ts"
import { capabilitiesOf } from "./describe.ts"
import type { Member } from "./member.ts"
import { ownerOf, type TaskTable } from "./taskTable.ts"

/** Tasks after which a page of `tasks/list` ends, and pages of servers looked at for it. */
const pageSize = 100
const maxPages = 10

type Members = ReadonlyMap<string, Member>
/** Sends a request to a server and gives its result as clients see it. */
type Forward = (server: string, method: string, params: JsonObject, context: Context) => Promise<McpResult>

export interface TaskRoutesOptions {
  readonly members: () => Members
  readonly table: TaskTable
  readonly forward: Forward
}

/** What answers the methods about tasks. */
export function createTaskRoutes(options: TaskRoutesOptions): readonly (readonly [string, Handler])[] {
  const { members, table, forward } = options
  const about: Handler = async ({ method, params }, context) => {
    assertOffered(method, members(), context.client)
    const task = table.find(ownerOf(context), stringAt(params, "taskId") ?? "")
    if (task === undefined || !members().has(task.server)) throw unknownTask()
    return forward(task.server, method, { ...params, taskId: task.id }, withClient(context, task.client))
  }
  const list: Handler = ({ method, params }, context) => {
    assertOffered(method, members(), context.client)
    return listTasks(stringAt(params, "cursor"), context, options)
  }
  return taskMethods.map((method) => [method, method === "tasks/list" ? list : about])
}

export interface Shown {
  readonly member: Member
  readonly context: Context
  readonly table: TaskTable
}

/** A server's result with the ids of tasks as clients see them; a task that it creates is remembered. */
export function showTasks(request: McpRequest, value: JsonObject, { member, context, table }: Shown): JsonObject {
  const show = (id: string): string => exposedId(member.entry.key, id)
  if (request.method.startsWith("tasks/")) return rewriteTaskResult(request.method, value, show)
  const created = createdTask(request, value)
  if (created === undefined) return rewriteRelatedTask(value, show)
  const { client } = context
  if (value["resultType"] === "task" && !(request.method === "tools/call" && declaresTasks(client))) {
    const reason = "answered with a task, which the client did not declare"
    throw upstreamError("UPSTREAM_PROTOCOL", { server: member.entry.key, reason, sent: "maybe", retryable: false })
  }
  const task = { server: member.entry.key, id: created.id, client }
  table.remember(ownerOf(context), show(created.id), task, created.ttlMs)
  return rewriteRelatedTask(rewriteCreatedTask(value, show), show)
}

/** A client's params with the task they belong to as its server knows it. */
export function withOwnTask(params: JsonObject, context: Context, table: TaskTable): JsonObject {
  return rewriteRelatedTask(params, (id) => table.find(ownerOf(context), id)?.id ?? id)
}

/** Lets a client hear of one of its tasks; false when it has no such task or its server does not tell. */
export async function watchTask(
  id: string,
  context: Context,
  { members, table }: { readonly members: Members; readonly table: TaskTable },
): Promise<boolean> {
  const task = table.find(ownerOf(context), id)
  const member = task === undefined ? undefined : members.get(task.server)
  if (task === undefined || member === undefined) return false
  const request = { method: watchMethods.add, params: { taskId: task.id } }
  return (await member.upstream.handle(request, context)).value["agreed"] === true
}

/** The id of a server's task as clients see it. */
export function exposedId(server: string, id: string): string {
  return `${server}.${id}`
}

/** One answer for tasks that never were, are no more, or are somebody else's. */
export function unknownTask(): ProtocolError {
  return new ProtocolError(rpcCodes.invalidParams, "Task not found")
}

function assertOffered(method: string, members: Members, client: Client): void {
  const { tasks, ...rest } = capabilitiesOf([...members.values()], client)
  const offered = tasks !== undefined || tasksExtension in (objectAt(rest, "extensions") ?? {})
  if (!offered) throw new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${method}`)
  assertTaskMethod(method, client)
}

/** The union of what the servers list, without what belongs to others. */
async function listTasks(cursor: string | undefined, context: Context, options: TaskRoutesOptions): Promise<McpResult> {
  const { table, forward } = options
  const members = options.members()
  const owner = ownerOf(context)
  const having = new Set(table.of(owner).map(({ server }) => server))
  const keys = [...members.keys()]
  const from = cursor === undefined ? undefined : parseCursor(cursor, keys)
  let at = from?.[0] ?? 0
  let next = from?.[1]
  const tasks: JsonObject[] = []
  for (let pages = 0; at < keys.length; pages += 1) {
    if (tasks.length >= pageSize || pages === maxPages)
      return { value: { tasks, nextCursor: toCursor(keys, at, next) } }
    const key = keys[at] as string
    const lists =
      "list" in (objectAt(members.get(key)?.upstream.info(context.client)?.capabilities ?? {}, "tasks") ?? {})
    const page = having.has(key) && lists ? await pageOf(forward, key, next, context) : {}
    tasks.push(...objectsAt(page, "tasks").filter(({ taskId }) => table.find(owner, String(taskId)) !== undefined))
    next = stringAt(page, "nextCursor")
    if (next === undefined) at += 1
    if (!(having.has(key) && lists)) pages -= 1
  }
  return { value: { tasks } }
}

/** One page of one server; empty when it cannot be reached: the others' tasks are still there. */
async function pageOf(
  forward: Forward,
  server: string,
  cursor: string | undefined,
  context: Context,
): Promise<JsonObject> {
  try {
    return (await forward(server, "tasks/list", cursor === undefined ? {} : { cursor }, context)).value
  } catch (error) {
    if (error instanceof ProtocolError && isHostError(error)) return {}
    throw error
  }
}

function toCursor(keys: readonly string[], at: number, next: string | undefined): string {
  return Buffer.from(JSON.stringify([keys[at], next ?? null])).toString("base64url")
}

function parseCursor(cursor: string, keys: readonly string[]): readonly [at: number, next: string | undefined] {
  try {
    const [key, next] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as unknown[]
    const at = keys.indexOf(String(key))
    if (at !== -1) return [at, typeof next === "string" ? next : undefined]
  } catch {
    // No cursor of ours, as below.
  }
  throw new ProtocolError(rpcCodes.invalidParams, "Unknown cursor")
}

/** The same request as of the client its task was created for, over whose session the task is reached. */
function withClient(context: Context, client: Client): Context {
  if (context.client === client) return context
  const { id, principal, cancellation, logLevel } = context
  const notify: Context["notify"] = (notification) => context.notify(notification)
  const ask: Context["ask"] = (...question) => context.ask(...question)
  return {
    ...{ id, principal, client, cancellation, logLevel, notify, ask },
    get signal() {
      return context.signal
    },
  }
}
