/** The tools that find files: list, info, search. */
import type { ServerContext as RequestContext } from "@modelcontextprotocol/server"
import * as z from "zod"
import { openChecked, statEntry } from "./containment.ts"
import { FileError } from "./fileError.ts"
import type { FilesServer } from "./filesServer.ts"
import { icons } from "./icons.ts"
import { mimeTypeOf } from "./mimeTypes.ts"
import { locate } from "./roots.ts"
import { type FoundFile, searchFiles } from "./searchFiles.ts"
import { withToolErrors } from "./toolErrors.ts"
import { type Entry, walk } from "./walk.ts"

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const _meta = { tags: ["public"] }
const hiddenSchema = z.boolean().default(false).describe("Also names that begin with a dot, and node_modules")
const typeSchema = z.enum(["file", "directory", "symlink", "other"]).describe("Kind of entry")
const entrySchema = z.object({
  path: z.string().describe("Path for the other tools"),
  type: typeSchema,
  size: z.int().describe("Bytes"),
  modified: z.string().describe("Time of the last change, ISO 8601"),
})
const truncatedSchema = z.boolean().describe("True when there may be more; narrow the call down")

export function registerListTools(files: FilesServer): void {
  registerList(files)
  registerInfo(files)
  registerSearch(files)
}

function registerList({ server, roots, config, logger }: FilesServer): void {
  server.registerTool(
    "list",
    {
      title: "List a folder",
      description: "Lists a folder, sorted by name; without a path the roots, which begin every path.",
      inputSchema: z.strictObject({
        path: z.string().optional().describe("Folder, such as root/folder; leave out for the roots"),
        depth: z.int().min(1).max(8).default(1).describe("Levels of folders to go down; 1 is the folder itself"),
        hidden: hiddenSchema,
        limit: z.int().min(1).max(config.maxResults).default(config.maxResults).describe("At most this many entries"),
      }),
      outputSchema: z.object({ entries: z.array(entrySchema), truncated: truncatedSchema }),
      annotations,
      icons: icons.folder,
      _meta,
    },
    withToolErrors(logger, async ({ path: given, depth, hidden, limit }, request) => {
      const found: Entry[] =
        given === undefined
          ? roots.map((root) => ({ location: locate(roots, root.name), name: root.name, type: "directory" }))
          : await firstEntries(walk(locate(roots, given), { depth, hidden, signal: request.mcpReq.signal }), limit + 1)
      const entries = (await Promise.all(found.slice(0, limit).map(describeEntry))).filter(
        (entry) => entry !== undefined,
      )
      const truncated = found.length > limit
      const lines = entries.map((entry) =>
        entry.type === "directory" ? `${entry.path}/` : `${entry.path} (${entry.type}, ${entry.size} bytes)`,
      )
      const text = entries.length === 0 ? "The folder is empty." : lines.join("\n")
      return {
        content: [
          { type: "text", text: truncated ? `${text}\n(more entries; raise limit or go into a folder)` : text },
        ],
        structuredContent: { entries, truncated },
      }
    }),
  )
}

function registerInfo({ server, roots, logger }: FilesServer): void {
  server.registerTool(
    "info",
    {
      title: "Describe a file or folder",
      description: "Type, size, times and MIME type of one file or folder.",
      inputSchema: z.strictObject({ path: z.string().describe("File or folder, such as root/folder/file.txt") }),
      outputSchema: entrySchema.extend({
        created: z.string().describe("Time of creation, ISO 8601"),
        mimeType: z.string().optional().describe("By the file's extension"),
      }),
      annotations,
      icons: icons.info,
      _meta,
    },
    withToolErrors(logger, async ({ path: given }) => {
      const location = locate(roots, given)
      const { handle, stats } = await openChecked(location)
      await handle.close()
      const type = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other"
      const mimeType = type === "file" ? mimeTypeOf(location.segments.at(-1) ?? "") : undefined
      const info = {
        path: location.path,
        type,
        size: stats.size,
        modified: stats.mtime.toISOString(),
        created: stats.birthtime.toISOString(),
        ...(mimeType === undefined ? {} : { mimeType }),
      }
      const lines = Object.entries(info).map(([key, value]) => `${key}: ${value}`)
      return { content: [{ type: "text", text: lines.join("\n") }], structuredContent: info }
    }),
  )
}

function registerSearch({ server, roots, config, logger }: FilesServer): void {
  server.registerTool(
    "search",
    {
      title: "Search files",
      description:
        "Finds files below a folder by name (glob), by a text they contain, or both. Skips binary and very large files when it looks for text. Reports progress and can be cancelled.",
      inputSchema: z.strictObject({
        path: z.string().optional().describe("Folder to search, such as root/folder; leave out for all roots"),
        name: z
          .string()
          .min(1)
          .max(200)
          .optional()
          .describe("Glob such as *.{ts,md}; with a / it matches the path below the folder, such as src/**/*.ts"),
        text: z.string().min(1).max(500).optional().describe("Text that a line must contain, literally"),
        caseSensitive: z.boolean().default(false).describe("Whether case counts, in name and text"),
        hidden: hiddenSchema,
        limit: z.int().min(1).max(config.maxResults).default(config.maxResults).describe("At most this many files"),
      }),
      outputSchema: z.object({
        results: z.array(
          z.object({
            path: z.string().describe("Path for the other tools"),
            type: typeSchema,
            matches: z
              .array(z.object({ line: z.int().describe("Line, from 1"), text: z.string().describe("The line") }))
              .describe("The first matching lines; empty without text"),
          }),
        ),
        scanned: z.int().describe("Entries looked at"),
        truncated: truncatedSchema,
      }),
      annotations,
      icons: icons.search,
      _meta,
    },
    withToolErrors(logger, async ({ path: given, limit, ...query }, request) => {
      if (query.name === undefined && query.text === undefined) throw new FileError("Give name, text or both.")
      const results: FoundFile[] = []
      let scanned = 0
      let truncated = false
      for (const start of given === undefined ? roots.map((root) => root.name) : [given]) {
        const before = scanned
        const found = await searchFiles(locate(roots, start), {
          ...query,
          maxResults: limit - results.length,
          maxFileBytes: config.maxReadBytes,
          signal: request.mcpReq.signal,
          onProgress: (count) => reportProgress(request, before + count),
        })
        results.push(...found.results)
        scanned += found.scanned
        truncated ||= found.truncated
      }
      return {
        content: [{ type: "text", text: describeResults(results, truncated) }],
        structuredContent: { results, scanned, truncated },
      }
    }),
  )
}

async function firstEntries(entries: AsyncIterable<Entry>, limit: number): Promise<Entry[]> {
  const first: Entry[] = []
  for await (const entry of entries) {
    first.push(entry)
    if (first.length === limit) break
  }
  return first
}

/** Undefined when the entry has vanished. Of a link it tells about the link, never about its target. */
async function describeEntry({ location, type }: Entry) {
  const stats = await statEntry(location)
  if (stats === undefined) return undefined
  return { path: location.path, type, size: stats.size, modified: stats.mtime.toISOString() }
}

async function reportProgress(request: RequestContext, scanned: number): Promise<void> {
  const progressToken = request.mcpReq._meta?.progressToken
  if (progressToken === undefined) return
  const params = { progressToken, progress: scanned, message: `Looked at ${scanned} entries` }
  await request.mcpReq.notify({ method: "notifications/progress", params })
}

function describeResults(results: readonly FoundFile[], truncated: boolean): string {
  if (results.length === 0) return "Nothing matches."
  const lines = results.flatMap((file) => [file.path, ...file.matches.map((match) => `  ${match.line}: ${match.text}`)])
  return [...lines, ...(truncated ? ["(there may be more; narrow the search down)"] : [])].join("\n")
}
