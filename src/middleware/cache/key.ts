/** What an answer is kept under: everything that it may depend on. */
import { createHash } from "node:crypto"
import { canonicalJson, type JsonObject, objectAt } from "../../protocol/json.ts"
import type { Client, Context, Handler, McpRequest } from "../../protocol/messages.ts"

export interface Keys {
  /** For everybody who sees the same. */
  readonly shared: string
  /** For this principal alone. */
  readonly own: string
}

/** Members of `_meta` that belong to one request and change no answer: its progress, and its place in a trace. */
const passing: ReadonlySet<string> = new Set(["progressToken", "traceparent", "tracestate", "baggage"])

const faces = new WeakMap<Handler, number>()
const looks = new WeakMap<Client, string>()
let lastFace = 0

/**
 * `next` is what answers: another for every profile and for every graph, so that nobody gets from here what is hidden
 * from them there.
 */
export function keysOf({ method, params }: McpRequest, { client, principal }: Context, next: Handler): Keys {
  // JSON has no line breaks, so the parts cannot run into each other.
  const shared = `${faceOf(next)} ${lookOf(client)} ${method} ${canonicalJson(lastingParams(params))}`
  return { shared, own: `${shared}\n${principal.id}` }
}

function faceOf(next: Handler): number {
  const known = faces.get(next)
  if (known !== undefined) return known
  lastFace += 1
  faces.set(next, lastFace)
  return lastFace
}

/** What servers show and answer may depend on the generation and the capabilities of who asks. */
function lookOf(client: Client): string {
  const known = looks.get(client)
  if (known !== undefined) return known
  // Hashed, because clients may declare at length; with a hash that nobody finds another text for.
  const text = `${client.era} ${canonicalJson(client.capabilities)}`
  const look = createHash("sha256").update(text).digest("base64url")
  looks.set(client, look)
  return look
}

function lastingParams(params: JsonObject): JsonObject {
  const meta = objectAt(params, "_meta")
  if (meta === undefined) return params
  const { _meta: _, ...others } = params
  const kept = Object.entries(meta).filter(([name]) => !passing.has(name))
  return kept.length === 0 ? others : { ...others, _meta: Object.fromEntries(kept) }
}
