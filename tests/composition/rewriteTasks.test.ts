import { describe, expect, it } from "vitest"
import { rewriteResult } from "../../src/composition/rewrite.ts"
import {
  rewriteCreatedTask,
  rewriteRelatedTask,
  rewriteTaskNotification,
  rewriteTaskResult,
} from "../../src/composition/rewriteTasks.ts"
import type { JsonObject } from "../../src/protocol/json.ts"

const relatedTask = "io.modelcontextprotocol/related-task"
const show = (id: string): string => `s.${id}`
const meta = (taskId: string): JsonObject => ({ [relatedTask]: { taskId, more: 1 }, kept: true })
const task = (taskId: string): JsonObject => ({ taskId, status: "working", "x-task": [1] })

describe("ids of tasks", () => {
  it("are rewritten where a task is created, in either form", () => {
    expect(rewriteCreatedTask({ task: task("1"), other: 1 }, show)).toEqual({ task: task("s.1"), other: 1 })
    expect(rewriteCreatedTask({ resultType: "task", ...task("1") }, show)).toEqual({
      resultType: "task",
      ...task("s.1"),
    })
  })

  it.each([
    ["tasks/get", task("1"), task("s.1")],
    ["tasks/cancel", { ...task("1"), _meta: meta("1") }, { ...task("s.1"), _meta: meta("s.1") }],
    [
      "tasks/get",
      { ...task("1"), result: { taskId: "own", _meta: meta("1") } },
      { ...task("s.1"), result: { taskId: "own", _meta: meta("s.1") } },
    ],
    ["tasks/list", { tasks: [task("1"), "odd", task("2")] }, { tasks: [task("s.1"), "odd", task("s.2")] }],
    ["tasks/result", { taskId: "own", _meta: meta("1") }, { taskId: "own", _meta: meta("s.1") }],
  ])("are rewritten in the result of %s", (method, value: JsonObject, expected: JsonObject) => {
    const before = structuredClone(value)
    expect(rewriteTaskResult(method, value, show)).toEqual(expected)
    expect(value).toEqual(before)
  })

  it.each([
    ["notifications/tasks/status", task("1"), task("s.1")],
    [
      "notifications/tasks",
      { ...task("1"), result: { _meta: meta("1") } },
      { ...task("s.1"), result: { _meta: meta("s.1") } },
    ],
    ["notifications/message", { data: task("1"), _meta: meta("1") }, { data: task("1"), _meta: meta("s.1") }],
  ])("are rewritten in %s", (method, params: JsonObject, expected: JsonObject) => {
    expect(rewriteTaskNotification(method, params, show)).toEqual(expected)
  })

  it.each([
    {},
    { _meta: {} },
    { _meta: null },
    { _meta: { [relatedTask]: null } },
    { _meta: { [relatedTask]: { taskId: 1 } } },
  ])("that are none leave the same object: %j", (value) => {
    const object = value as JsonObject
    expect(rewriteRelatedTask(object, show)).toBe(object)
    expect(rewriteCreatedTask(object, show)).toBe(object)
    expect(rewriteTaskResult("tasks/get", object, show)).toBe(object)
  })
})

describe("URIs in tasks", () => {
  const map = (uri: string): string => uri.replace("test://", "test://s/")
  const link = (uri: string): JsonObject => ({ type: "resource_link", uri })

  it("are rewritten in what a task came to or waits for", () => {
    expect(rewriteResult("tasks/result", { content: [link("test://a")] }, map)).toEqual({
      content: [link("test://s/a")],
    })
    expect(rewriteResult("tasks/get", { result: { content: [link("test://a")] } }, map)).toEqual({
      result: { content: [link("test://s/a")] },
    })
    expect(rewriteResult("tasks/get", { error: { code: 1, data: { uri: "test://a" } } }, map)).toEqual({
      error: { code: 1, data: { uri: "test://s/a" } },
    })
    const asking = (uri: string): JsonObject => ({
      inputRequests: { q: { method: "sampling/createMessage", params: { messages: [{ content: link(uri) }] } } },
    })
    expect(rewriteResult("tasks/get", asking("test://a"), map)).toEqual(asking("test://s/a"))
  })
})
