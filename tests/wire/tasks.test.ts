import { describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { capabilitiesToDeclare, relayableExtensions } from "../../src/wire/bridge.ts"
import {
  tasksOffered,
  withFittingNotification,
  withFittingQuestion,
  withFittingTask,
  withOwnTasks,
} from "../../src/wire/tasks.ts"
import { createClient } from "./support.ts"

const extension = "io.modelcontextprotocol/tasks"
const related = { _meta: { "io.modelcontextprotocol/related-task": { taskId: "1" } } }
const both: JsonObject = { tasks: { list: {} }, extensions: { [extension]: {}, "io.modelcontextprotocol/ui": {} } }
const client = (era: string, capabilities: JsonObject = both): Client => createClient({ era, capabilities })
const takes = { tasks: { requests: { tools: { call: {} } } } }

describe("capabilities", () => {
  it("of a server are those of its own generation", () => {
    expect(withOwnTasks("legacy", both)).toEqual({
      tasks: { list: {} },
      extensions: { "io.modelcontextprotocol/ui": {} },
    })
    expect(withOwnTasks("modern", both)).toEqual({ extensions: both["extensions"] })
    const plain = { tools: {} }
    expect([withOwnTasks("legacy", plain), withOwnTasks("modern", plain)]).toEqual([plain, plain])
  })

  it("are offered as the union of what servers have, to one generation", () => {
    const servers = [{ tasks: { list: {} } }, { tasks: { cancel: {}, requests: { tools: { call: {} } } } }, {}]
    expect(tasksOffered(servers, client("legacy"))).toEqual({ list: {}, cancel: {}, requests: { tools: { call: {} } } })
    expect(tasksOffered(servers.slice(0, 1), client("legacy"))).toEqual({ list: {} })
    expect(tasksOffered([{}], client("legacy"))).toBeUndefined()
    expect(tasksOffered(servers, client("modern"))).toBeUndefined()
    expect(relayableExtensions(both, "modern")).toEqual(both["extensions"])
    expect(relayableExtensions(both, "legacy")).toEqual({ "io.modelcontextprotocol/ui": {} })
  })

  it.each([
    ["legacy", "legacy", true, false],
    ["legacy", "modern", false, false],
    ["modern", "legacy", false, false],
    ["modern", "modern", false, true],
  ] as const)(
    "of a %s client are declared to a %s server: tasks %s, extension %s",
    (era, upstream, tasks, extended) => {
      const declared = capabilitiesToDeclare(upstream, client(era), undefined)
      expect("tasks" in declared).toBe(tasks)
      expect(extension in (declared["extensions"] as JsonObject)).toBe(extended)
    },
  )
})

describe("a task parameter", () => {
  it.each([
    ["legacy", "legacy", takes, true],
    ["legacy", "legacy", { tasks: { list: {} } }, false],
    ["legacy", "modern", takes, false],
    ["modern", "legacy", takes, false],
    ["modern", "modern", {}, true],
  ] as const)("of a %s client to a %s server that declares %j: %s", (era, upstream, capabilities, kept) => {
    const request = { method: "tools/call", params: { name: "t", task: { ttl: 1 } } }
    const fitting = withFittingTask(request, client(era), { era: upstream, capabilities })
    expect(fitting.params).toEqual(kept ? request.params : { name: "t" })
  })

  it("of a question stays for clients that declared it", () => {
    const request = { method: "elicitation/create", params: { message: "?", task: {}, ...related } }
    const able = client("legacy", { tasks: { requests: { elicitation: { create: {} } } } })
    expect(withFittingQuestion(request, able)).toBe(request)
    expect(withFittingQuestion(request, client("legacy")).params).toEqual({ message: "?", ...related })
    expect(withFittingQuestion(request, client("modern")).params).toEqual({ message: "?" })
  })
})

it("what belongs to a task is told without it to clients of the other generation", () => {
  const notification = { method: "notifications/message", params: { data: 1, ...related } }
  expect(withFittingNotification(notification, client("legacy"))).toBe(notification)
  expect(withFittingNotification(notification, client("modern")).params).toEqual({ data: 1 })
})
