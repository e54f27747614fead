/** Checks of tasks: in the form of 2025-11-25, as the extension of the modern generation, and where they do not cross. */
import { expect } from "vitest"
import { until } from "../rig.ts"
import type { Json } from "../testClient.ts"
import { type Cell, plain, rawCall } from "./cell.ts"

/** What the tool `report` answers in the end, with URIs as clients see them. */
function report({ key }: Cell, topic: string): Json {
  return {
    content: [
      { type: "text", text: `About ${topic}` },
      { type: "resource_link", uri: `test://${key}t/reports/${topic}`, name: topic },
    ],
  }
}

async function ask(cell: Cell, method: string, params: Json): Promise<Json> {
  return plain(cell, await cell.raw.request(method, params))
}

async function expectNoMethod({ raw }: Cell, method: string): Promise<void> {
  const { error } = await raw.request(method, { taskId: "task-1" })
  expect(error).toMatchObject({ code: -32601 })
}

export async function legacyTasks(cell: Cell): Promise<void> {
  if (cell.crossing === "legacy→legacy") return expectLegacyTask(cell)
  // A modern client cannot ask for a task, a modern server not be asked: both get and give the result itself.
  const params = { arguments: { topic: "bees" }, task: { ttl: 60_000 } }
  if (cell.crossing !== "modern→modern") expect(await rawCall(cell, "t_report", params)).toEqual(report(cell, "bees"))
  expect(await cell.sdk.call(`${cell.key}t_report`, { topic: "bees" })).toMatchObject(report(cell, "bees"))
  if (cell.client === "legacy") return
  for (const method of ["tasks/result", "tasks/list"]) await expectNoMethod(cell, method)
}

async function expectLegacyTask(cell: Cell): Promise<void> {
  const create = async (tool: string, topic: string): Promise<Json> => {
    const { task } = await rawCall(cell, tool, { arguments: { topic }, task: { ttl: 60_000 } })
    expect(task).toMatchObject({ status: "working", ttl: 60_000, pollInterval: 20 })
    return task
  }
  for (const tool of ["t_report", "t_maybe"]) {
    const { taskId } = await create(tool, "bees")
    await until("it is completed", async () => (await ask(cell, "tasks/get", { taskId }))["status"] === "completed")
    expect(await ask(cell, "tasks/result", { taskId })).toEqual({
      ...report(cell, "bees"),
      _meta: { "io.modelcontextprotocol/related-task": { taskId } },
    })
  }
  const { taskId } = await create("t_report", "forever")
  const { tasks } = await ask(cell, "tasks/list", {})
  expect(tasks.filter((task: Json) => task["taskId"] === taskId)).toMatchObject([{ status: "working" }])
  expect(await ask(cell, "tasks/cancel", { taskId })).toMatchObject({ taskId, status: "cancelled" })
  expect(await ask(cell, "tasks/get", { taskId })).toMatchObject({ taskId, status: "cancelled" })
  // A client that cannot follow tasks gets the result itself.
  expect(await cell.sdk.call(`${cell.key}t_report`, { topic: "bees" })).toMatchObject(report(cell, "bees"))
}

export async function taskExtension(cell: Cell): Promise<void> {
  if (cell.crossing === "modern→modern") return expectExtensionTask(cell)
  // A legacy client that follows tasks has to ask for one where a tool requires it; the SDK's client here does not follow.
  if (cell.crossing !== "legacy→legacy")
    expect(await rawCall(cell, "t_report", { arguments: { topic: "ants" } })).toEqual(report(cell, "ants"))
  expect(await cell.sdk.call(`${cell.key}t_report`, { topic: "ants" })).toMatchObject(report(cell, "ants"))
  if (cell.client === "modern") return
  await expectNoMethod(cell, "tasks/update")
  const offered = cell.raw.opening["capabilities"].extensions ?? {}
  expect(Object.keys(offered)).not.toContain("io.modelcontextprotocol/tasks")
}

async function expectExtensionTask(cell: Cell): Promise<void> {
  const { key, raw } = cell
  const create = async (name: string, topic: string): Promise<Json> => {
    const { result } = await raw.request("tools/call", { name: `${key}t_${name}`, arguments: { topic } })
    expect(result).toMatchObject({ resultType: "task", ttlMs: 60_000, pollIntervalMs: 20 })
    return result ?? {}
  }
  const get = (taskId: string): Promise<Json> => ask(cell, "tasks/get", { taskId })
  const completed = (taskId: string) =>
    until("it is completed", async () => (await get(taskId))["status"] === "completed")

  const first = await create("report", "bees")
  expect(first["status"]).toBe("working")
  await completed(first["taskId"])
  expect((await get(first["taskId"]))["result"]).toMatchObject(report(cell, "bees"))

  const second = await create("confirm", "ants")
  const { status, inputRequests } = await get(second["taskId"])
  expect(status).toBe("input_required")
  expect(inputRequests).toMatchObject({ agreed: { params: { message: `${key}t: Shall I?` } } })
  const inputResponses = { agreed: { action: "accept", content: { ok: true } } }
  expect(await ask(cell, "tasks/update", { taskId: second["taskId"], inputResponses })).toEqual({})
  await completed(second["taskId"])
  expect((await get(second["taskId"]))["result"]).toMatchObject(report(cell, "ants"))

  const third = await create("report", "forever")
  expect(await ask(cell, "tasks/cancel", { taskId: third["taskId"] })).toEqual({})
  expect(await get(third["taskId"])).toMatchObject({ status: "cancelled" })
}
