/** Tells clients about changes: `resources/updated` for subscribed files, `list_changed` for the top-level files. */
import path from "node:path"
import type { McpServer } from "@modelcontextprotocol/server"
import { openChecked, toRealPath } from "./containment.ts"
import { FileError } from "./fileError.ts"
import type { FilesServer } from "./filesServer.ts"
import { fromUri, toUri } from "./fileUris.ts"
import { topLevelFiles, withProtocolErrors } from "./resources.ts"
import { createFileWatch, type FileWatch } from "./watchFiles.ts"

const maxSubscriptions = 1000
const firstModernRevision = "2026-07-28"

/** Returns the function that ends all watching. */
export async function serveSubscriptions(files: FilesServer): Promise<() => void> {
  const { server, logger } = files
  const watch = createFileWatch((error) => logger.warn("A folder is no longer watched", { error: String(error) }))
  const subscribed = new Set<string>()
  const subscribe = async (uri: string): Promise<void> => {
    if (subscribed.size >= maxSubscriptions) throw new FileError(`More than ${maxSubscriptions} subscriptions.`)
    const location = fromUri(files.roots, uri)
    const { handle, stats } = await openChecked(location)
    await handle.close()
    if (!stats.isFile()) throw new FileError(`"${location.path}" is not a file.`)
    watch.add(uri, await toRealPath(location), () => notify(files, () => server.server.sendResourceUpdated({ uri })))
    subscribed.add(uri)
  }
  server.server.setRequestHandler("resources/subscribe", async ({ params }) => {
    await withProtocolErrors(files, params.uri, () => subscribe(params.uri))
    return {}
  })
  server.server.setRequestHandler("resources/unsubscribe", async ({ params }) => {
    subscribed.delete(params.uri)
    watch.remove(params.uri)
    return {}
  })
  await watchRoots(files, watch)
  return watch.close
}

/**
 * Revision 2026-07-28 has no resources/subscribe, so a server of it does not know what to watch: it announces what its
 * own tools change, and the SDK picks the listeners.
 */
export function announceModern(server: McpServer, uris: readonly string[], onError: (error: unknown) => void): void {
  const isModern = (server.server.getNegotiatedProtocolVersion() ?? "") >= firstModernRevision
  if (!isModern || !server.isConnected()) return
  for (const uri of uris) {
    void server.server.sendResourceUpdated({ uri }).catch(onError) // Not awaited: the change itself is done.
  }
}

/** One watch per root. A replaced file changes no names, so it is the names that decide. */
async function watchRoots(files: FilesServer, watch: FileWatch): Promise<void> {
  const listing = async (): Promise<string> => {
    const entries = await topLevelFiles(files.roots, files.config.maxResults)
    return entries.map((entry) => toUri(entry.location)).join("\n")
  }
  let known = await listing()
  const check = async (): Promise<void> => {
    const current = await listing()
    if (current === known) return
    known = current
    await files.server.server.sendResourceListChanged()
  }
  for (const root of files.roots) {
    try {
      watch.add(root.name, root.folder + path.sep, () => notify(files, check))
    } catch (error) {
      files.logger.warn("New files of a root will not be announced", { root: root.name, error: String(error) })
    }
  }
}

function notify({ server, logger }: FilesServer, send: () => Promise<void>): void {
  if (!server.isConnected()) return
  // Called by a timer: nobody is there to await it.
  void send().catch((error: unknown) => logger.debug("A change could not be announced", { error: String(error) }))
}
