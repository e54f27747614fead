/** Tools that change the lists of tools and prompts, and the tool that shows it. */
import type { McpServer } from "@modelcontextprotocol/server"
import { z } from "zod"
import { type ChangedList, type Changes, follow } from "./changes.ts"
import { textResult } from "./contentTools.ts"

const triggers: readonly (readonly [string, ChangedList])[] = [
  ["test_trigger_tool_change", "tools"],
  ["test_trigger_prompt_change", "prompts"],
]

export function registerListTools(server: McpServer, changes: Changes): void {
  for (const [name, list] of triggers) {
    server.registerTool(name, { description: `Changes the list of ${list}`, inputSchema: z.object({}) }, async () => {
      changes.bump(list)
      return textResult(`The list of ${list} has changed ${changes.count(list)} times.`)
    })
  }
  const describe = (): string => `Is different after each change of the list (${changes.count("tools")})`
  const changing = server.registerTool("test_changing_tool", { description: describe() }, async () =>
    textResult(describe()),
  )
  // The SDK sends `notifications/tools/list_changed` on this server's connection.
  follow(server, changes, { list: "tools", changed: () => changing.update({ description: describe() }) })
}
