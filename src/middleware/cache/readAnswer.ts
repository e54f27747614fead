/** What a result says of itself that decides whether it may be kept, and for whom. */
import type { JsonObject } from "../../protocol/json.ts"
import type { McpResult } from "../../protocol/messages.ts"
import { sizeOf } from "../../protocol/pieces.ts"
import { RawResult } from "../../protocol/rawResult.ts"

export interface Answer {
  /** False for what is an answer to this one request only: a question to its client, or a task. */
  readonly isCommon: boolean
  /** What may be kept; undefined when nothing may. */
  readonly result?: McpResult
  readonly bytes: number
  /** How long the server lets it pass for current, in milliseconds, when it says so. */
  readonly ttlMs?: number
  /** Whether the server says that it is the same for everybody. */
  readonly isPublic: boolean
}

/** Members that matter, as they stand in bytes. Who writes them with escapes is parsed. */
const telling = ['"isError"', '"ttlMs"', '"cacheScope"', "\\u"] as const

export function readAnswer(result: McpResult, maxBytes: number): Answer {
  if (result.bytes === undefined) return read(result, result.value, Buffer.byteLength(JSON.stringify(result.value)))
  const size = sizeOf(result.bytes)
  // Without `resultType` it is complete.
  if (size > maxBytes && result.hasMeta === false) return { isCommon: true, bytes: size, isPublic: false }
  // A copy: the pieces may be gone when they are sent, and may hold on to more memory than they show.
  const bytes = Buffer.concat(result.bytes)
  const { holdsUris = true, hasMeta = true, cache } = result
  const kept = new RawResult([bytes], { holdsUris, hasMeta, cache })
  if (!hasMeta && !telling.some((word) => bytes.includes(word))) return read(kept, {}, size)
  const value = JSON.parse(bytes.toString("utf8")) as JsonObject
  // What it says of its time is another later, so it does not stay bytes.
  return read("ttlMs" in value ? { value, holdsUris } : kept, value, size)
}

/** A result whose bytes are not freed when they are sent: there are several who send them. */
export function lasting(result: McpResult): McpResult {
  if (!(result instanceof RawResult) || !result.passing) return result
  const { bytes, holdsUris, hasMeta, cache } = result
  return new RawResult(bytes, { holdsUris, hasMeta, cache })
}

function read(result: McpResult, value: JsonObject, bytes: number): Answer {
  const { isError, resultType = "complete", ttlMs = result.cache?.ttlMs, cacheScope = result.cache?.cacheScope } = value
  const isCommon = resultType === "complete"
  return {
    isCommon,
    bytes,
    isPublic: cacheScope === "public",
    ...(isCommon && isError !== true && { result }),
    ...(typeof ttlMs === "number" && { ttlMs }),
  }
}
