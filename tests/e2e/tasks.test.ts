/** Tasks with real clients and servers: the experimental form of SDK version 1, and the extension, which no SDK knows. */
import path from "node:path"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { afterEach, describe, expect, it, vi } from "vitest"
import { connectRaw, overHttp, overStdio } from "./rawClient.ts"
import {
  closeAll,
  closers,
  connectTo,
  fixture,
  type ManifestText,
  startHttp,
  stdioProgram,
  writeManifest,
} from "./rig.ts"
import type { Json } from "./testClient.ts"

afterEach(closeAll)

const legacy: ManifestText = {
  servers: {
    team: { mount: fixture("tasks-v1.mjs", { FIXTURE_NAME: "Team" }) },
    local: { mount: path.join(import.meta.dirname, "../fixtures/servers/tasks-v1.mjs") },
  },
}
const extension: ManifestText = { servers: { jobs: { mount: fixture("tasks.mjs", {}, ["--modern"]) } } }
const withTasks = { elicitation: {}, extensions: { "io.modelcontextprotocol/tasks": {} } }
const transports = ["stdio", "HTTP"] as const

async function connectV1(transport: Transport): Promise<Client> {
  const client = new Client({ name: "tasks", version: "1" }, { capabilities: { tasks: {}, elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    action: "accept",
    content: { answer: `re: ${params.message}` },
  }))
  await client.connect(transport)
  closers.push(() => client.close())
  return client
}

async function open(transport: (typeof transports)[number], manifest: ManifestText): Promise<() => Promise<Client>> {
  if (transport === "stdio") {
    const program = stdioProgram(await writeManifest(manifest))
    return () => connectV1(new StdioClientTransport({ ...program, stderr: "ignore" }) as Transport)
  }
  const { url } = await startHttp(manifest)
  return () => connectV1(new StreamableHTTPClientTransport(new URL(url)) as Transport)
}

/** The messages of a call as the SDK follows its task, and the id of that. */
async function follow(client: Client, name: string, args: Json = {}): Promise<{ id: string; text: string }> {
  let id = ""
  for await (const message of client.experimental.tasks.callToolStream(
    { name, arguments: args },
    CallToolResultSchema,
    { task: { ttl: 60_000 } },
  )) {
    if (message.type === "taskCreated") id = message.task.taskId
    if (message.type === "error") throw message.error
    if (message.type === "result") return { id, text: (message.result.content[0] as { text: string }).text }
  }
  throw new Error("the task gave no result")
}

describe.each(transports)("an SDK client and SDK servers over %s", (transport) => {
  it.each(["team", "local"])("follow the tasks of %s", async (server) => {
    const client = await (await open(transport, legacy))()
    await client.listTools()
    const built = await follow(client, `${server}_build`, { text: "built" })
    expect(built).toEqual({ id: expect.stringMatching(new RegExp(`^${server}\\.`)), text: "built" })
    const confirmed = await follow(client, `${server}_confirm`, { text: "Go?" })
    expect(JSON.parse(confirmed.text)).toMatchObject({
      action: "accept",
      content: { answer: expect.stringMatching(/^re: .+: Go\?$/) },
    })
    const { tasks } = await client.experimental.tasks.listTasks()
    expect(tasks.map(({ taskId }) => taskId)).toEqual(expect.arrayContaining([built.id, confirmed.id]))
    await expect(client.experimental.tasks.getTask("team.nope")).rejects.toMatchObject({ code: -32602 })
  })
})

it("a task is its session's own, and can be cancelled", async () => {
  const connect = await open("HTTP", legacy)
  const [owner, other] = [await connect(), await connect()]
  const request = {
    method: "tools/call",
    params: { name: "team_check", arguments: { ms: 5_000 }, task: { ttl: 60_000 } },
  }
  const { CreateTaskResultSchema } = await import("@modelcontextprotocol/sdk/experimental/tasks")
  const { task } = await owner.request(request, CreateTaskResultSchema)
  await expect(other.experimental.tasks.getTask(task.taskId)).rejects.toMatchObject({ code: -32602 })
  await expect(other.experimental.tasks.cancelTask(task.taskId)).rejects.toMatchObject({ code: -32602 })
  expect((await other.experimental.tasks.listTasks()).tasks).toEqual([])
  expect(await owner.experimental.tasks.getTask(task.taskId)).toMatchObject({ taskId: task.taskId, status: "working" })
  expect(await owner.experimental.tasks.cancelTask(task.taskId)).toMatchObject({
    taskId: task.taskId,
    status: "cancelled",
  })
})

describe.each(transports)("clients that know no tasks over %s", (transport) => {
  it.each(["v2 legacy", "v2 modern"] as const)("%s call tools that run as tasks only", async (kind) => {
    const client = await connectTo(legacy, { kind, transport })
    for (const server of ["team", "local"]) {
      expect((await client.call(`${server}_build`, { text: "built" }))["content"]).toEqual([
        { type: "text", text: "built" },
      ])
      expect(await client.json(`${server}_confirm`, { text: "Go?" })).toMatchObject({ action: "accept" })
    }
  })
})

describe.each(transports)("a raw client and the extension over %s", (transport) => {
  it("get, update and listen to a task", async () => {
    const carrier =
      transport === "stdio"
        ? overStdio(stdioProgram(await writeManifest(extension)))
        : overHttp((await startHttp(extension)).url)
    const client = await connectRaw(carrier, { era: "modern", capabilities: withTasks })
    expect(client.opening["capabilities"].extensions).toMatchObject(withTasks.extensions)
    const { result: created } = await client.request("tools/call", {
      name: "jobs_slow",
      arguments: { question: "Go?" },
    })
    expect(created).toMatchObject({ resultType: "task", taskId: "jobs.task-1" })
    const { taskId } = created as Json
    void client.request("subscriptions/listen", { notifications: { taskIds: [taskId] } }).catch(() => undefined)
    await vi.waitFor(() => expect(client.heard.at(0)?.["params"].notifications).toEqual({ taskIds: [taskId] }), 20_000)
    const inputResponses = { q1: { action: "accept", content: { ok: 1 } } }
    await vi.waitFor(async () => {
      const { result } = await client.request("tasks/get", { taskId })
      expect(result).toMatchObject({ status: "input_required" })
    }, 20_000)
    expect((await client.request("tasks/update", { taskId, inputResponses })).result).toBeDefined()
    const done = await vi.waitFor(() => {
      const found = client.heard.find(({ params }) => params.status === "completed")
      if (found === undefined) throw new Error("not told of the end")
      return found
    }, 20_000)
    expect(done).toMatchObject({
      method: "notifications/tasks",
      params: { taskId, result: { content: [{}, { uri: "test://jobs/made" }] } },
    })
    expect((await client.request("tasks/get", { taskId: "jobs.task-2" })).error).toMatchObject({ code: -32602 })
  })
})
