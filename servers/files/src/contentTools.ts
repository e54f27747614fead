/** The tools that read and change files: read, write, move. */
import type { ContentBlock } from "@modelcontextprotocol/server"
import * as z from "zod"
import { move, writeFileAt } from "./changeFiles.ts"
import { openChecked } from "./containment.ts"
import { FileError } from "./fileError.ts"
import type { FilesServer } from "./filesServer.ts"
import { toUri } from "./fileUris.ts"
import { icons } from "./icons.ts"
import { mimeTypeOf } from "./mimeTypes.ts"
import { type Content, readContent } from "./readContent.ts"
import { type Location, locate } from "./roots.ts"
import { withToolErrors } from "./toolErrors.ts"

const filePathSchema = z.string().describe("File, such as root/folder/file.txt")
const createParentsSchema = z.boolean().default(false).describe("Create missing folders of the path")

export function registerContentTools(files: FilesServer): void {
  registerRead(files)
  if (files.config.readOnly) return
  registerWrite(files)
  registerMove(files)
}

function registerRead({ server, roots, config, logger }: FilesServer): void {
  server.registerTool(
    "read",
    {
      title: "Read a file",
      description: `Returns a file or a part of it: text as it is, anything else as base64; at most ${config.maxReadBytes} bytes per call. When nextOffset is given, call again with it as offset.`,
      inputSchema: z.strictObject({
        path: filePathSchema,
        unit: z.enum(["lines", "bytes"]).optional().describe("Unit of offset and limit; lines for text by default"),
        offset: z.int().min(0).default(0).describe("Lines or bytes to skip"),
        limit: z.int().min(1).optional().describe("At most this many lines or bytes"),
        encoding: z.enum(["auto", "base64"]).default("auto").describe("base64: even for text"),
      }),
      outputSchema: z.object({
        path: z.string().describe("The file"),
        content: z.string().describe("Text or base64"),
        encoding: z.enum(["utf-8", "base64"]).describe("What content is"),
        unit: z.enum(["lines", "bytes"]).describe("Unit of the offsets"),
        offset: z.int().describe("Where content begins"),
        nextOffset: z.int().optional().describe("Where the next part begins; absent at the end"),
        size: z.int().describe("Bytes of the whole file"),
        mimeType: z.string().optional().describe("By the file's extension"),
      }),
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      icons: icons.file,
      _meta: { tags: ["public"] },
    },
    withToolErrors(logger, async ({ path, encoding, offset, ...part }, request) => {
      const location = locate(roots, path)
      const { handle, stats } = await openChecked(location)
      try {
        if (!stats.isFile()) throw new FileError(`"${location.path}" is not a file. Use list for a folder.`)
        const asBase64 = encoding === "base64"
        const limits = { maxBytes: config.maxReadBytes, signal: request.mcpReq.signal }
        const content = await readContent(handle, stats.size, { ...part, ...limits, asBase64, offset })
        const mimeType = mimeTypeOf(location.segments.at(-1) ?? "")
        const known = mimeType === undefined ? {} : { mimeType }
        return {
          content: toBlocks(location, content, { mimeType, isWhole: offset === 0 && content.nextOffset === undefined }),
          structuredContent: { path: location.path, ...content, offset, size: stats.size, ...known },
        }
      } finally {
        await handle.close()
      }
    }),
  )
}

function registerWrite({ server, roots, config, logger, onChanged }: FilesServer): void {
  server.registerTool(
    "write",
    {
      title: "Write a file",
      description: `Creates a file or replaces its whole content, in one step; at most ${config.maxWriteBytes} bytes.`,
      inputSchema: z.strictObject({
        path: filePathSchema,
        content: z.string().describe("The whole content: text, or base64 with that encoding"),
        encoding: z.enum(["utf-8", "base64"]).default("utf-8").describe("What content is"),
        overwrite: z.boolean().default(true).describe("False: fail when the file exists"),
        createParents: createParentsSchema,
      }),
      outputSchema: z.object({
        path: z.string().describe("The file"),
        created: z.boolean().describe("True when the file is new"),
        size: z.int().describe("Bytes now"),
        modified: z.string().describe("Time of this change, ISO 8601"),
      }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      icons: icons.write,
      _meta: { tags: ["write"] },
    },
    withToolErrors(logger, async ({ path, content, encoding, ...options }, request) => {
      const location = locate(roots, path)
      const data = encoding === "base64" ? decodeBase64(content) : Buffer.from(content)
      if (data.byteLength > config.maxWriteBytes) {
        throw new FileError(`The content has ${data.byteLength} bytes; the limit is ${config.maxWriteBytes}.`)
      }
      const written = await writeFileAt(location, data, { ...options, signal: request.mcpReq.signal })
      onChanged(location)
      const text = `${written.created ? "Created" : "Replaced"} ${location.path} (${written.size} bytes).`
      return {
        content: [{ type: "text", text }, toLink(location)],
        structuredContent: { path: location.path, ...written },
      }
    }),
  )
}

function registerMove({ server, roots, logger, onChanged }: FilesServer): void {
  server.registerTool(
    "move",
    {
      title: "Move or rename",
      description: "Moves or renames a file or folder within the roots.",
      inputSchema: z.strictObject({
        from: z.string().describe("File or folder to move, such as root/old.txt"),
        to: z.string().describe("Its new path, with its new name, such as root/folder/new.txt"),
        overwrite: z.boolean().default(false).describe("Replace a file at the new path"),
        createParents: createParentsSchema,
      }),
      outputSchema: z.object({
        from: z.string().describe("The old path"),
        to: z.string().describe("The new path"),
        type: z.enum(["file", "directory"]).describe("What was moved"),
      }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
      icons: icons.move,
      _meta: { tags: ["write"] },
    },
    withToolErrors(logger, async ({ from: fromPath, to: toPath, ...options }, request) => {
      const from = locate(roots, fromPath)
      const to = locate(roots, toPath)
      const type = await move(from, to, { ...options, signal: request.mcpReq.signal })
      onChanged(from, to)
      return {
        content: [{ type: "text", text: `Moved ${from.path} to ${to.path}.` }],
        structuredContent: { from: from.path, to: to.path, type },
      }
    }),
  )
}

function toBlocks(
  location: Location,
  { content, encoding, unit, nextOffset }: Content,
  file: { readonly mimeType: string | undefined; readonly isWhole: boolean },
): ContentBlock[] {
  const { mimeType = "application/octet-stream", isWhole } = file
  const next: ContentBlock[] =
    nextOffset === undefined ? [] : [{ type: "text", text: `(more: offset ${nextOffset}, unit ${unit})` }]
  if (encoding === "utf-8") return [{ type: "text", text: content }, ...next]
  if (isWhole && mimeType.startsWith("image/")) return [{ type: "image", data: content, mimeType }]
  if (isWhole && mimeType.startsWith("audio/")) return [{ type: "audio", data: content, mimeType }]
  return [{ type: "resource", resource: { uri: toUri(location), mimeType, blob: content } }, ...next]
}

/** URIs travel in links only: a host that renames URIs finds them there, not in structured content. */
function toLink(location: Location): ContentBlock {
  return { type: "resource_link", uri: toUri(location), name: location.path }
}

function decodeBase64(text: string): Buffer {
  const compact = text.replaceAll(/\s+/g, "")
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.replace(/=+$/, "").length % 4 !== 1) {
    return Buffer.from(compact, "base64")
  }
  throw new FileError('The content is not base64. Encode it, or leave out encoding: "base64" for text.')
}
