/**
 * Markdown notes in a folder: tools, resources and a prompt over one store.
 *
 * The host calls the default export with a context and serves the `McpServer` it returns. It may do so several times
 * (once per client): servers over the same folder share turns and news through `folderState.ts`.
 */
import path from "node:path"
import { McpServer } from "@modelcontextprotocol/server"
import type { ServerContext } from "mcp-host"
import { parseConfig } from "./config.ts"
import { icons } from "./icons.ts"
import { openNoteStore } from "./noteStore.ts"
import { registerPrompts } from "./prompts.ts"
import { registerReadTools } from "./readTools.ts"
import { registerResources } from "./resources.ts"
import { registerWriteTools } from "./writeTools.ts"

const instructions = [
  "Markdown notes kept on disk. Use search to find notes by content and list for an overview.",
  "To change a note: read it, then write the whole new text with the etag as ifMatch. To add to a log or list, append.",
  "Each note is also a resource, notes://<name>.",
].join(" ")

export default async function createNotesServer(context: ServerContext): Promise<McpServer> {
  const config = parseConfig(context.config)
  const store = await openNoteStore(path.resolve(context.directory, config.dir), config.maxBytes)
  const server = new McpServer(
    { name: "notes", title: "Notes", version: "0.1.0", icons: icons.note },
    { instructions, capabilities: { resources: { subscribe: true, listChanged: true } } },
  )
  registerReadTools(server, store, context.logger)
  registerWriteTools(server, store, context.logger)
  registerResources(server, store, context)
  registerPrompts(server, store)
  context.logger.debug("Notes opened", { dir: config.dir })
  return server
}
