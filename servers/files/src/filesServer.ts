/** What the tools and resources of one server share. */
import type { McpServer } from "@modelcontextprotocol/server"
import type { ServerLogger } from "mcp-host"
import type { FilesConfig } from "./config.ts"
import type { Location, Root } from "./roots.ts"

export interface FilesServer {
  readonly server: McpServer
  readonly roots: readonly Root[]
  readonly config: FilesConfig
  readonly logger: ServerLogger
  /** Called after a tool has changed what is at these places. */
  readonly onChanged: (...locations: readonly Location[]) => void
}
