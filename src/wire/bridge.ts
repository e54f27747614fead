/**
 * Where the generations meet. A modern upstream answers `input_required` when it needs its client; a legacy client is
 * asked on its own stream and the request is sent again with the answers and the exact `requestState`
 * (specification 2026-07-28, basic/patterns/mrtr). Equal generations pass straight through. In the reverse crossing the
 * endpoint parks the call while its client is asked through results (`endpoints/parking`).
 */
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, type JsonValue, objectAt, stringAt } from "../protocol/json.ts"
import type { Client, Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { tasksExtension } from "../protocol/tasks.ts"
import type { Era } from "./eras/versions.ts"
import type { UpstreamSession } from "./session.ts"
import { withObjectContent } from "./structured.ts"
import { followsTasks, tasksToDeclare, withFittingTask } from "./tasks.ts"
import { afterVisits } from "./visits.ts"

/** Rounds of questions one request may take; the SDK's own limit. */
const maxRounds = 8

/** Wait before a round in which nothing is asked, in milliseconds; the SDK's own. */
const paceMs = 250

/** Puts a question to the client; `signal` withdraws it. */
type Ask = (question: McpRequest, signal: AbortSignal) => Promise<McpResult>

/** Sends a request through a session and answers what the upstream asks on the way. */
export function requestAcross(
  session: UpstreamSession,
  given: McpRequest,
  context: Context,
  ask: Ask,
): Promise<McpResult> {
  const { era } = context.client
  const request = prepared(session, given, context)
  if (session.era === "modern" && era === "legacy") return inRounds(session, request, context, ask)
  if (isForeignRetry(session, request, context)) return Promise.reject(foreignRetry())
  const send = (): Promise<McpResult> =>
    needsTask(session, request, context) ? session.callAsTask(request, context) : session.request(request, context)
  if (session.era !== "legacy" || era !== "modern") return send()
  // Only what fails costs more.
  return send().catch((error: unknown) =>
    afterVisits(error, send, (question) => ask(question, context.signal)).catch(toModernCode),
  )
}

/** True for a tool that runs as a task only, called by a client that cannot follow the task itself. */
function needsTask(
  session: UpstreamSession,
  { method, params }: McpRequest,
  { client }: Context,
): session is UpstreamSession & Required<Pick<UpstreamSession, "callAsTask">> {
  if (session.callAsTask === undefined || method !== "tools/call" || "task" in params || followsTasks(client))
    return false
  return session.requiredTasks?.has(String(params["name"])) === true
}

/** A request of a legacy client to a modern upstream: sent again with the client's answers until it is complete. */
async function inRounds(session: UpstreamSession, request: McpRequest, context: Context, ask: Ask): Promise<McpResult> {
  const { method, params } = request
  const send = (next: McpRequest): Promise<McpResult> =>
    method === "resources/read" ? session.request(next, context).catch(toLegacyCode) : session.request(next, context)
  let result = await send(request)
  // A result that passes unparsed is complete.
  for (let round = 0; result.bytes === undefined && result.value["resultType"] === "input_required"; round += 1) {
    if (round === maxRounds) {
      const reason = `asked for input ${maxRounds} times`
      throw upstreamError("LIMIT_EXCEEDED", { reason, sent: "maybe", retryable: false })
    }
    const questions = Object.entries(objectAt(result.value, "inputRequests") ?? {})
    const requestState = stringAt(result.value, "requestState")
    if (questions.length === 0 && requestState === undefined) throw malformed("asked for input without saying which")
    const inputResponses = questions.length === 0 ? await pause(context) : await answers(questions, context, ask)
    const more = {
      ...(inputResponses !== undefined && { inputResponses }),
      ...(requestState !== undefined && { requestState }),
    }
    // Each round carries what the one before asked for, and nothing else.
    const { inputResponses: _, requestState: __, ...own } = params
    result = await send({ method, params: { ...own, ...more } })
  }
  return method === "tools/call" ? withObjectContent(result, session.outputs?.get(String(params["name"]))) : result
}

/** Asks all questions of a round at once. When one fails, so does the request, and the others are withdrawn. */
async function answers(
  questions: readonly (readonly [string, JsonValue])[],
  { client, signal }: Context,
  ask: Ask,
): Promise<JsonObject> {
  const asked = questions.map(([key, question]) => {
    const method = isJsonObject(question) ? stringAt(question, "method") : undefined
    if (!isJsonObject(question) || method === undefined)
      throw malformed(`asked a malformed question ${JSON.stringify(key)}`)
    const request: McpRequest = { method, params: objectAt(question, "params") ?? {} }
    // Before anybody is asked anything.
    assertAnswerable(request, client.capabilities)
    return { key, request }
  })
  const round = new AbortController()
  const withdraw = (): void => round.abort()
  if (signal.aborted) withdraw()
  signal.addEventListener("abort", withdraw)
  try {
    const answered = asked.map(async ({ key, request }) => [key, (await ask(request, round.signal)).value] as const)
    return Object.fromEntries(await Promise.all(answered))
  } catch (error) {
    withdraw()
    throw error
  } finally {
    signal.removeEventListener("abort", withdraw)
  }
}

/** Lets time pass before a request that is only repeated; nothing comes of it. */
function pause({ signal }: Context): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(new ProtocolError(rpcCodes.internalError, "Request cancelled"))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop)
      resolve(undefined)
    }, paceMs)
    if (signal.aborted) stop()
    else signal.addEventListener("abort", stop, { once: true })
  })
}

function malformed(reason: string): ProtocolError {
  return upstreamError("UPSTREAM_PROTOCOL", { reason, sent: "maybe", retryable: false })
}

/** What the modern generation calls invalid is, for a resource, one that is not there. */
function toLegacyCode(error: unknown): never {
  if (!(error instanceof ProtocolError) || error.code !== rpcCodes.invalidParams) throw error
  throw new ProtocolError(rpcCodes.resourceNotFound, error.message, error.data)
}

/** Codes that mean something to clients of the modern generation, and that a legacy upstream can't have meant by them. */
function toModernCode(error: unknown): never {
  const isReserved = error instanceof ProtocolError && error.code <= -32_020 && error.code >= -32_099
  if (!isReserved || error.code === rpcCodes.urlElicitationRequired) throw error
  throw new ProtocolError(rpcCodes.internalError, error.message, error.data)
}

/** Without what the upstream's generation does not know. */
function prepared(session: UpstreamSession, request: McpRequest, { client }: Context): McpRequest {
  const fitting = "task" in request.params ? withFittingTask(request, client, session) : request
  if (!("inputResponses" in fitting.params) || session.era !== "legacy" || client.era !== "modern") return fitting
  const { inputResponses, ...own } = fitting.params
  // Every question of the host has a state. Answers without one answer nothing that was asked, and the server SHOULD ask
  // instead of refusing (basic/patterns/mrtr, "Error Handling").
  return isJsonObject(inputResponses) && !("requestState" in own) ? { ...fitting, params: own } : fitting
}

/** A retry that a server of the legacy generation has never asked for: sent on, it would run the call once more. */
function isForeignRetry(session: UpstreamSession, { params }: McpRequest, { client }: Context): boolean {
  return session.era === "legacy" && client.era === "modern" && ("requestState" in params || "inputResponses" in params)
}

function foreignRetry(): ProtocolError {
  return new ProtocolError(
    rpcCodes.invalidParams,
    "The requestState answers no question of this request here: it was altered, or made by another instance of this host, or before it was restarted; send the request again without it",
  )
}

/**
 * True when what a server asks during a request of this client may not show which request it belongs to, so that the
 * request must be alone on its session.
 */
export function mayAskUnattributed(session: UpstreamSession, { capabilities }: Client): boolean {
  return session.era === "legacy" && !session.attributes && relayed.some((name) => name in capabilities)
}

const relayed = ["roots", "sampling", "elicitation"] as const

/** Extensions whose every name, id and URI the host rewrites, so that it may advertise them on either side. */
export const relayedExtensions: Readonly<Record<Era, readonly string[]>> = {
  legacy: ["io.modelcontextprotocol/ui"],
  modern: ["io.modelcontextprotocol/ui", tasksExtension],
}

/**
 * The capabilities to declare on a session. A session that clients share declares `shared`, whoever they are; but the
 * modern generation declares them with every request, so there each client's own count.
 */
export function capabilitiesToDeclare(
  era: Era,
  client: Client | undefined,
  shared: JsonObject | undefined,
): JsonObject {
  if (shared !== undefined && era === "legacy") return shared
  return client === undefined ? {} : relayableCapabilities(client, era)
}

/** The capabilities to declare to an upstream on behalf of a client: what the client can do and the host can carry there. */
function relayableCapabilities(client: Client, upstreamEra: Era): JsonObject {
  const capabilities: JsonObject = {}
  for (const name of relayed) {
    const value = client.capabilities[name]
    if (isJsonObject(value)) capabilities[name] = value
  }
  const tasks = tasksToDeclare(client, upstreamEra)
  if (tasks !== undefined) capabilities["tasks"] = tasks
  const extensions = relayableExtensions(client.capabilities, client.era === upstreamEra ? upstreamEra : "legacy")
  if (extensions !== undefined) capabilities["extensions"] = extensions
  return capabilities
}

/** The `extensions` of a capabilities object that the host can carry for clients of a generation, or undefined. */
export function relayableExtensions(capabilities: JsonObject, era: string): JsonObject | undefined {
  const declared = objectAt(capabilities, "extensions") ?? {}
  const names = relayedExtensions[era === "modern" ? era : "legacy"].filter((name) => name in declared)
  const kept = names.map((name) => [name, declared[name] as JsonObject])
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

const neededCapability: Readonly<Record<string, string>> = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
}

/** Refuses a question the client did not declare it can answer. */
export function assertAnswerable(request: McpRequest, capabilities: JsonObject): void {
  const needed = neededCapability[request.method]
  if (needed === undefined) throw new ProtocolError(rpcCodes.methodNotFound, `Method not found: ${request.method}`)
  const declared = objectAt(capabilities, needed)
  const mode = request.method === "elicitation/create" ? (stringAt(request.params, "mode") ?? "form") : undefined
  // `elicitation: {}` means form mode only (specification 2025-11-25, client/elicitation, "Capabilities").
  const hasMode =
    mode === undefined || (declared !== undefined && (mode in declared || (mode === "form" && !("url" in declared))))
  if (declared !== undefined && hasMode) return
  throw new ProtocolError(
    rpcCodes.invalidParams,
    `The client does not support ${mode === undefined ? needed : `${needed} in ${mode} mode`}`,
  )
}
