/** The tools that change notes: write, append, delete. */
import type { CallToolResult, McpServer } from "@modelcontextprotocol/server"
import type { ServerLogger } from "mcp-host"
import * as z from "zod"
import { icons } from "./icons.ts"
import { nameRules, parseNoteName } from "./noteNames.ts"
import type { Note, NoteStore } from "./noteStore.ts"
import { toLink } from "./readTools.ts"
import { withToolErrors } from "./toolErrors.ts"

const _meta = { tags: ["write"] }
const nameSchema = z.string().describe(`The note's name: ${nameRules}`)
const ifMatchSchema = z
  .string()
  .optional()
  .describe("The etag from your last read; the call fails if the note has changed since")
const savedSchema = z.object({
  name: z.string().describe("The note's name"),
  created: z.boolean().describe("True when the note is new"),
  size: z.int().describe("Bytes now"),
  modified: z.string().describe("Time of this change, ISO 8601"),
  etag: z.string().describe("The new etag, for ifMatch"),
})

export function registerWriteTools(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  registerWrite(server, store, logger)
  registerAppend(server, store, logger)
  registerDelete(server, store, logger)
}

function registerWrite(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  server.registerTool(
    "write",
    {
      title: "Write a note",
      description:
        "Creates a note or replaces its whole text. To change an existing note, read it first and pass its etag as ifMatch.",
      inputSchema: z.strictObject({
        name: nameSchema,
        text: z.string().describe("The whole Markdown; start with a # heading, it becomes the title"),
        ifMatch: ifMatchSchema,
      }),
      outputSchema: savedSchema,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      icons: icons.write,
      _meta,
    },
    withToolErrors(logger, async ({ name, text, ifMatch }, request) =>
      savedResult(await store.write(name, text, { ifMatch, signal: request.mcpReq.signal })),
    ),
  )
}

function registerAppend(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  server.registerTool(
    "append",
    {
      title: "Append to a note",
      description: "Adds text on a new line at the end of a note; creates the note when there is none.",
      inputSchema: z.strictObject({
        name: nameSchema,
        text: z.string().min(1).describe("The Markdown to add"),
        ifMatch: ifMatchSchema,
      }),
      outputSchema: savedSchema,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
      icons: icons.append,
      _meta,
    },
    withToolErrors(logger, async ({ name, text, ifMatch }, request) =>
      savedResult(await store.append(name, text, { ifMatch, signal: request.mcpReq.signal })),
    ),
  )
}

function registerDelete(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  server.registerTool(
    "delete",
    {
      title: "Delete a note",
      description: "Deletes a note for good. There is no undo.",
      inputSchema: z.strictObject({ name: nameSchema, ifMatch: ifMatchSchema }),
      outputSchema: z.object({ name: z.string().describe("The deleted note"), deleted: z.literal(true) }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      icons: icons.delete,
      _meta,
    },
    withToolErrors(logger, async ({ name: given, ifMatch }, request) => {
      const name = parseNoteName(given)
      await store.delete(name, { ifMatch, signal: request.mcpReq.signal })
      return {
        content: [{ type: "text", text: `Deleted the note "${name}".` }],
        structuredContent: { name, deleted: true },
      }
    }),
  )
}

function savedResult({ note, created }: { note: Note; created: boolean }): CallToolResult {
  const { name, size, modified, etag } = note
  const text = `${created ? "Created" : "Updated"} the note "${name}" (${size} bytes, etag ${etag}).`
  return {
    content: [{ type: "text", text }, toLink(note)],
    structuredContent: { name, created, size, modified, etag },
  }
}
