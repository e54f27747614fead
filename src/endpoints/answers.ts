/** Fits results and errors to the generation of the client: what belongs to a hop is added or taken away, the rest is verbatim. */
import { uncacheable } from "../protocol/cacheHint.ts"
import { ProtocolError, rpcCodes, toErrorObject } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt } from "../protocol/json.ts"
import type { McpResult, RequestId } from "../protocol/messages.ts"
import { slice } from "../protocol/pieces.ts"
import { RawResult } from "../protocol/rawResult.ts"
import { metaKeys } from "../wire/eras/versions.ts"

/** Results that carry caching hints (specification 2026-07-28, server/utilities/caching). */
const cacheable: ReadonlySet<string> = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
])

/** A result as a modern client expects it: complete unless it says otherwise, from this host, with caching hints. */
export function toModernResult(method: string, value: JsonObject, serverInfo: JsonObject): JsonObject {
  const result: JsonObject = { resultType: "complete", ...value }
  result["_meta"] = { ...objectAt(value, "_meta"), [metaKeys.serverInfo]: serverInfo }
  if (!cacheable.has(method) || result["resultType"] !== "complete") return result
  result["ttlMs"] ??= uncacheable.ttlMs
  result["cacheScope"] ??= uncacheable.cacheScope
  return result
}

/** A result as a legacy client expects it; the same object when a legacy server made it. */
export function toLegacyResult(value: JsonObject): JsonObject {
  if (!("resultType" in value)) return value
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, _meta: meta, ...result } = value
  const kept = isJsonObject(meta) ? withoutServerInfo(meta) : meta
  return kept === undefined ? result : { ...result, _meta: kept }
}

/** The members of a `_meta` that are not the hop's; undefined when there are none besides. */
function withoutServerInfo(meta: JsonObject): JsonObject | undefined {
  if (!(metaKeys.serverInfo in meta)) return meta
  const { [metaKeys.serverInfo]: _info, ...kept } = meta
  return Object.keys(kept).length === 0 ? undefined : kept
}

/** What stands before and after the bytes of a result to make a response of it. */
export function resultEnvelope(id: RequestId): readonly [before: string, after: string] {
  return [`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`, "}"]
}

/** The same as `toModernResult` on the bytes of a result; undefined when they hold what would have to be merged. */
export function toModernBytes(method: string, result: McpResult, serverInfo: JsonObject): RawResult | undefined {
  if (!(result instanceof RawResult) || result.hasMeta) return undefined
  const members = {
    resultType: "complete",
    _meta: { [metaKeys.serverInfo]: serverInfo },
    ...(cacheable.has(method) && (result.cache ?? uncacheable)),
  }
  const { bytes, holdsUris, passing } = result
  const start = Buffer.from(`${JSON.stringify(members).slice(0, -1)},`)
  return new RawResult([start, ...slice(bytes, 1)], { holdsUris, hasMeta: true, passing })
}

/** Codes of earlier revisions, which are no longer sent (specification 2026-07-28, basic/index, "Error Codes"). */
const successors: ReadonlyMap<unknown, number> = new Map([
  [rpcCodes.resourceNotFound, rpcCodes.invalidParams],
  [rpcCodes.urlElicitationRequired, rpcCodes.internalError],
])

/** An error as a modern client expects it: codes of earlier revisions are not sent to it. */
export function toModernError(error: unknown): JsonObject {
  const object = toErrorObject(error)
  const code = successors.get(object["code"])
  return code === undefined ? object : { ...object, code }
}

/** The HTTP status of an answer to a modern client (specification 2026-07-28, basic/transports/streamable-http). */
export function statusOf(error: JsonObject | undefined): number {
  switch (error?.["code"]) {
    case rpcCodes.methodNotFound:
      return 404
    case rpcCodes.headerMismatch:
    case rpcCodes.missingClientCapability:
    case rpcCodes.unsupportedProtocolVersion:
    case rpcCodes.parseError:
    case rpcCodes.invalidRequest:
      return 400
    default:
      return 200
  }
}

/** An error whose request was malformed as such, whatever its method: HTTP 400. */
export class MalformedRequest extends ProtocolError {}
