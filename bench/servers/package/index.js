// The echo server as an in-process package, the usual way: McpServer of SDK version 2 with zod schemas.
import { McpServer } from "@modelcontextprotocol/server"
import { z } from "zod"
import { callTool } from "../callTool.mjs"

export default () => {
  const server = new McpServer({ name: "echo", version: "1.0.0" })
  server.registerTool(
    "echo",
    { inputSchema: z.object({ text: z.string(), progress: z.boolean().optional() }) },
    (args, { mcpReq }) => callTool("echo", args, mcpReq),
  )
  server.registerTool(
    "blob",
    { inputSchema: z.object({ nonce: z.string(), bytes: z.number().int(), progress: z.boolean().optional() }) },
    (args, { mcpReq }) => callTool("blob", args, mcpReq),
  )
  return server
}
