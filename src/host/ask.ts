/** Puts a server's question to a client: checks that it can answer, says who asks, and maps URIs there and back. */
import { rewriteRequestParams, rewriteResult } from "../composition/rewrite.ts"
import { type ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, type JsonValue, objectAt } from "../protocol/json.ts"
import type { AskClient } from "../upstreams/upstream.ts"
import { assertAnswerable } from "../wire/bridge.ts"
import { type Member, titleOf } from "./member.ts"

export function createAsk(memberOf: () => Member): AskClient {
  return async (asker, request, signal) => {
    assertAnswerable(request, asker.client.capabilities)
    const member = memberOf()
    const { namespace, entry } = member
    const asked = namedBy(member, request.method, withoutProgressToken(request.params))
    const params = rewriteRequestParams(request.method, asked, (uri) => namespace.encode("resource", uri))
    const { value } = await asker.ask({ method: request.method, params }, signal, entry.key)
    return { value: rewriteResult(request.method, value, (uri) => namespace.decodeUri(uri) ?? uri) }
  }
}

/** A result, or a task, whose questions say which server asks them; the same object when it asks none. */
export function withAskerNamed(value: JsonObject, member: Member, isTask = false): JsonObject {
  const asks = isTask || value["resultType"] === "input_required"
  const questions = asks ? objectAt(value, "inputRequests") : undefined
  if (questions === undefined) return value
  const named = Object.entries(questions).map(([key, question]) => {
    if (!isJsonObject(question)) return [key, question]
    const params = namedBy(member, String(question["method"]), objectAt(question, "params") ?? {})
    return [key, { ...question, params }]
  })
  return { ...value, inputRequests: Object.fromEntries(named) as JsonObject }
}

/** The data of an error whose elicitations say which server asks them (-32042); the same when it asks nothing. */
export function errorDataWithAskerNamed({ code, data }: ProtocolError, member: Member): JsonValue | undefined {
  if (code !== rpcCodes.urlElicitationRequired || !isJsonObject(data) || !Array.isArray(data["elicitations"]))
    return data
  const elicitations = data["elicitations"].map((each) =>
    isJsonObject(each) ? namedBy(member, "elicitation/create", each) : each,
  )
  return { ...data, elicitations }
}

/** A progress token belongs to the hop it came over, and the host relays no progress of answers. */
function withoutProgressToken(params: JsonObject): JsonObject {
  const meta = objectAt(params, "_meta")
  if (meta === undefined || !("progressToken" in meta)) return params
  const { progressToken: _token, ...kept } = meta
  const { _meta: _, ...rest } = params
  return Object.keys(kept).length === 0 ? rest : { ...rest, _meta: kept }
}

/** Clients must show who asks (specification 2026-07-28, client/elicitation); behind a host only the message can say it. */
function namedBy(member: Member, method: string, params: JsonObject): JsonObject {
  if (method !== "elicitation/create" || typeof params["message"] !== "string") return params
  // A server inside a manifest was named where it is composed.
  if (member.nested !== undefined) return params
  return { ...params, message: `${titleOf(member)}: ${params["message"]}` }
}
