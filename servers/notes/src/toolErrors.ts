/** Tools fail with a result a model can act on, never with a stack trace. */
import type { CallToolResult, ServerContext as RequestContext } from "@modelcontextprotocol/server"
import type { ServerLogger } from "mcp-host"
import { errorCode, NoteError } from "./noteError.ts"

type Handler<A> = (args: A, request: RequestContext) => Promise<CallToolResult>

/** Shows NoteErrors as they are; logs everything else and shows a short account of it. */
export function withToolErrors<A>(logger: ServerLogger, handler: Handler<A>): Handler<A> {
  return async (args, request) => {
    try {
      return await handler(args, request)
    } catch (error) {
      if (request.mcpReq.signal.aborted) throw error // Cancelled: the SDK sends no answer.
      if (error instanceof NoteError) return toolError(error.message)
      const code = errorCode(error)
      logger.error("A tool failed", { error: String(error), code })
      if (code === undefined) return toolError("The notes server failed. Its log has the details; try again later.")
      return toolError(`The disk refused the operation (${code}). Check the notes folder's permissions and free space.`)
    }
  }
}

function toolError(text: string): CallToolResult {
  return { content: [{ type: "text", text }], isError: true }
}
