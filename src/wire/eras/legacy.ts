/**
 * A session with an upstream of the legacy generation: the `initialize` handshake (specification 2025-11-25,
 * basic/lifecycle), then requests as they are.
 */

import { setTimeout as delay } from "node:timers/promises"
import { isDeepStrictEqual } from "node:util"
import { upstreamError } from "../../protocol/errors.ts"
import { type JsonObject, objectAt, objectsAt, stringAt } from "../../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../../protocol/messages.ts"
import type { Channel } from "../channel.ts"
import { internalContext } from "../internalContext.ts"
import type { Peer, RequestOptions } from "../peer.ts"
import { pollTask, type SendTaskOptions } from "../polledTask.ts"
import { exchangeAgain, lessTime } from "../readAgain.ts"
import { announceAll, type SessionOptions, type Timeouts, type UpstreamSession } from "../session.ts"
import { requiresTask, takesTasks, withOwnTasks } from "../tasks.ts"
import { Renewal } from "./renewal.ts"
import { latestLegacy, legacyVersions, withoutEnvelope } from "./versions.ts"

/** How long the news that the session is open may take before requests follow it all the same, in milliseconds. */
const initializedMs = 2_000

/** Does the handshake; rejects with the upstream's error when it does not speak this generation. */
export async function initialize(
  peer: Peer,
  channel: Channel,
  options: SessionOptions,
  context: Context,
): Promise<UpstreamSession> {
  const opened = await shakeHands(peer, channel, options, context)
  const renewal = renewalOf(peer, channel, options, opened)
  const capabilities = withOwnTasks("legacy", objectAt(opened, "capabilities") ?? {})
  // Where no request has a stream of its own there is no session that could be forgotten but the connection.
  const carry: Carry = (each, attempt) =>
    channel.abandon === undefined
      ? attempt(0)
      : renewal.send(each, limitsOf(each.method, options.timeouts).idleMs, attempt)
  const request: UpstreamSession["request"] = (each, requestContext) =>
    carry(each, (spentMs) => send(peer, each, requestContext, options, spentMs))
  return {
    era: "legacy",
    protocolVersion: String(opened["protocolVersion"]),
    serverInfo: objectAt(opened, "serverInfo") ?? {},
    capabilities,
    instructions: stringAt(opened, "instructions"),
    pid: channel.pid,
    attributes: channel.attributes === true,
    get inFlight() {
      return peer.inFlight
    },
    request,
    ...(takesTasks(capabilities) && withTasks(peer, capabilities, { ...options, request, carry })),
    notify: (notification) => void peer.notify(notification),
    async ping() {
      await request({ method: "ping", params: {} }, internalContext(new AbortController().signal))
    },
    lost: () => renewal.lost(),
    close: (reason) => peer.close(reason),
  }
}

/** Sends a request, again when it met the end of the session; `spentMs`: how much of its time is gone by then. */
type Carry = (request: McpRequest, attempt: (spentMs: number) => Promise<McpResult>) => Promise<McpResult>

/** What the server says of itself; `known` is what it said before, which it must still say. */
async function shakeHands(
  peer: Peer,
  channel: Channel,
  { clientInfo, timeouts, capabilitiesFor }: SessionOptions,
  context: Context,
  known?: JsonObject,
): Promise<JsonObject> {
  const params: JsonObject = {
    protocolVersion: latestLegacy,
    capabilities: capabilitiesFor("legacy", undefined),
    clientInfo,
  }
  const result = await peer.request({ method: "initialize", params }, context, {
    idleMs: timeouts.startMs,
    totalMs: timeouts.startMs,
    cancellable: false,
  })
  const protocolVersion = stringAt(result, "protocolVersion")
  if (protocolVersion === undefined || !legacyVersions.includes(protocolVersion)) {
    const reason = `speaks protocol version ${JSON.stringify(result["protocolVersion"] ?? null)}, which is none of ${legacyVersions.join(", ")}`
    throw upstreamError("UPSTREAM_PROTOCOL", { reason, sent: "maybe", retryable: false })
  }
  if (known !== undefined && isAnother(known, result)) throw new Error("its version or its capabilities have changed")
  channel.negotiated?.(protocolVersion, true)
  // Servers refuse requests that overtake it.
  const initialized = peer.notify({ method: "notifications/initialized", params: {} })
  await Promise.race([initialized, delay(initializedMs, undefined, { ref: false })])
  return result
}

function isAnother(known: JsonObject, now: JsonObject): boolean {
  return ["protocolVersion", "capabilities"].some((name) => !isDeepStrictEqual(known[name], now[name]))
}

function renewalOf(peer: Peer, channel: Channel, options: SessionOptions, opened: JsonObject): Renewal {
  const context = internalContext(new AbortController().signal)
  return new Renewal({
    shakeHands: async () => void (await shakeHands(peer, channel, options, context, opened)),
    restore: async (requests) => {
      const restored = await Promise.allSettled(requests.map((each) => send(peer, each, context, options)))
      for (const each of restored) if (each.status === "rejected") options.notRestored?.(each.reason)
    },
    // Whatever it announced in between was not heard.
    renewed: () => announceAll(options),
    failed: (reason) => void peer.close(reason),
  })
}

function send(
  peer: Peer,
  request: McpRequest,
  context: Context,
  options: SessionOptions,
  spentMs = 0,
): Promise<McpResult> {
  const params = withoutEnvelope(request.params)
  const all = limitsOf(request.method, options.timeouts)
  const limits = spentMs === 0 ? all : lessTime(all, spentMs)
  // Progress of a task comes after it was created, for as long as it runs.
  if ("task" in params) limits.later = (notification) => options.notification(notification, afterwards(context))
  return exchangeAgain(peer, { method: request.method, params }, context, limits)
}

/** A request that was answered: what comes later goes to its client. */
function afterwards({ client }: Context): Context {
  return {
    ...internalContext(new AbortController().signal),
    client,
    notify: (notification) => client.notify(notification),
  }
}

function limitsOf(
  method: string,
  { listMs, callMs, totalMs }: Timeouts,
): { -readonly [K in keyof RequestOptions]: RequestOptions[K] } {
  if (method === "tools/call") return { idleMs: callMs, totalMs, progress: true }
  // It waits until the task has ended, which may take a call's whole time without a sign of life.
  if (method === "tasks/result") return { idleMs: totalMs, totalMs }
  return { idleMs: method.endsWith("/list") || method === "ping" ? listMs : callMs, totalMs }
}

/** What a session with a server that runs tools as tasks can do besides. */
function withTasks(
  peer: Peer,
  capabilities: JsonObject,
  { timeouts, requiredTasks, request, carry }: SessionOptions & Pick<UpstreamSession, "request"> & { carry: Carry },
): Partial<UpstreamSession> {
  const cancels = "cancel" in (objectAt(capabilities, "tasks") ?? {})
  const sendTask = (each: McpRequest, context: Context, { totalMs, later }: SendTaskOptions): Promise<McpResult> => {
    const limits = { ...limitsOf(each.method, { ...timeouts, totalMs }), ...(later !== undefined && { later }) }
    const request = { method: each.method, params: withoutEnvelope(each.params) }
    return carry(each, (spentMs) => exchangeAgain(peer, request, context, lessTime(limits, spentMs)))
  }
  return {
    requiredTasks,
    async request(each, context) {
      const result = await request(each, context)
      if (each.method === "tools/list") learn(result.value, requiredTasks)
      return result
    },
    callAsTask: (each, context) => pollTask(each, context, { send: sendTask, cancels, totalMs: timeouts.totalMs }),
  }
}

function learn(list: JsonObject, required: Set<string> | undefined): void {
  for (const tool of objectsAt(list, "tools")) {
    if (requiresTask(tool)) required?.add(String(tool["name"]))
    else required?.delete(String(tool["name"]))
  }
}
