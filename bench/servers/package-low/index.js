// The echo server as an in-process package on the low-level Server of SDK version 2.
import { Server } from "@modelcontextprotocol/server"
import { createAnswers } from "../answers.mjs"
import { callTool } from "../callTool.mjs"

const answer = createAnswers()

export default () => {
  const server = new Server({ name: "echo", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler("tools/list", () => answer({ method: "tools/list" }).result)
  server.setRequestHandler("tools/call", ({ params }, { mcpReq }) =>
    callTool(params.name, params.arguments ?? {}, mcpReq),
  )
  return server
}
