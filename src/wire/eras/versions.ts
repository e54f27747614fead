/** The two generations of the protocol and the revisions in each. */
import type {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LATEST_PROTOCOL_VERSION,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  SERVER_INFO_META_KEY,
  SUBSCRIPTION_ID_META_KEY,
} from "@modelcontextprotocol/core/internal"
import { type JsonObject, objectAt, stringAt } from "../../protocol/json.ts"

/** Legacy: `initialize` and sessions. Modern: stateless, every request carries its envelope in `_meta`. */
export type Era = "legacy" | "modern"

export const legacyVersions: readonly string[] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"]
export const modernVersions: readonly string[] = ["2026-07-28"]

// The SDK's constants are compared at compile time: loading them would cost every start 100 ms.
export const latestLegacy: typeof LATEST_PROTOCOL_VERSION = "2025-11-25"
export const latestModern = "2026-07-28"

/** Members of `_meta` that belong to a hop (specification 2026-07-28, basic/index, "_meta"). */
export const metaKeys = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  logLevel: "io.modelcontextprotocol/logLevel",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
  serverInfo: "io.modelcontextprotocol/serverInfo",
} as const satisfies {
  protocolVersion: typeof PROTOCOL_VERSION_META_KEY
  clientInfo: typeof CLIENT_INFO_META_KEY
  clientCapabilities: typeof CLIENT_CAPABILITIES_META_KEY
  logLevel: typeof LOG_LEVEL_META_KEY
  subscriptionId: typeof SUBSCRIPTION_ID_META_KEY
  serverInfo: typeof SERVER_INFO_META_KEY
}

const hopOwned: ReadonlySet<string> = new Set(Object.values(metaKeys))

/** Params without the `_meta` members that belong to the hop they came over; everything else verbatim. */
export function withoutEnvelope(params: JsonObject): JsonObject {
  const meta = objectAt(params, "_meta")
  if (meta === undefined) return params
  let owned = 0
  // Counted without a list: every modern request comes by.
  for (const key in meta) if (hopOwned.has(key)) owned += 1
  if (owned === 0) return params
  const { _meta: _, ...rest } = params
  if (Object.keys(meta).length > owned)
    rest["_meta"] = Object.fromEntries(Object.entries(meta).filter(([key]) => !hopOwned.has(key)))
  return rest
}

/** The modern revision a message claims to speak, when it carries the modern envelope. */
export function claimedVersion(params: JsonObject): string | undefined {
  const meta = objectAt(params, "_meta")
  return meta === undefined ? undefined : stringAt(meta, metaKeys.protocolVersion)
}

/** The generations to try on an upstream, in order: the one the manifest names, else the client's own first. */
export function erasToTry(setting: string, clientEra: string | undefined): readonly Era[] {
  if (setting === "legacy" || setting === "modern") return [setting]
  return clientEra === "modern" ? ["modern", "legacy"] : ["legacy", "modern"]
}
