/**
 * What comes through the host is what the server itself answers, field for field, once names and URIs are undone. The
 * undoing is written here a second time, on purpose: it must not share a mistake with the host's.
 */
import { mkdir } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { connectRaw, overHttp, overStdio, type Raw } from "./rawClient.ts"
import {
  closeAll,
  fixture,
  fixturePackage,
  httpServer,
  startHttp,
  stdioProgram,
  temporaryFolder,
  writeManifest,
} from "./rig.ts"
import { type Operation, type Subject, subjects } from "./subjects.ts"
import { type Asked, defaultAnswer, type Json } from "./testClient.ts"

afterEach(closeAll)

const prefix = "s"
const lists: readonly (readonly [method: string, member: string])[] = [
  ["tools/list", "tools"],
  ["prompts/list", "prompts"],
  ["resources/list", "resources"],
  ["resources/templates/list", "resourceTemplates"],
]

/** The same answer whoever is named as the asker. */
function answer(question: Asked): Json {
  return question.method === "elicitation/create"
    ? { action: "accept", content: { name: "Ada", answer: "yes" } }
    : defaultAnswer(question)
}

/** Roots are left out: a server may make its folders of them, and each of these runs in folders of the test. */
const capabilities = { elicitation: { form: {} }, sampling: {} }

const modes = [
  { name: "legacy over HTTP", era: "legacy", program: false },
  { name: "modern over HTTP", era: "modern", program: false },
  { name: "legacy over stdio", era: "legacy", program: true },
  { name: "modern over stdio", era: "modern", program: true },
] as const

/** What carries the client makes no difference to a payload, so not every server is asked over standard streams too. */
const overBoth = ["server-everything over stdio", "a server of version 2", "a server with unknown fields everywhere"]

describe.each(Object.entries(subjects))("%s", (name, create) => {
  const chosen = modes.filter(({ program }) => !program || overBoth.includes(name))

  it.each(chosen)("answers through the host as it does directly, $name", async ({ era, program }) => {
    const folder = path.join(await temporaryFolder(), "data")
    await mkdir(folder)
    const subject = await create(folder)
    const servers = { [prefix]: subject.entry }

    await subject.reset?.()
    const near = await subject.direct(directOptions(subject, era))
    const direct = await transcript(near, subject.operations, (operation) => operation)
    await near.close()

    await subject.reset?.()
    const through = program
      ? overStdio(stdioProgram(await writeManifest({ servers })))
      : overHttp((await startHttp({ servers })).url)
    const far = await connectRaw(through, { era, capabilities, answer })
    const hosted = await transcript(far, subject.operations, exposed)

    expect(Object.keys(hosted)).toEqual(Object.keys(direct))
    for (const what of Object.keys(direct).filter((each) => runsAsTaskOnly(direct[each]))) {
      // These clients declare no tasks, so the host runs the tool as its server wants it.
      expect(hosted[what]).toMatchObject({ result: { content: [{ type: "text" }] } })
      expect(hosted[what]?.["result"].isError).toBeUndefined()
      delete hosted[what]
      delete direct[what]
    }
    const undo = Object.entries(hosted).map(([what, response]) => [what, scrubbed(undone(response))])
    expect(Object.fromEntries(undo)).toEqual(scrubbed(era === "modern" ? inModernWords(direct) : direct))
    // On standard input the handshake does not wait for servers that start.
    if (!program) expect(instructionsOf(far) ?? "").toContain(instructionsOf(near) ?? "")
  })
})

it.each(modes)("progress is delivered whole, in order and before the result, $name", async ({ era, program }) => {
  const servers = {
    one: { mount: fixture("v1-stdio.mjs") },
    two: { mount: fixture("v2-stdio.mjs") },
    web: { mount: { url: (await httpServer("both")).url } },
    local: { mount: fixturePackage("v2-mcp") },
  }
  const through = program
    ? overStdio(stdioProgram(await writeManifest({ servers })))
    : overHttp((await startHttp({ servers })).url)
  const client = await connectRaw(through, { era, capabilities, answer })
  await client.request("tools/list")
  for (const key of Object.keys(servers)) {
    client.heard.length = 0
    const args = { name: `${key}_slow`, arguments: { ms: 50, steps: 5 }, _meta: { progressToken: `token of ${key}` } }
    expect(await client.request("tools/call", args)).toMatchObject({ result: { content: [{ text: "slept 50" }] } })
    const progress = client.heard.filter(({ method }) => method === "notifications/progress")
    const expected = [1, 2, 3, 4, 5].map((step) => ({
      progressToken: `token of ${key}`,
      progress: step,
      total: 5,
      message: `step ${step}`,
      "x-progress": step,
    }))
    expect(progress.map(({ params }) => params)).toEqual(expected)
  }
})

/** A server sees the capabilities of the client, whichever generation it speaks. */
function directOptions({ entry }: Subject, era: "legacy" | "modern") {
  const speaksBoth = JSON.stringify(entry).includes("v2-stdio.mjs")
  if (era === "modern" && speaksBoth) return { era, capabilities, answer }
  return { era: "legacy", capabilities, answer } as const
}

function instructionsOf({ opening }: Raw): string | undefined {
  return opening["instructions"]?.trim()
}

function runsAsTaskOnly(response: Json | undefined): boolean {
  return JSON.stringify(response).includes("requires task augmentation")
}

/** -32002 is a code of the legacy generation; a modern client is told -32602. */
function inModernWords(responses: Record<string, Json>): Record<string, Json> {
  const entries = Object.entries(responses).map(([what, response]) => {
    const { error, result } = response
    if (error?.code === -32002) return [what, { error: { ...error, code: -32602 } }]
    if (what !== "tools/list") return [what, response]
    // How a tool runs as a task is a word of the other generation.
    return [what, { result: { tools: result.tools.map(({ execution: _, ...tool }: Json) => tool) } }]
  })
  return Object.fromEntries(entries)
}

async function transcript(
  raw: Raw,
  operations: readonly Operation[],
  map: (operation: Operation) => Operation,
): Promise<Record<string, Json>> {
  const responses: Record<string, Json> = {}
  for (const [method, member] of lists) {
    const items: Json[] = []
    let cursor: string | undefined
    do {
      const { result } = await raw.request(method, cursor === undefined ? {} : { cursor })
      items.push(...(result?.[member] ?? []))
      cursor = result?.["nextCursor"]
    } while (cursor !== undefined)
    responses[method] = { result: { [member]: items } }
  }
  const listed = new Set(responses["tools/list"]?.["result"].tools.map(({ name }: Json) => name))
  for (const [index, operation] of operations.entries()) {
    const [method, params] = map(operation)
    // Some tools are there only for clients with certain capabilities.
    if (method === "tools/call" && !listed.has(params["name"])) continue
    const { result, error } = await finished(raw, method, params)
    responses[`${index} ${JSON.stringify(operation)}`] = error === undefined ? { result } : { error }
  }
  return responses
}

/** A modern client answers what a result asks and sends the request again. */
async function finished(raw: Raw, method: string, params: Json): Promise<{ result?: Json; error?: Json }> {
  const response = await raw.request(method, params)
  const { resultType, inputRequests, requestState } = response.result ?? {}
  if (resultType !== "input_required") return response
  const inputResponses = Object.fromEntries(
    Object.entries<Json>(inputRequests ?? {}).map(([key, question]) => [key, answer(question as Asked)]),
  )
  return finished(raw, method, { ...params, inputResponses, ...(requestState !== undefined && { requestState }) })
}

function exposed([method, params]: Operation): Operation {
  const { name, uri, ref } = params
  return [
    method,
    {
      ...params,
      ...(name !== undefined && { name: `${prefix}_${name}` }),
      ...(uri !== undefined && { uri: exposedUri(uri) }),
      ...(ref?.name !== undefined && { ref: { ...ref, name: `${prefix}_${ref.name}` } }),
      ...(ref?.uri !== undefined && { ref: { ...ref, uri: exposedUri(ref.uri) } }),
    },
  ]
}

function exposedUri(uri: string): string {
  if (uri.startsWith("https://") || uri.startsWith("http://")) return uri
  return uri.includes("://") ? uri.replace("://", `://${prefix}/`) : `x-mcp://${prefix}/${uri}`
}

function ownUri(uri: string): string {
  return uri.replace(`x-mcp://${prefix}/`, "").replace(`://${prefix}/`, "://")
}

/** A response of the host as its server would have given it. */
function undone(response: Json | undefined): Json {
  const { result, error } = response ?? {}
  if (error !== undefined) return { error: error.data?.uri === undefined ? error : withUri(error) }
  const rest = { ...result }
  for (const kind of ["tools", "prompts"]) {
    if (Array.isArray(rest[kind])) rest[kind] = rest[kind].map((each: Json) => ({ ...each, name: bare(each["name"]) }))
  }
  return { result: ownUris(rest) as Json }
}

function withUri(error: Json): Json {
  return { ...error, data: { ...error["data"], uri: ownUri(error["data"].uri) } }
}

function bare(name: string): string {
  expect(name.startsWith(`${prefix}_`)).toBe(true)
  return name.slice(prefix.length + 1)
}

const uriMembers = new Set(["uri", "uriTemplate", "resourceUri", "ui/resourceUri", "openai/outputTemplate"])

function ownUris(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ownUris)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (key === "structuredContent") return [key, member]
      return [key, uriMembers.has(key) && typeof member === "string" ? ownUri(member) : ownUris(member)]
    }),
  )
}

const hopOwned = new Set(["io.modelcontextprotocol/serverInfo", "resultType", "ttlMs", "cacheScope"])

/** Without what belongs to a hop, and without what is another each time: times, durations. */
function scrubbed(value: unknown): unknown {
  if (typeof value === "string") return withoutTimes(value)
  if (Array.isArray(value)) return value.map(scrubbed)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).flatMap(([key, member]) => {
    if (hopOwned.has(key) || key === "durationMs") return []
    if (key === "blob" && typeof member === "string") {
      return [[key, withoutTimes(Buffer.from(member, "base64").toString("latin1"))]]
    }
    // What the fixtures echo of the request's `_meta` is the hop's: its progress token, its envelope.
    if (key === "received" && typeof member !== "string") return []
    const clean = scrubbed(member)
    const empty = key === "_meta" && Object.keys(clean as object).length === 0
    return empty ? [] : [[key, clean]]
  })
  return Object.fromEntries(members)
}

function withoutTimes(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, "TIME")
    .replace(/\b\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT[+-]\d{4} \([^)]*\)/g, "TIME")
    .replace(/\d{1,2}:\d\d:\d\d( [AP]M)?/g, "TIME")
    .replace(/after \d+ ms/g, "after N ms")
}
