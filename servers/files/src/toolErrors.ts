/** Tools fail with a result a model can act on, never with a stack trace or a path of the host. */
import type { CallToolResult, ServerContext as RequestContext } from "@modelcontextprotocol/server"
import type { ServerLogger } from "mcp-host"
import { errorCode, FileError } from "./fileError.ts"

type Handler<A> = (args: A, request: RequestContext) => Promise<CallToolResult>

const advice: Readonly<Record<string, string>> = {
  EACCES: "The host may not do that there. Choose another file or ask for permission.",
  EPERM: "The host may not do that there. Choose another file or ask for permission.",
  EEXIST: "Something with that name exists. Choose another name or set overwrite.",
  EISDIR: "That is a folder. Give the path of a file.",
  ENOENT: "It vanished meanwhile. Use list to see what exists.",
  ENOSPC: "The disk is full. Free some space and try again.",
  ENOTDIR: "A part of the path is not a folder. Use list to see what exists.",
  ENOTEMPTY: "The target folder is not empty. Choose another name.",
  EROFS: "The disk is read-only.",
  EXDEV: "The target is on another disk. Read the file and write it there instead.",
}

/** Shows FileErrors as they are; logs everything else and shows a short account of it. */
export function withToolErrors<A>(logger: ServerLogger, handler: Handler<A>): Handler<A> {
  return async (args, request) => {
    try {
      return await handler(args, request)
    } catch (error) {
      if (request.mcpReq.signal.aborted) throw error // Cancelled: the SDK sends no answer.
      return toolError(describeFailure(error, logger))
    }
  }
}

/** What to tell a client about a failure: without paths of the host, which messages of the file system contain. */
export function describeFailure(error: unknown, logger: ServerLogger): string {
  if (error instanceof FileError) return error.message
  const code = errorCode(error)
  const known = code === undefined ? undefined : advice[code]
  if (known !== undefined) return `${known} (${code})`
  logger.error("A request failed", { error: String(error), code })
  return `The files server failed${code === undefined ? "" : ` (${code})`}. Its log has the details.`
}

function toolError(text: string): CallToolResult {
  return { content: [{ type: "text", text }], isError: true }
}
