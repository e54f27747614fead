/** Tasks through the host, as bytes: both forms, servers over both transports, ownership, and the way across. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Target } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import {
  type Answer,
  modern,
  openSession,
  type Rig,
  type Session,
  send,
  startRig,
  stream,
  toolCall,
} from "../endpoints/support.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { racesTheClock } from "../fixtures/noise.ts"
import { startTasksFixture } from "../fixtures/servers/tasks.mjs"
import { type EntryOptions, entryOf, httpTarget, soon, stdioTarget } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

afterEach(closeAll)

// biome-ignore lint/suspicious/noExplicitAny: answers are compared, whatever they hold
type Json = any

const extension = "io.modelcontextprotocol/tasks"
const related = "io.modelcontextprotocol/related-task"
const kinds = ["stdio", "HTTP"] as const

async function targetOf(kind: (typeof kinds)[number], isModern: boolean, name: string): Promise<Target> {
  if (kind === "stdio")
    return stdioTarget("tasks.mjs", { args: isModern ? ["--modern"] : [], env: { FIXTURE_NAME: name } })
  const fixture = await startTasksFixture({ modern: isModern, name })
  closers.push(() => fixture.close())
  return httpTarget(fixture.url)
}

/** A host over two servers of one kind, whose tasks have the same ids. */
async function start(kind: (typeof kinds)[number], isModern: boolean, options: EntryOptions = {}): Promise<Rig> {
  const keys = ["team/hub", "v1.0"]
  const servers = keys.map(async (key) => {
    const rules = { ...entryOf(httpTarget("")).rules, server: key, prefix: key === "v1.0" ? "two" : "one" }
    return entryOf(await targetOf(kind, isModern, key), { key, rules, ...options })
  })
  return startRig({ servers: await Promise.all(servers) })
}

let ids = 0
const ask = async ({ send }: Pick<Session, "send">, method: string, params: JsonObject = {}): Promise<Json> => {
  ids += 1
  const answer: Answer = await send({ jsonrpc: "2.0", id: ids, method, params })
  return [answer.json, ...answer.events].find((each) => each["id"] === ids)
}
const declared = { capabilities: { tasks: {}, elicitation: {} } }
const createTask = async (session: Session, name: string, args: JsonObject = {}): Promise<Json> =>
  (await ask(session, "tools/call", { name, arguments: args, task: { ttl: 60_000 } })).result

const withTasks = { elicitation: {}, extensions: { [extension]: {} } }
const askModern = async (
  url: string,
  method: string,
  params: JsonObject = {},
  capabilities: JsonObject = withTasks,
): Promise<Json> => {
  const message = modern(method, params, { meta: { "io.modelcontextprotocol/clientCapabilities": capabilities } })
  const answer = await send(url, message)
  return { status: answer.status, ...[answer.json, ...answer.events].find((each) => "id" in each) }
}
const callModern = (url: string, name: string, args: JsonObject = {}, capabilities?: JsonObject): Promise<Json> =>
  askModern(url, "tools/call", { name, arguments: args }, capabilities)
const seenBy = async (call: Promise<Json>): Promise<Json[]> => JSON.parse((await call).result.content[0].text)
const notFound = { code: -32602, message: "Task not found" }

describe.each(kinds)("legacy tasks over %s", (kind) => {
  it("live under ids that name their server, at every place", async () => {
    const { url } = await start(kind, false)
    const session = await openSession(url, declared)
    expect(session.result["capabilities"]).toMatchObject({
      tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
    })
    const listed = await ask(session, "tools/list")
    expect(listed.result.tasks).toBeUndefined()
    expect(listed.result.tools.map(({ name, execution }: Json) => [name, execution?.taskSupport]).slice(0, 3)).toEqual([
      ["one_slow", "optional"],
      ["one_must", "required"],
      ["one_plain", undefined],
    ])
    const [first, second] = [await createTask(session, "one_must"), await createTask(session, "two_slow")]
    expect([first.task.taskId, second.task.taskId]).toEqual(["team/hub.task-1", "v1.0.task-1"])
    expect(first).toMatchObject({
      task: { status: "working", pollInterval: 20, "x-task": true },
      _meta: { "x-created": true },
    })
    for (const [server, taskId] of [
      ["team/hub", "team/hub.task-1"],
      ["v1.0", "v1.0.task-1"],
    ] as const) {
      const result = await ask(session, "tasks/result", { taskId })
      expect(result.result).toMatchObject({
        content: [
          { text: JSON.stringify({ name: server, answer: null }) },
          { uri: expect.stringMatching(/test:\/\/(one|two)\/made/) },
        ],
        _meta: { "x-kept": true, [related]: { taskId } },
        "x-unknown": { taskId: "not an id of a task" },
      })
      expect((await ask(session, "tasks/get", { taskId })).result).toMatchObject({ taskId, status: "completed" })
    }
    const all = await ask(session, "tasks/list")
    expect(all.result.tasks.map(({ taskId }: Json) => taskId)).toEqual(["team/hub.task-1", "v1.0.task-1"])
    const upstream = await seenBy(ask(session, "tools/call", { name: "two_seen" }))
    const told = upstream.filter(({ method }) => method.startsWith("tasks/") && method !== "tasks/list")
    expect(new Set(told.map(({ params }) => params.taskId))).toEqual(new Set(["task-1"]))
  })

  it("are told of, with their progress, after the call has been answered", async () => {
    const { url } = await start(kind, false)
    const session = await openSession(url, declared)
    const events = await session.stream()
    const params = { name: "one_slow", arguments: { steps: 2 }, task: {}, _meta: { progressToken: "mine" } }
    await ask(session, "tools/call", params)
    const status = await events.find(
      ({ method, params }: Json) => method?.endsWith("/status") && params.status === "completed",
    )
    expect(status).toMatchObject({ params: { taskId: "team/hub.task-1" } })
    const progress = events.messages.filter(({ method }) => method === "notifications/progress")
    expect(progress.at(-1)).toMatchObject({
      params: { progressToken: "mine", progress: 2, _meta: { [related]: { taskId: "team/hub.task-1" } } },
    })
  })

  it("ask on the stream of tasks/result, naming their task", async () => {
    const { url } = await start(kind, false)
    const session = await openSession(url, declared)
    const { task } = await createTask(session, "two_must", { question: "Sure?" })
    const result = await session.stream({
      jsonrpc: "2.0",
      id: 900,
      method: "tasks/result",
      params: { taskId: task.taskId },
    })
    const question: Json = await result.find(({ method }) => method === "elicitation/create")
    expect(question.params).toMatchObject({ message: "v1.0: Sure?", _meta: { [related]: { taskId: "v1.0.task-1" } } })
    await session.send({
      jsonrpc: "2.0",
      id: question.id,
      result: { action: "accept", content: { ok: true }, _meta: { [related]: { taskId: "v1.0.task-1" } } },
    })
    const answer: Json = await result.find(({ id }) => id === 900)
    expect(JSON.parse(answer.result.content[0].text).answer).toEqual({
      action: "accept",
      content: { ok: true },
      _meta: { [related]: { taskId: "task-1" } },
    })
  })

  it("are nobody else's: one answer for foreign, unknown and ended ones", async () => {
    const { url } = await start(kind, false)
    const [owner, other] = [await openSession(url, declared), await openSession(url, declared)]
    const { task } = await createTask(owner, "one_slow", { ms: 5_000 })
    for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
      for (const taskId of [task.taskId, "team/hub.nope", "task-1", "nowhere.task-1", "team/hub"])
        expect((await ask(other, method, { taskId })).error).toEqual(notFound)
    }
    expect((await askModern(url, "tasks/get", { taskId: task.taskId })).error.code).toBe(-32601)
    expect((await ask(other, "tasks/list")).result.tasks).toEqual([])
    expect((await ask(owner, "tasks/get", { taskId: task.taskId })).result.status).toBe("working")
    expect((await ask(owner, "tasks/cancel", { taskId: task.taskId })).result).toMatchObject({
      taskId: "team/hub.task-1",
      status: "cancelled",
    })
    expect((await ask(owner, "tasks/update", { taskId: task.taskId, inputResponses: {} })).error.code).toBe(-32601)
  })

  it("list in pages, through servers' pages and foreign tasks", async () => {
    const { url } = await start(kind, false, { session: "shared" })
    const [owner, other] = [await openSession(url, declared), await openSession(url, declared)]
    for (let count = 0; count < 3; count += 1) {
      for (const [session, name] of [
        [other, "one_slow"],
        [owner, "one_slow"],
        [owner, "two_slow"],
      ] as const)
        await createTask(session, name)
    }
    const { result } = await ask(owner, "tasks/list")
    expect(result.tasks.map(({ taskId }: Json) => taskId)).toEqual([
      ...["team/hub.task-2", "team/hub.task-4", "team/hub.task-6"],
      ...["v1.0.task-1", "v1.0.task-2", "v1.0.task-3"],
    ])
    for (const cursor of ["nonsense", "", Buffer.from('["nowhere",null]').toString("base64url")])
      expect((await ask(owner, "tasks/list", { cursor })).error.code).toBe(-32602)
    const from = Buffer.from('["team/hub","4"]').toString("base64url")
    expect((await ask(owner, "tasks/list", { cursor: from })).result.tasks).toHaveLength(4)
  })

  it("answer what their request would have, errors too", async () => {
    const { url } = await start(kind, false)
    const session = await openSession(url, declared)
    const error = { code: -32055, message: "no", data: { uri: "test://gone", more: 1 } }
    const { task } = await createTask(session, "one_slow", { error })
    expect((await ask(session, "tasks/result", { taskId: task.taskId })).error).toEqual({
      ...error,
      data: { uri: "test://one/gone", more: 1 },
    })
    const large = await createTask(session, "one_slow", { large: 100_000 })
    const { result } = await ask(session, "tasks/result", { taskId: large.task.taskId })
    expect(result._meta[related]).toEqual({ taskId: "team/hub.task-2" })
    expect(result.content[1].uri).toBe("test://one/made")
  })

  it("of the client answer a server's question, to that server only", async () => {
    const { url } = await start(kind, false)
    const tasks = { list: {}, requests: { elicitation: { create: {} } } }
    const session = await openSession(url, { capabilities: { tasks, elicitation: {} } })
    const events = await session.stream()
    const { task } = await createTask(session, "one_must", { question: "Sure?", task: true })
    const result = await session.stream({
      jsonrpc: "2.0",
      id: 901,
      method: "tasks/result",
      params: { taskId: task.taskId },
    })
    const own = { taskId: "mine", status: "working", ttl: null, createdAt: "", lastUpdatedAt: "" }
    const reply = async (method: string, value: JsonObject): Promise<Json> => {
      const question: Json = await vi.waitFor(() => {
        const found = [...result.messages, ...events.messages].find((each) => each["method"] === method)
        if (found === undefined) throw new Error(`not asked ${method}`)
        return found
      }, soon)
      await session.send({ jsonrpc: "2.0", id: question.id, result: value })
      return question
    }
    expect((await reply("elicitation/create", { task: own })).params.task).toEqual({ ttl: 60_000 })
    expect((await reply("tasks/get", own)).params.taskId).toBe("mine")
    await reply("tasks/list", { tasks: [own, { ...own, taskId: "not of this server" }] })
    const stranger = ask(session, "tools/call", { name: "two_strangers", arguments: { taskId: "mine" } })
    expect((await seenBy(stranger)) as Json).toEqual(notFound)
    await session.send({
      jsonrpc: "2.0",
      method: "notifications/tasks/status",
      params: { ...own, status: "completed" },
    })
    await reply("tasks/result", { action: "accept", content: {}, _meta: { [related]: { taskId: "mine" } } })
    const answer: Json = await result.find(({ id }) => id === 901)
    expect(JSON.parse(answer.result.content[0].text).answer).toMatchObject({
      got: "mine",
      listed: ["mine"],
      action: "accept",
    })
    const told = async (name: string): Promise<Json[]> =>
      (await seenBy(ask(session, "tools/call", { name }))).filter(({ method }) => method.endsWith("tasks/status"))
    expect([await told("one_seen"), await told("two_seen")]).toMatchObject([[{ params: { taskId: "mine" } }], []])
  })
})

describe.each(kinds)("the extension over %s", (kind) => {
  it("lives under ids that name their server, at every place", async () => {
    const { url } = await start(kind, true)
    const { result: about } = await askModern(url, "server/discover")
    expect(about.capabilities.extensions).toEqual({ [extension]: {} })
    expect(about.capabilities.tasks).toBeUndefined()
    const { result: created } = await callModern(url, "two_slow", { question: "Sure?" })
    expect(created).toMatchObject({ resultType: "task", taskId: "v1.0.task-1", status: "working", "x-task": true })
    const { taskId } = created
    const get = async (): Promise<Json> => (await askModern(url, "tasks/get", { taskId })).result
    const asking = await vi.waitFor(async () => {
      const got = await get()
      expect(got.status).toBe("input_required")
      return got
    }, soon)
    expect(asking).toMatchObject({
      taskId,
      resultType: "complete",
      inputRequests: { q1: { params: { message: "v1.0: Sure?" } } },
    })
    const answer = { action: "accept", content: {} }
    expect((await askModern(url, "tasks/update", { taskId, inputResponses: { q1: answer } })).result).toMatchObject({
      resultType: "complete",
    })
    const done = await vi.waitFor(async () => {
      const got = await get()
      expect(got.status).toBe("completed")
      return got
    }, soon)
    expect(JSON.parse(done.result.content[0].text)).toEqual({ name: "v1.0", answer })
    expect(done.result).toMatchObject({ content: [{}, { uri: "test://two/made" }], _meta: { "x-kept": true } })
    const upstream = await seenBy(callModern(url, "two_seen"))
    const told = upstream.filter(({ method }) => method.startsWith("tasks/"))
    expect(new Set(told.map(({ params }) => params.taskId))).toEqual(new Set(["task-1"]))
    if (kind === "HTTP") expect(new Set(told.map(({ name }) => name))).toEqual(new Set(["task-1"]))
  })

  it("is for clients that declare it, and what they created", async () => {
    const { url } = await start(kind, true)
    expect((await callModern(url, "one_slow", {}, {})).result).toMatchObject({
      resultType: "complete",
      content: [{}, {}],
    })
    expect((await callModern(url, "one_must", {}, {})).error.code).toBe(-32021)
    const { taskId } = (await callModern(url, "one_slow", { ms: 5_000 })).result
    const missing = { data: { requiredCapabilities: { extensions: { [extension]: {} } } }, code: -32021 }
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
      expect(await askModern(url, method, { taskId }, {})).toMatchObject({ status: 400, error: missing })
      for (const unknown of ["one.task-1", "team/hub.nope", "task-1"])
        expect((await askModern(url, method, { taskId: unknown })).error).toEqual(notFound)
    }
    for (const method of ["tasks/result", "tasks/list"])
      expect(await askModern(url, method, { taskId })).toMatchObject({ status: 404, error: { code: -32601 } })
    const session = await openSession(url, declared)
    expect((await ask(session, "tasks/get", { taskId })).error.code).toBe(-32601)
    expect((await askModern(url, "tasks/cancel", { taskId })).result).toMatchObject({ resultType: "complete" })
    await vi.waitFor(async () => {
      expect((await askModern(url, "tasks/get", { taskId })).result.status).toBe("cancelled")
    }, soon)
    const undeclared = await callModern(url, "one_slow", { undeclared: true }, {})
    expect(undeclared.error).toMatchObject({ code: -31003, data: { server: "team/hub" } })
  })

  it("checks that the Mcp-Name header is the task's id", async () => {
    const { url } = await start(kind, true)
    const { taskId } = (await callModern(url, "one_slow", {})).result
    const { headers, body } = modern("tasks/get", { taskId })
    for (const name of ["task-1", undefined]) {
      const answer = await send(url, { headers: { ...headers, "mcp-name": name }, body })
      expect([answer.status, answer.json]).toMatchObject([400, { error: { code: -32020 } }])
    }
  })

  it("tells of the tasks a client listens to, each once and whole", async () => {
    const { url } = await start(kind, true)
    const create = async (name: string, args: JsonObject): Promise<string> =>
      (await callModern(url, name, args)).result.taskId
    const [first, second] = [await create("one_slow", { ms: 2_000 }), await create("two_slow", { ms: 2_000 })]
    const third = await create("one_slow", { ms: 2_000 })
    const unheard = await create("one_slow", { ms: 2_000 })
    const listenTo = (taskIds: string[], capabilities: JsonObject) =>
      modern(
        "subscriptions/listen",
        { notifications: { taskIds } },
        {
          id: "listening",
          meta: { "io.modelcontextprotocol/clientCapabilities": capabilities },
        },
      )
    const refused = await send(url, listenTo([first], {}))
    expect([refused.status, refused.json]).toMatchObject([400, { error: { code: -32021 } }])
    const events = await stream(url, listenTo([first, third, second, "one.task-9", "team/hub.nope"], withTasks))
    const acknowledged = await events.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    expect(acknowledged).toMatchObject({ params: { notifications: { taskIds: [first, third, second] } } })
    const tellOf = (taskId: string) =>
      events.find(({ method, params }: Json) => method === "notifications/tasks" && params.taskId === taskId)
    for (const [taskId, uri] of [
      [first, "test://one/made"],
      [third, "test://one/made"],
      [second, "test://two/made"],
    ] as const) {
      expect(await tellOf(taskId)).toMatchObject({
        params: {
          status: "completed",
          result: { content: [{}, { uri }], "x-unknown": { taskId: "not an id of a task" } },
          _meta: { "io.modelcontextprotocol/subscriptionId": "listening" },
        },
      })
    }
    await delay(100)
    expect(events.messages).toHaveLength(4)
    expect(events.messages.some(({ params }: Json) => params.taskId === unheard)).toBe(false)
    events.close()
  })
})

describe.each(kinds)("a modern client and a legacy server over %s", (kind) => {
  it("sees no tasks: the host polls tools that need them", async () => {
    const { url } = await start(kind, false)
    const { capabilities } = (await askModern(url, "server/discover")).result
    expect([capabilities.tasks, capabilities.extensions]).toEqual([undefined, undefined])
    const { tools } = (await askModern(url, "tools/list")).result
    expect(tools.some((tool: Json) => "execution" in tool)).toBe(false)
    const { result } = await callModern(url, "one_must", { ms: 60 })
    expect(result).toMatchObject({
      resultType: "complete",
      content: [{}, { uri: "test://one/made" }],
      _meta: { "x-kept": true },
    })
    expect(result._meta[related]).toBeUndefined()
    // A `task` parameter means nothing in this generation.
    const plain = await askModern(url, "tools/call", { name: "one_slow", arguments: {}, task: { ttl: 1 } })
    expect(plain.result).toMatchObject({ resultType: "complete", content: [{}, {}] })
    const eager = await callModern(url, "one_must", { eager: true })
    expect(eager.result).toMatchObject({ resultType: "complete", content: [{}, {}] })
    const seen = await seenBy(callModern(url, "one_seen"))
    expect(seen.filter(({ params }) => params?.task !== undefined).map(({ params }) => params.name)).toEqual([
      "must",
      "must",
    ])
    expect(seen.map(({ method }) => method)).toContain("tasks/get")
  })

  it("has progress while it waits, errors, and cancels the task", async () => {
    const { url } = await start(kind, false)
    const meta = { "io.modelcontextprotocol/clientCapabilities": {}, progressToken: 7 }
    const call = modern("tools/call", { name: "one_must", arguments: { steps: 2 } }, { meta })
    const answer = await send(url, call)
    const progress = answer.events.filter(({ method }) => method === "notifications/progress")
    expect(progress).toMatchObject([{ params: { progressToken: 7, progress: 1 } }, { params: { progressToken: 7 } }])
    expect((await callModern(url, "one_must", { error: { code: 4711, message: "no" } }, {})).error).toEqual({
      code: 4711,
      message: "no",
    })
    const left = await stream(
      url,
      modern("tools/call", { name: "one_must", arguments: { ms: 60_000, steps: 1 } }, { meta }),
    )
    await left.find(({ method }) => method === "notifications/progress")
    left.close()
    await vi.waitFor(async () => {
      const seen = await seenBy(callModern(url, "one_seen", {}, {}))
      expect(seen.filter(({ method }) => method === "tasks/cancel")).toMatchObject([{ params: { taskId: "task-3" } }])
    }, soon)
  })

  it("is asked meanwhile, in the result of its call", async () => {
    const { url } = await start(kind, false)
    const first = await callModern(url, "one_must", { question: "Sure?" }, { elicitation: {} })
    expect(first.result).toMatchObject({ resultType: "input_required" })
    const [[key, question]] = Object.entries(first.result.inputRequests) as [[string, Json]]
    expect(question.params).toMatchObject({ message: "team/hub: Sure?" })
    expect(question.params._meta).toBeUndefined()
    const retry = {
      name: "one_must",
      arguments: { question: "Sure?" },
      inputResponses: { [key]: { action: "accept", content: { ok: true } } },
      requestState: first.result.requestState,
    }
    const { result } = await askModern(url, "tools/call", retry, { elicitation: {} })
    expect(JSON.parse(result.content[0].text).answer).toEqual({ action: "accept", content: { ok: true } })
  })
})

describe("deadlines of a task that the host polls", () => {
  it("end the call, and the task", racesTheClock, async () => {
    const timeouts = { startMs: 20_000, listMs: 10_000, callMs: 300, totalMs: 600 }
    const { url } = await start("stdio", false, { timeouts })
    const began = performance.now()
    expect((await callModern(url, "one_must", { ms: 5_000 }, {})).error).toMatchObject({
      code: -31002,
      data: { server: "team/hub", sent: "maybe" },
    })
    expect(performance.now() - began).toBeGreaterThan(590)
    const seen = await seenBy(callModern(url, "one_seen", {}, {}))
    expect(seen.at(-2)).toMatchObject({ method: "tasks/cancel" })
  })
})

describe.each(kinds)("a legacy client and a modern server over %s", (kind) => {
  it("sees no tasks, and gets plain results", async () => {
    const { url } = await start(kind, true)
    const extensions = { [extension]: {} }
    const session = await openSession(url, { capabilities: { tasks: {}, extensions } })
    expect(session.result["capabilities"]).not.toMatchObject({ tasks: {} })
    expect(session.result["capabilities"]).not.toHaveProperty("extensions")
    const answer = await ask(session, "tools/call", { name: "one_slow", arguments: {}, task: { ttl: 1 } })
    expect(answer.result).toMatchObject({ content: [{}, { uri: "test://one/made" }] })
    const seen = await seenBy(ask(session, "tools/call", { name: "one_seen" }))
    expect(seen.filter(({ params }) => params?.task !== undefined)).toEqual([])
    expect((await ask(session, "tasks/list")).error.code).toBe(-32601)
  })
})

describe("legacy clients that know no tasks", () => {
  it.each([
    ["of an earlier revision", { protocolVersion: "2025-06-18", capabilities: { tasks: {} } }],
    ["that declare none", {}],
  ])("%s have the host poll tools that need them", async (_which, params) => {
    const { url } = await start("stdio", false)
    const session = await openSession(url, params)
    const offers = "tasks" in (session.result["capabilities"] as JsonObject)
    expect(offers).toBe(!("protocolVersion" in params))
    const answer = await session.send(toolCall(1, "one_must", { ms: 50 }))
    expect([answer.json, ...answer.events].at(-1)).toMatchObject({
      result: { content: [{}, { uri: "test://one/made" }] },
    })
  })

  it("of an earlier revision get plain results whatever they send", async () => {
    const { url } = await start("stdio", false)
    const session = await openSession(url, { protocolVersion: "2025-06-18" })
    expect(await createTask(session, "one_slow")).toMatchObject({ content: [{}, {}] })
  })

  it("and those that do are told by the server that a tool needs one", async () => {
    const { url } = await start("stdio", false)
    const session = await openSession(url, declared)
    expect((await ask(session, "tools/call", { name: "one_must" })).error.code).toBe(-32601)
  })
})

describe("sessions with tasks", () => {
  it("outlive the idle time, and end with their client", async () => {
    const { url, host } = await start("stdio", false, { idleTimeoutMs: 200 })
    const session = await openSession(url, declared)
    const { task } = await createTask(session, "one_slow", { ms: 100 })
    const unused = await createTask(session, "two_plain")
    expect(unused.task).toBeUndefined()
    await delay(900)
    expect((await ask(session, "tasks/result", { taskId: task.taskId })).result).toMatchObject({ content: [{}, {}] })
    await send(url, { method: "DELETE", headers: session.headers })
    expect(host.servers().map(({ state }) => state)).toEqual(["ready", "ready"])
  })

  it("belong to one principal", async () => {
    const { host } = await start("stdio", true)
    const client = createClient({ key: "same", era: "modern", capabilities: withTasks, unsolicited: false })
    const of = (id: string) => ({ ...createContext({ client }), principal: { id } })
    const { value } = await host.handle(
      { method: "tools/call", params: { name: "one_slow", arguments: {} } },
      of("ann"),
    )
    const get = { method: "tasks/get", params: { taskId: String(value["taskId"]) } }
    expect((await host.handle(get, of("ann"))).value).toMatchObject({ taskId: "team/hub.task-1" })
    await expect(host.handle(get, of("bob"))).rejects.toMatchObject(notFound)
    expect(await host.watchTask("team/hub.task-1", of("bob"))).toBe(false)
    expect(await host.watchTask("team/hub.task-1", of("ann"))).toBe(true)
  })
})
