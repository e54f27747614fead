/** Answers an HTTP request that never became an MCP request, or may not. */
import type { ServerResponse } from "node:http"
import { ProtocolError, rpcCodes, toErrorObject } from "../../protocol/errors.ts"

/** `problem` as text is an invalid request; `id` is the request's when it could be read. */
export function refuse(
  response: ServerResponse,
  status: number,
  problem: string | ProtocolError,
  id: unknown = null,
): void {
  if (response.headersSent) return
  const error = typeof problem === "string" ? new ProtocolError(rpcCodes.invalidRequest, problem) : problem
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, error: toErrorObject(error) }), "utf8")
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body)
}
