/**
 * The server that the conformance suite's server scenarios ask for, on the SDK's second version. One definition serves
 * both generations: a tool that has to ask returns `inputRequired(…)`, which is an `input_required` result to a modern
 * client and, through the SDK, a request to a legacy one.
 *
 * Called by `serveHttp.ts` and `main.ts`, once per session or per request.
 */
import { McpServer, type McpServerOptions } from "@modelcontextprotocol/server"
import type { Changes } from "./changes.ts"
import { registerContentTools } from "./contentTools.ts"
import { registerListTools } from "./listTools.ts"
import { registerMultiRoundTools } from "./multiRoundTools.ts"
import { registerPrompts } from "./prompts.ts"
import { registerQuestionTools } from "./questionTools.ts"
import { registerResources } from "./resources.ts"
import { stateCodec } from "./stateCodec.ts"
import { registerStreamTools } from "./streamTools.ts"

const options: McpServerOptions = {
  capabilities: {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
    completions: {},
    logging: {},
  },
  requestState: { verify: stateCodec.verify },
}

/** `changes` is shared by all servers of a process: what one call changes, every client sees. */
export function createConformanceServer(changes: Changes): McpServer {
  const server = new McpServer({ name: "conformance", version: "1.0.0" }, options)
  registerContentTools(server)
  registerStreamTools(server)
  registerQuestionTools(server)
  registerMultiRoundTools(server)
  registerListTools(server, changes)
  registerResources(server)
  registerPrompts(server, changes)
  return server
}
