/** `subscriptions/listen`: acknowledges what is honoured, then tells the client of just that until either side ends it. */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import type { Client, Context, McpNotification } from "../protocol/messages.ts"
import { metaKeys } from "../wire/eras/versions.ts"
import { assertDeclared } from "../wire/tasks.ts"
import type { Exchange } from "./modernExchange.ts"
import type { Pace } from "./pace.ts"
import type { Served } from "./served.ts"

const listFilters: Readonly<Record<string, string>> = {
  toolsListChanged: "notifications/tools/list_changed",
  promptsListChanged: "notifications/prompts/list_changed",
  resourcesListChanged: "notifications/resources/list_changed",
}

const acknowledgedMethod = "notifications/subscriptions/acknowledged"

/** Resources one subscription may name. */
const maxResources = 1_000
/** Tasks one subscription may name. */
const maxTasks = 1_000

/** Resolves with the result that ends the subscription gracefully. */
export async function listen(
  served: Served,
  context: Context,
  exchange: Exchange & { readonly pace: Pace },
): Promise<JsonObject> {
  const wanted = objectAt(exchange.request.params, "notifications")
  if (wanted === undefined)
    throw new ProtocolError(rpcCodes.invalidParams, "subscriptions/listen needs a notifications filter")
  if ("taskIds" in wanted) assertDeclared(context.client)
  const honoured: JsonObject = {}
  const methods = new Set<string>()
  const uris = new Set<string>()
  const tasks = new Set<string>()
  let acknowledged = false
  const waiting: McpNotification[] = []
  const marked = ({ method, params }: McpNotification): McpNotification => {
    const meta = { ...objectAt(params, "_meta"), [metaKeys.subscriptionId]: exchange.id }
    return { method, params: { ...params, _meta: meta } }
  }
  const tell = (notification: McpNotification): void => exchange.pace.tell(marked(notification))
  const client: Client = {
    ...context.client,
    // Its end is not that of the connection, whose sessions stay.
    leaves: false,
    notify: (notification) => {
      const { method, params } = notification
      const isUpdate = method === "notifications/resources/updated" && uris.has(stringAt(params, "uri") ?? "")
      const isTask = method === "notifications/tasks" && tasks.has(stringAt(params, "taskId") ?? "")
      if (!methods.has(method) && !isUpdate && !isTask) return
      if (acknowledged) tell(notification)
      else waiting.push(notification)
    },
  }
  for (const [filter, method] of Object.entries(listFilters)) {
    if (wanted[filter] !== true) continue
    honoured[filter] = true
    methods.add(method)
  }
  const leave = served.connect(client, { patient: context.client.leaves })
  try {
    const subscribed = await subscribeAll(served, { ...context, client }, wanted, uris)
    if (subscribed.length > 0) honoured["resourceSubscriptions"] = subscribed
    const watched = await watchAll(served, { ...context, client }, wanted, tasks)
    if (watched.length > 0) honoured["taskIds"] = watched
    const acknowledgement = { method: acknowledgedMethod, params: { notifications: honoured } }
    exchange.notify({ jsonrpc: "2.0", ...marked(acknowledgement) })
    acknowledged = true
    for (const notification of waiting.splice(0)) tell(notification)
    await ended(exchange)
    return { _meta: { [metaKeys.subscriptionId]: exchange.id } }
  } finally {
    leave()
  }
}

/** Subscribes to each resource; those that cannot be are left out of the acknowledgement. */
async function subscribeAll(
  served: Served,
  context: Context,
  wanted: JsonObject,
  uris: Set<string>,
): Promise<string[]> {
  const named = wanted["resourceSubscriptions"]
  if (!Array.isArray(named)) return []
  const attempts = named.slice(0, maxResources).map(async (uri): Promise<string[]> => {
    if (typeof uri !== "string") return []
    uris.add(uri)
    try {
      await served.handle({ method: "resources/subscribe", params: { uri } }, context)
      return [uri]
    } catch (error) {
      uris.delete(uri)
      if (error instanceof ProtocolError) return []
      throw error
    }
  })
  return (await Promise.all(attempts)).flat()
}

/** Follows each task; those whose servers do not tell of them are left out of the acknowledgement. */
async function watchAll(served: Served, context: Context, wanted: JsonObject, tasks: Set<string>): Promise<string[]> {
  const named = wanted["taskIds"]
  if (!Array.isArray(named)) return []
  const attempts = named.slice(0, maxTasks).map(async (id): Promise<string[]> => {
    if (typeof id !== "string") return []
    tasks.add(id)
    const watched = await served.watchTask(id, context).catch((error: unknown) => {
      if (error instanceof ProtocolError) return false
      throw error
    })
    if (!watched) tasks.delete(id)
    return watched ? [id] : []
  })
  return (await Promise.all(attempts)).flat()
}

function ended({ cancellation, ending }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    if (cancellation.cancelled || ending.aborted) return resolve()
    const over = (): void => {
      ending.removeEventListener("abort", over)
      stop()
      resolve()
    }
    const stop = cancellation.on(over)
    ending.addEventListener("abort", over)
  })
}
