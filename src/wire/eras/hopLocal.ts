/** Errors that speak of the hop between host and upstream: they mean nothing to the client. */
import { ProtocolError, rpcCodes, upstreamError } from "../../protocol/errors.ts"
import { isJsonObject, type JsonObject, objectAt } from "../../protocol/json.ts"

/** True for the refusal of a request whose headers do not mirror it as the upstream's schema says. */
export function isHeaderMismatch(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === rpcCodes.headerMismatch
}

/** An upstream's error as its client may see it; `able` is what the client declared, `declared` what the host did for it. */
export function withoutHopErrors(error: unknown, able: JsonObject, declared: JsonObject): unknown {
  if (!(error instanceof ProtocolError)) return error
  const { code, message, data } = error
  const isLocal =
    code === rpcCodes.headerMismatch ||
    code === rpcCodes.unsupportedProtocolVersion ||
    (code === rpcCodes.missingClientCapability && isWithheld(data, able, declared))
  if (!isLocal) return error
  const reason = `refused the request: ${message}`
  return upstreamError("UPSTREAM_PROTOCOL", { reason, sent: "no", retryable: false })
}

/** True when the client declared all that is missing, and the host did not pass it on. */
function isWithheld(data: unknown, able: JsonObject, declared: JsonObject): boolean {
  const required = isJsonObject(data) ? objectAt(data, "requiredCapabilities") : undefined
  return required !== undefined && covers(able, required) && !covers(declared, required)
}

function covers(capabilities: JsonObject, required: JsonObject): boolean {
  return Object.entries(required).every(([name, wanted]) => {
    const has = Object.hasOwn(capabilities, name) ? capabilities[name] : undefined
    return has !== undefined && (!isJsonObject(wanted) || (isJsonObject(has) && covers(has, wanted)))
  })
}
