/**
 * Files of a few configured folders, and of nothing else: tools, resources and subscriptions.
 *
 * The host calls the default export with a context and serves the `McpServer` it returns, once or once per client.
 * All paths of clients go through `roots.ts` (the text) and `containment.ts` (the disk).
 */
import { McpServer } from "@modelcontextprotocol/server"
import type { ServerContext } from "mcp-host"
import { parseConfig } from "./config.ts"
import { registerContentTools } from "./contentTools.ts"
import type { FilesServer } from "./filesServer.ts"
import { toUri } from "./fileUris.ts"
import { icons } from "./icons.ts"
import { registerListTools } from "./listTools.ts"
import { registerResources } from "./resources.ts"
import { openRoots, type Root } from "./roots.ts"
import { announceModern, serveSubscriptions } from "./subscriptions.ts"

export default async function createFilesServer(context: ServerContext): Promise<McpServer> {
  const config = parseConfig(context.config)
  const roots = await openRoots(config.roots, context.directory)
  const { logger } = context
  const server = new McpServer(
    { name: "files", title: "Files", version: "0.1.0", icons: icons.folder },
    {
      instructions: toInstructions(roots, config.readOnly),
      capabilities: { resources: { subscribe: config.watch, listChanged: config.watch } },
    },
  )
  const onError = (error: unknown): void => logger.debug("A change could not be announced", { error: String(error) })
  const files: FilesServer = {
    server,
    roots,
    config,
    logger,
    onChanged: (...locations) => announceModern(server, locations.map(toUri), onError),
  }
  registerListTools(files)
  registerContentTools(files)
  registerResources(files)
  if (config.watch) context.onClose(await serveSubscriptions(files))
  logger.debug("Files opened", { roots: roots.map((root) => root.name) })
  return server
}

function toInstructions(roots: readonly Root[], readOnly: boolean): string {
  return [
    `Files of these folders: ${roots.map((root) => root.name).join(", ")}. A path begins with one of these names, such as ${roots[0]?.name}/notes.txt.`,
    "Use list to look around and search to find files by name or content.",
    readOnly ? "Nothing can be changed." : "write replaces whole files: read first, then write.",
    "Each file is also a resource, files://<root>/<path>.",
  ].join(" ")
}
