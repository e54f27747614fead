/** Every note as a resource `notes://<name>`, with completion, subscriptions and change notifications. */
import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from "@modelcontextprotocol/server"
import type { ServerContext } from "mcp-host"
import type { NoteChange } from "./folderState.ts"
import { icons } from "./icons.ts"
import { NoteError } from "./noteError.ts"
import { fromUri, toUri } from "./noteNames.ts"
import type { Note, NoteStore } from "./noteStore.ts"

const mimeType = "text/markdown"
const firstModernRevision = "2026-07-28"

export function registerResources(server: McpServer, store: NoteStore, context: ServerContext): void {
  const template = new ResourceTemplate("notes://{name}", {
    list: async (request) => {
      const resources = []
      for await (const note of store.all(request.mcpReq.signal)) resources.push(toResource(note))
      return { resources }
    },
    complete: { name: (value) => completeNames(store, value) },
  })
  server.registerResource(
    "note",
    template,
    { title: "Note", description: "One note, as Markdown", mimeType, icons: icons.note, _meta: { tags: ["public"] } },
    async (uri) => {
      const note = await readByUri(store, uri.href)
      return { contents: [{ uri: uri.href, mimeType, text: note.text }] }
    },
  )
  serveSubscriptions(server, store, context)
}

/** Names that start with the value come before names that contain it. */
export async function completeNames(store: NoteStore, value: string): Promise<string[]> {
  const part = value.toLowerCase()
  const names = (await store.names()).filter((name) => name.toLowerCase().includes(part))
  const starts = (name: string): boolean => name.toLowerCase().startsWith(part)
  return [...names.filter(starts), ...names.filter((name) => !starts(name))]
}

function serveSubscriptions(server: McpServer, store: NoteStore, context: ServerContext): void {
  /** Name of each subscribed note, with the URI as the client wrote it. */
  const subscribed = new Map<string, string>()
  server.server.setRequestHandler("resources/subscribe", async ({ params }) => {
    const { name } = await readByUri(store, params.uri)
    subscribed.set(name, params.uri)
    return {}
  })
  server.server.setRequestHandler("resources/unsubscribe", async ({ params }) => {
    subscribed.delete(fromUri(params.uri) ?? "")
    return {}
  })
  const send = async ({ kind, name }: NoteChange): Promise<void> => {
    if (!server.isConnected()) return
    if (kind !== "updated") await server.server.sendResourceListChanged()
    // Revision 2026-07-28 has no resources/subscribe: there the SDK picks the listeners, so it is told of every change.
    const isModern = (server.server.getNegotiatedProtocolVersion() ?? "") >= firstModernRevision
    const uri = subscribed.get(name) ?? (isModern ? toUri(name) : undefined)
    if (uri !== undefined) await server.server.sendResourceUpdated({ uri })
  }
  const stop = store.onChange((change) => {
    // Not awaited: a client that cannot be reached must not hold up the one that made the change.
    void send(change).catch((error: unknown) => {
      context.logger.debug("A change could not be announced", { error: String(error) })
    })
  })
  context.onClose(stop)
}

async function readByUri(store: NoteStore, uri: string): Promise<Note> {
  const name = fromUri(uri)
  if (name === undefined) throw new ResourceNotFoundError(uri)
  try {
    return await store.read(name)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    if (error.isMissing) throw new ResourceNotFoundError(uri)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message, { uri })
  }
}

function toResource({ name, title, size, modified }: Note) {
  return { uri: toUri(name), name, title, mimeType, size, annotations: { lastModified: modified } }
}
