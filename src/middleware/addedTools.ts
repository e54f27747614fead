/** What the host's own added tools have in common: requests to the host on behalf of a call, answers that models read, and counts. */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectsAt, stringAt } from "../protocol/json.ts"
import type { McpResult } from "../protocol/messages.ts"
import { type Kind, kindWords } from "../protocol/methods.ts"
import type { Metrics } from "../telemetry/types.ts"
import type { AddedCall, AddedTool } from "./types.ts"

/** Nothing is changed, and what is read is of this host. */
export const readOnly: JsonObject = { readOnlyHint: true, openWorldHint: false }

export function textResult(text: string): McpResult {
  return { value: { content: [{ type: "text", text }] } }
}

/** The same twice, as the specification wants it: for programs, and for models that see only text. */
export function structuredResult(value: JsonObject): McpResult {
  return { value: { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: value } }
}

/** A failure in words for the model, which can do better next time. */
export function failedResult(text: string): McpResult {
  return { value: { content: [{ type: "text", text }], isError: true } }
}

/** Everything the client may see of a kind, all pages of it; around a server, of that server. */
export async function listAll(kind: Kind, { host, context, owner }: AddedCall, server?: string): Promise<JsonObject[]> {
  const { list, member, id } = kindWords[kind]
  const found: JsonObject[] = []
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
    const { value } = await host({ method: list, params: cursor === undefined ? {} : { cursor } }, context)
    for (const payload of objectsAt(value, member))
      if (server === undefined || owner(kind, stringAt(payload, id) ?? "") === server) found.push(payload)
    cursor = stringAt(value, "nextCursor")
  }
  return found
}

/** The members of these names that there are. */
export function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = from[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** A request that stands for the call: progress, trace and answers to questions are those of the call. */
export function forward(method: string, params: JsonObject, { host, context, params: sent }: AddedCall) {
  return host({ method, params: { ...params, ...pick(sent, ["_meta", "inputResponses", "requestState"]) } }, context)
}

/** The client is to answer a question first, and then call again. */
export function asksFirst({ value }: McpResult): boolean {
  return value["resultType"] === "input_required"
}

/** What the model can correct, as a result; everything else stays an error. */
export function correctable(error: unknown, advice: string): McpResult {
  const isAboutRequest =
    error instanceof ProtocolError &&
    (error.code === rpcCodes.resourceNotFound || error.code === rpcCodes.invalidParams)
  if (!isAboutRequest) throw error
  return failedResult(`${error.message}. ${advice}`)
}

export interface Counted {
  readonly metrics: Metrics
  /** As the metric's name has it. */
  readonly name: string
  readonly server: string | undefined
}

/** The tools, with their calls counted by tool and outcome. */
export function counted(tools: readonly AddedTool[], { metrics, name, server = "" }: Counted): AddedTool[] {
  const calls = metrics.counter({
    name: `mcp_host_${name}_calls_total`,
    help: "Calls of the tools that this middleware adds.",
    labels: ["server", "tool", "outcome"],
  })
  return tools.map(({ definition, call }) => ({
    definition,
    async call(args, about) {
      let outcome = "error"
      try {
        const result = await call(args, about)
        outcome = isJsonObject(result.value) && result.value["isError"] === true ? "failed" : "ok"
        return result
      } finally {
        calls.add(1, { server, tool: definition.name, outcome })
      }
    },
  }))
}
