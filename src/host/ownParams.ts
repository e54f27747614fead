/** The params of requests about an overridden tool or prompt, as its server takes them. */
import type { Component } from "../composition/types.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { type JsonObject, objectAt, stringAt } from "../protocol/json.ts"

/** A call as the server of the tool or prompt takes it: under its own name, with its own arguments. */
export function ownParams({ origin, args }: Component, params: JsonObject): JsonObject {
  const own = args?.toOwn(params["arguments"])
  return { ...params, name: origin.key, ...(own !== undefined && { arguments: own }) }
}

/** The same for a completion, which names one argument of a prompt and may give others. */
export function completionParams({ origin, args }: Component, asked: JsonObject): JsonObject {
  const params = { ...asked, ref: { ...objectAt(asked, "ref"), name: origin.key } }
  const argument = objectAt(params, "argument")
  const name = argument && stringAt(argument, "name")
  if (args === undefined || argument === undefined || name === undefined) return params
  const own = args.ownName(name)
  if (own === undefined) throw new ProtocolError(rpcCodes.invalidParams, `Unknown argument: ${name}`)
  const context = objectAt(params, "context")
  const given = args.toOwn(context?.["arguments"])
  return {
    ...params,
    argument: { ...argument, name: own },
    ...(given !== undefined && { context: { ...context, arguments: given } }),
  }
}
