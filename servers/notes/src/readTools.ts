/** The tools that change nothing: search, list, read. */
import type { ContentBlock, McpServer } from "@modelcontextprotocol/server"
import type { ServerLogger } from "mcp-host"
import * as z from "zod"
import { icons } from "./icons.ts"
import { nameRules, toUri } from "./noteNames.ts"
import type { NoteStore } from "./noteStore.ts"
import { byRank, parseQuery, rankNote, type SearchHit } from "./searchNotes.ts"
import { withToolErrors } from "./toolErrors.ts"

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const _meta = { tags: ["public"] }

const limitSchema = z.int().min(1).max(500)
const totalSchema = z.int().describe("How many there are in all")
const summarySchema = z.object({
  name: z.string().describe("The note's name"),
  title: z.string().describe("Its first heading, or its name"),
  size: z.int().describe("Bytes"),
  modified: z.string().describe("Time of the last change, ISO 8601"),
})

export function registerReadTools(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  registerSearch(server, store, logger)
  registerList(server, store, logger)
  registerRead(server, store, logger)
}

function registerSearch(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  server.registerTool(
    "search",
    {
      title: "Search notes",
      description:
        'Full-text search over names, titles and texts, best match first. Ignores case; "quoted phrases" count as one term. Notes with more of the terms come first.',
      inputSchema: z.strictObject({
        query: z.string().min(1).max(500).describe('Words or "quoted phrases" to look for'),
        limit: limitSchema.default(10).describe("At most this many notes"),
      }),
      outputSchema: z.object({
        results: z.array(
          z.object({
            name: z.string().describe("The note's name, for read"),
            title: z.string().describe("Its first heading, or its name"),
            snippet: z.string().describe("Text around the first match"),
            line: z.int().describe("Line of the first match, from 1"),
            score: z.number().describe("Rank; higher is better"),
          }),
        ),
        total: totalSchema,
      }),
      annotations,
      icons: icons.search,
      _meta,
    },
    withToolErrors(logger, async ({ query, limit }, request) => {
      const terms = parseQuery(query)
      const hits: SearchHit[] = []
      for await (const note of store.all(request.mcpReq.signal)) {
        const hit = rankNote(note, terms)
        if (hit !== undefined) hits.push(hit)
      }
      const results = hits.sort(byRank).slice(0, limit)
      const lines = results.map((hit) => `${hit.name}:${hit.line} (${hit.title}): ${hit.snippet}`)
      const heading = `${hits.length} ${hits.length === 1 ? "note matches" : "notes match"}.`
      return {
        content: [{ type: "text", text: [heading, ...lines].join("\n") }, ...results.map(toLink)],
        structuredContent: { results, total: hits.length },
      }
    }),
  )
}

function registerList(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  server.registerTool(
    "list",
    {
      title: "List notes",
      description: "Lists notes with title, size and time of the last change.",
      inputSchema: z.strictObject({
        sort: z.enum(["name", "modified"]).default("name").describe("By name, or the latest change first"),
        limit: limitSchema.default(100).describe("At most this many notes"),
      }),
      outputSchema: z.object({ notes: z.array(summarySchema), total: totalSchema }),
      annotations,
      icons: icons.list,
      _meta,
    },
    withToolErrors(logger, async ({ sort, limit }, request) => {
      const all: z.infer<typeof summarySchema>[] = []
      for await (const { name, title, size, modified } of store.all(request.mcpReq.signal))
        all.push({ name, title, size, modified })
      if (sort === "modified") all.sort((a, b) => b.modified.localeCompare(a.modified))
      const notes = all.slice(0, limit)
      const lines = notes.map((note) => `${note.name} (${note.title}), ${note.size} bytes, ${note.modified}`)
      const text = all.length === 0 ? "There are no notes yet." : [`${all.length} notes:`, ...lines].join("\n")
      return { content: [{ type: "text", text }], structuredContent: { notes, total: all.length } }
    }),
  )
}

function registerRead(server: McpServer, store: NoteStore, logger: ServerLogger): void {
  server.registerTool(
    "read",
    {
      title: "Read a note",
      description: "Returns a note's Markdown and its etag. Pass the etag to write as ifMatch to avoid lost updates.",
      inputSchema: z.strictObject({ name: z.string().describe(`The note's name: ${nameRules}`) }),
      outputSchema: summarySchema.extend({
        text: z.string().describe("The Markdown"),
        etag: z.string().describe("Changes when the text does; for ifMatch"),
      }),
      annotations,
      icons: icons.note,
      _meta,
    },
    withToolErrors(logger, async ({ name }) => {
      const note = await store.read(name)
      return {
        content: [
          { type: "text", text: note.text },
          { type: "text", text: `etag: ${note.etag}` },
        ],
        structuredContent: { ...note },
      }
    }),
  )
}

/** URIs travel in links only: a host that renames URIs finds them there, not in structured content. */
export function toLink(note: { readonly name: string; readonly title: string }): ContentBlock {
  return {
    type: "resource_link",
    uri: toUri(note.name),
    name: note.name,
    title: note.title,
    mimeType: "text/markdown",
  }
}
