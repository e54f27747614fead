/**
 * `audit`: a line for every request, in a file that shows when it was tampered with (`audit/`). Lines come in the order in
 * which requests end; they say who asked for what, never with which words, and how it ended.
 */
import path from "node:path"
import { matchesAny } from "../composition/glob.ts"
import { parseDuration } from "../manifest/durations.ts"
import type { AuditOptions } from "../manifest/middleware/audit.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import { parseSize } from "../manifest/sizes.ts"
import { ProtocolError, upstreamError } from "../protocol/errors.ts"
import { canonicalJson, type JsonObject, type JsonValue, objectAt, stringAt } from "../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { sizeOf } from "../protocol/pieces.ts"
import { digestOf, type Fields, toAuditKey } from "./audit/line.ts"
import type { LogSettings } from "./audit/log.ts"
import { shareLog } from "./audit/shared.ts"
import { defineMiddleware } from "./define.ts"
import { mayHold } from "./texts/raw.ts"
import type { MiddlewareDeps } from "./types.ts"

/** Longest text of a client's in a line. */
const maxTextLength = 1_024

const { audit: defaults } = middlewareDefaults

/** A request that has not ended. */
interface Call {
  readonly request: McpRequest
  readonly context: Context
  readonly server: string
  readonly since: number
}

interface Outcome {
  readonly outcome: string
  readonly code?: number
  readonly resultBytes?: number
}

export const audit = defineMiddleware<AuditOptions>({
  name: "audit",
  create(options, deps) {
    const { methods = defaults.methods, onError = defaults.onError } = options
    const file = path.resolve(deps.directory, options.file)
    const settings = settingsOf(options, file, deps)
    const { log, free, release } = shareLog(file, settings)
    const waits = onError === "refuse"
    const inFlight = new Set<Call>()
    const figures = createFigures(deps, () => log.waiting)
    const recorded = memoized((method) => matchesAny(method, methods))

    const assertReady = async (): Promise<void> => {
      await free
      const failure = await log.ready()
      if (failure !== undefined && waits) throw unavailable(failure, "no")
    }
    const write = async (call: Call, outcome: Outcome): Promise<void> => {
      // What was still on its way at the end has its line.
      if (!inFlight.delete(call)) return
      figures.ended(outcome.outcome)
      const fields = fieldsOf(call, outcome, { deps, settings })
      if (!waits) return log.add(fields)
      const failure = await log.append(fields)
      if (failure !== undefined) throw unavailable(failure, "maybe")
    }
    return {
      async request(request, context, next) {
        if (!recorded(request.method)) return next(request, context)
        if (!log.isReady) await assertReady()
        const server = deps.server ?? deps.subject(request, context.client)?.server ?? ""
        const call: Call = { request, context, server, since: performance.now() }
        inFlight.add(call)
        let result: McpResult
        try {
          result = await next(request, context)
        } catch (error) {
          await write(call, failureOf(error, context))
          throw error
        }
        await write(call, successOf(result))
        return result
      },
      async close() {
        for (const call of inFlight) log.add(fieldsOf(call, { outcome: "unfinished" }, { deps, settings }))
        inFlight.clear()
        figures.close()
        await release()
      },
    }
  },
})

function settingsOf({ key, previousKeys = [], rotate = {}, sync }: AuditOptions, file: string, deps: MiddlewareDeps) {
  const failures = deps.metrics.counter({
    name: "mcp_host_audit_failures_total",
    help: "How often the audit log could no longer be written.",
  })
  const settings: LogSettings = {
    key: key === undefined ? undefined : toAuditKey(key),
    previousKeys: previousKeys.map(toAuditKey),
    maxBytes: parseSize(rotate.size ?? defaults.rotate.size),
    maxAgeMs: rotate.age === undefined ? undefined : parseDuration(rotate.age),
    keep: rotate.keep ?? defaults.rotate.keep,
    sync: sync ?? defaults.sync,
    report(failure) {
      if (failure === undefined) return deps.logger.info("the audit log is written again", { file })
      failures.add(1)
      deps.logger.error(`the audit log cannot be written: ${deps.mask(failure)}`, { file })
    },
  }
  return settings
}

function createFigures({ metrics }: MiddlewareDeps, waiting: () => number) {
  const lines = metrics.counter({
    name: "mcp_host_audit_lines_total",
    help: "Requests recorded in the audit log.",
    labels: ["outcome"],
  })
  const close = metrics.gauge(
    { name: "mcp_host_audit_waiting", help: "Lines that are not written to the audit log yet." },
    () => [{ value: waiting() }],
  )
  return { ended: (outcome: string) => lines.add(1, { outcome }), close }
}

function unavailable(reason: string, sent: "no" | "maybe"): ProtocolError {
  return upstreamError("STORE_UNAVAILABLE", { reason: `the audit log: ${reason}`, sent, retryable: true })
}

function fieldsOf(
  { request, context, server, since }: Call,
  outcome: Outcome,
  { deps, settings }: { readonly deps: MiddlewareDeps; readonly settings: LogSettings },
): Fields {
  const { method, params } = request
  const { name, version } = context.client.info ?? {}
  const target = targetOf(request)
  const texts = [context.principal.id, [name, version].filter((each) => each !== undefined).join("/"), target[1]]
  const [principal, client, subject] = masked(texts, deps)
  const args = argumentsOf(params)
  const text = args === undefined ? undefined : canonicalJson(args)
  return {
    time: new Date().toISOString(),
    request: context.id,
    principal,
    client,
    method: cut(method),
    ...(subject !== "" && { [target[0]]: subject }),
    server,
    ...(text !== undefined && { arguments: digestOf(text, settings.key), argumentBytes: Buffer.byteLength(text) }),
    ...outcome,
    ms: Math.round((performance.now() - since) * 1000) / 1000,
  }
}

function targetOf({ method, params }: McpRequest): [string, string] {
  if (method === "tools/call") return ["tool", stringAt(params, "name") ?? ""]
  if (method === "prompts/get") return ["prompt", stringAt(params, "name") ?? ""]
  if (method.startsWith("tasks/")) return ["task", stringAt(params, "taskId") ?? ""]
  const ref = objectAt(params, "ref") ?? params
  const name = stringAt(ref, "name")
  return name === undefined ? ["uri", stringAt(ref, "uri") ?? ""] : ["prompt", name]
}

/** What the client says besides the name: arguments, a value to complete, answers to questions. */
function argumentsOf(params: JsonObject): JsonValue | undefined {
  const { arguments: args, argument, inputResponses } = params
  if (inputResponses !== undefined) return { ...(args !== undefined && { arguments: args }), inputResponses }
  return args ?? argument
}

/** Secrets are looked for once in all of them; no secret has a NUL. */
function masked(texts: readonly string[], { mask }: MiddlewareDeps): string[] {
  const cleaned = texts.map((text) => text.replaceAll("\0", " "))
  const parts = mask(cleaned.join("\0")).split("\0")
  return (parts.length === texts.length ? parts : cleaned.map(mask)).map(cut)
}

function cut(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text
}

function failureOf(error: unknown, context: Context): Outcome {
  if (context.cancellation?.cancelled ?? context.signal.aborted) return { outcome: "cancelled" }
  return { outcome: "error", code: error instanceof ProtocolError ? error.code : -32603 }
}

/** What is still bytes is parsed only where it may say that the tool failed, or that it asks. */
function successOf(result: McpResult): Outcome {
  const { bytes } = result
  if (bytes !== undefined && !mayHold(bytes, marks)) return { outcome: "ok", resultBytes: sizeOf(bytes) }
  const { value } = result
  const asks = value["resultType"] === "input_required"
  return {
    outcome: asks ? "input_required" : value["isError"] === true ? "tool_error" : "ok",
    resultBytes: bytes === undefined ? Buffer.byteLength(JSON.stringify(value)) : sizeOf(bytes),
  }
}

/** `\u` could write either in another way. */
const marks = ["isError", "input_required", "\\u"].map((text) => Buffer.from(text))

function memoized(decide: (method: string) => boolean): (method: string) => boolean {
  const known = new Map<string, boolean>()
  return (method) => {
    const memo = known.get(method)
    if (memo !== undefined) return memo
    const decided = decide(method)
    // Clients can invent methods.
    if (known.size < 100) known.set(method, decided)
    return decided
  }
}
