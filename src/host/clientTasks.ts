/**
 * Tasks of clients: a server may ask a question as a task of the client and fetch the answer later (specification
 * 2025-11-25, basic/utilities/tasks). The client's ids pass as they are; a server reaches those of its own questions only.
 */
import { rewriteRelatedTask } from "../composition/rewriteTasks.ts"
import { type JsonObject, objectAt, objectsAt, stringAt } from "../protocol/json.ts"
import type { Client, McpNotification, McpRequest, McpResult } from "../protocol/messages.ts"
import { createdTask, relatedTaskKey } from "../protocol/tasks.ts"
import type { AskClient } from "../upstreams/upstream.ts"
import { assertHasTasks, withFittingQuestion } from "../wire/tasks.ts"
import type { Member } from "./member.ts"
import { exposedId, unknownTask } from "./tasks.ts"
import { TaskTable } from "./taskTable.ts"

type Asker = Parameters<AskClient>[0]

export class ClientTasks {
  readonly #table = new TaskTable()

  /** Asks with tasks: which of the server's tasks a question belongs to, and which task of the client answers it. */
  asking(ask: AskClient, memberOf: () => Member): AskClient {
    return (asker, request, signal) => {
      if (request.method.startsWith("tasks/")) return this.#about(asker, request, signal, memberOf().entry.key)
      return this.#question(ask, asker, request, signal, memberOf().entry.key)
    }
  }

  /** The server whose question became this task of a client. */
  knows(server: string, client: Client, { params }: McpNotification): boolean {
    return this.#table.find(ownerOf(client, server), stringAt(params, "taskId") ?? "") !== undefined
  }

  forget(client: Client): void {
    this.#table.forget(client)
  }

  async #question(
    ask: AskClient,
    asker: Asker,
    asked: McpRequest,
    signal: AbortSignal,
    server: string,
  ): Promise<McpResult> {
    const { client } = asker
    const { method, params } = withFittingQuestion(asked, client)
    const request = { method, params: rewriteRelatedTask(params, (id) => exposedId(server, id)) }
    const { value } = await ask(asker, request, signal)
    const created = createdTask(request, value)
    if (created !== undefined) {
      const task = { server, id: created.id, client }
      this.#table.remember(ownerOf(client, server), created.id, task, created.ttlMs)
    }
    // The client says which task its answer belongs to as it was told; any other id is its own.
    const own = stringAt(objectAt(objectAt(params, "_meta") ?? {}, relatedTaskKey) ?? {}, "taskId")
    const back = (id: string): string => (own !== undefined && id === exposedId(server, own) ? own : id)
    return { value: rewriteRelatedTask(value, back) }
  }

  async #about(asker: Asker, request: McpRequest, signal: AbortSignal, server: string): Promise<McpResult> {
    const { client } = asker
    assertHasTasks(request, client)
    const owner = ownerOf(client, server)
    const isOwn = (id: unknown): boolean => this.#table.find(owner, String(id)) !== undefined
    if (request.method !== "tasks/list" && !isOwn(request.params["taskId"])) throw unknownTask()
    const { value } = await asker.ask(request, signal, server)
    return { value: request.method === "tasks/list" ? withTasks(value, ({ taskId }) => isOwn(taskId)) : value }
  }
}

function withTasks(value: JsonObject, keeps: (task: JsonObject) => boolean): JsonObject {
  return { ...value, tasks: objectsAt(value, "tasks").filter(keeps) }
}

function ownerOf({ key, era }: Client, server: string): string {
  return JSON.stringify([key, era, server])
}
