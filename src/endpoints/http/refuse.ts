/** Answers an HTTP request that never became an MCP request, or may not. */
import { type ServerResponse, STATUS_CODES } from "node:http"
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
  const body = Buffer.from(bodyOf(error, id), "utf8")
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body)
}

/** The same as the text of a whole answer, the last of its connection, where there is no request to answer. */
export function refusalText(status: number, error: ProtocolError, headers: readonly string[] = []): string {
  const body = bodyOf(error, null)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    ...headers,
  ]
  return `${head.join("\r\n")}\r\n\r\n${body}`
}

function bodyOf(error: ProtocolError, id: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: toErrorObject(error) })
}
