/**
 * How requests of the modern generation present themselves, and the one that finds out whether a server speaks it
 * (specification 2026-07-28, server/discover and basic/index, "_meta").
 */
import { ProtocolError, rpcCodes, upstreamError } from "../../protocol/errors.ts"
import { isJsonObject, type JsonObject } from "../../protocol/json.ts"
import type { Client, Context, McpRequest } from "../../protocol/messages.ts"
import { modernHeaders } from "../headers.ts"
import type { Peer } from "../peer.ts"
import type { SessionOptions } from "../session.ts"
import { latestModern, metaKeys, modernVersions } from "./versions.ts"

/** Asks an upstream whether it speaks this generation; rejects with its error when it does not. */
export async function discover(
  peer: Peer,
  options: SessionOptions,
  context: Context,
  timeoutMs: number,
): Promise<JsonObject> {
  const request: McpRequest = { method: "server/discover", params: {} }
  const headers = modernHeaders(request.method, request.params, undefined)
  const meta = envelopeOf(options, context.client)
  const ask = (): Promise<JsonObject> =>
    peer.request(request, context, { idleMs: timeoutMs, totalMs: timeoutMs, headers, meta })
  const result = await ask().catch((error: unknown) => {
    // A server that names a version we speak is asked again (basic/versioning, "Protocol Version Negotiation").
    if (!offersOurs(error)) throw error
    return ask()
  })
  const supported = result["supportedVersions"]
  if (!Array.isArray(supported) || !supported.some((version) => modernVersions.includes(version as string))) {
    const reason = `speaks protocol versions ${JSON.stringify(supported ?? null)}, none of which is ${modernVersions.join(", ")}`
    throw upstreamError("UPSTREAM_PROTOCOL", { reason, sent: "maybe", retryable: false })
  }
  return result
}

function offersOurs(error: unknown): boolean {
  if (!(error instanceof ProtocolError) || error.code !== rpcCodes.unsupportedProtocolVersion) return false
  const supported = isJsonObject(error.data) ? error.data["supported"] : undefined
  return Array.isArray(supported) && supported.includes(latestModern)
}

/** The envelope of requests for a client; the host's own have none. */
export function envelopeOf({ clientInfo, capabilitiesFor }: SessionOptions, client: Client): JsonObject {
  return {
    [metaKeys.protocolVersion]: latestModern,
    [metaKeys.clientInfo]: clientInfo,
    [metaKeys.clientCapabilities]: capabilitiesFor("modern", client.key === "" ? undefined : client),
  }
}
