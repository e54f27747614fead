/** The gate every message from a client passes: text to JSON, with depth counted before anything is parsed, and members after. */
import { maxDepth, nestsTooDeep } from "../protocol/depth.ts"
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, type JsonValue, repeatsMember } from "../protocol/json.ts"

/** Largest message taken from a client, in bytes. */
export const maxMessageBytes = 4 * 1024 * 1024

/** One message, or several when the text is a JSON-RPC batch. Throws what the client is to be told. */
export function parseMessage(text: string): JsonObject | JsonObject[] {
  if (nestsTooDeep(text)) {
    throw upstreamError("LIMIT_EXCEEDED", {
      reason: `the message nests deeper than ${maxDepth} levels`,
      sent: "no",
      retryable: false,
    })
  }
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw new ProtocolError(rpcCodes.parseError, "Parse error: the message is not valid JSON")
  }
  // Whoever else reads the message, in front of this host or behind it, might take the other one.
  if (repeatsMember(text, value))
    throw new ProtocolError(rpcCodes.invalidRequest, "Invalid request: an object of the message has a member twice")
  const messages = Array.isArray(value) ? value : [value]
  if (messages.length === 0 || !messages.every(isMessage)) {
    throw new ProtocolError(rpcCodes.invalidRequest, "Invalid request: not a JSON-RPC 2.0 message")
  }
  return Array.isArray(value) ? (messages as JsonObject[]) : (messages[0] as JsonObject)
}

function isMessage(value: JsonValue): value is JsonObject {
  if (!isJsonObject(value) || value["jsonrpc"] !== "2.0") return false
  return typeof value["method"] === "string" || "result" in value || "error" in value
}
