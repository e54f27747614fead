/** Tools that send something before their result: log lines, progress, or, where the suite looks for it, nothing. */
import { setTimeout as delay } from "node:timers/promises"
import type { McpServer } from "@modelcontextprotocol/server"
import { z } from "zod"
import { textResult } from "./contentTools.ts"

const none = z.object({})
const pauseMs = 50

export function registerStreamTools(server: McpServer): void {
  server.registerTool(
    "test_tool_with_logging",
    { description: "Writes three log lines", inputSchema: none },
    async (_args, { mcpReq }) => {
      await mcpReq.log("info", "Tool execution started")
      await delay(pauseMs)
      await mcpReq.log("info", "Tool processing data")
      await delay(pauseMs)
      await mcpReq.log("info", "Tool execution completed")
      return textResult("Wrote three log lines.")
    },
  )
  server.registerTool(
    "test_logging_tool",
    { description: "Writes one log line", inputSchema: none },
    async (_args, { mcpReq }) => {
      await mcpReq.log("info", "Only for who set a log level")
      return textResult("Wrote one log line.")
    },
  )
  server.registerTool(
    "test_tool_with_progress",
    { description: "Reports progress three times to who asks for it", inputSchema: none },
    async (_args, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken
      for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
        await mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress, total: 100, message: `${progress} of 100` },
        })
        await delay(pauseMs)
      }
      return textResult(String(progressToken))
    },
  )
  server.registerTool(
    "test_streaming_elicitation",
    { description: "Sends no request of its own along its call", inputSchema: none },
    async () => textResult("Only a result."),
  )
}
