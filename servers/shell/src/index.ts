/**
 * An MCP server that runs the commands its manifest allows, and nothing else. Each allowed command is a tool of its own,
 * whose input schema is made from the patterns of its arguments.
 */
import { readFileSync } from "node:fs"
import { type CallToolResult, McpServer } from "@modelcontextprotocol/server"
import type { ServerContext } from "mcp-host"
import * as z from "zod"
import { placeholders, toArgv, toInputSchema } from "./arguments.ts"
import { type CommandSpec, LIST_TOOL, parseConfig } from "./config.ts"
import { resultSchema, toCancelled, toFailure, toToolResult } from "./result.ts"
import { runCommand } from "./runCommand.ts"

export default function createShellServer(context: ServerContext): McpServer {
  const commands = parseConfig(context.config, context.directory)
  const server = new McpServer(
    { name: "shell", title: "Shell", version: packageVersion(), icons: [ICON] },
    { instructions: `Runs only the commands its owner allows, each a tool of its own. ${LIST_TOOL} names them.` },
  )
  const running = createRunning(context)
  registerList(server, commands)
  for (const command of commands) registerCommand(server, command, { context, running })
  return server
}

const ICON = {
  src: `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 4l4 4-4 4M9 12h4" fill="none" stroke="#475569" stroke-width="2"/></svg>')}`,
  mimeType: "image/svg+xml",
  sizes: ["any"],
}
/** Longer lines are cut in progress messages only. */
const MAX_PROGRESS_LENGTH = 500

interface Deps {
  readonly context: ServerContext
  readonly running: Running
}

function registerCommand(server: McpServer, command: CommandSpec, { context, running }: Deps): void {
  server.registerTool(
    command.name,
    {
      title: command.title ?? command.name,
      description: command.description,
      inputSchema: toInputSchema(command),
      outputSchema: resultSchema,
      annotations: {
        readOnlyHint: command.readOnly,
        destructiveHint: !command.readOnly,
        idempotentHint: command.readOnly,
        openWorldHint: true,
      },
      icons: [ICON],
      _meta: { tags: ["shell", ...command.tags] },
    },
    async (values, request): Promise<CallToolResult> => {
      const progress = createProgress(request.mcpReq)
      const line = { ...command, argv: toArgv(command, values), env: { ...context.env, ...command.env } }
      const signal = AbortSignal.any([request.mcpReq.signal, running.closing])
      try {
        const result = await running.track(runCommand(line, { signal, onLine: progress?.tell }))
        await progress?.sent()
        return toToolResult(command, result)
      } catch (error) {
        return signal.aborted ? toCancelled(command) : toFailure(command, error)
      }
    },
  )
}

function registerList(server: McpServer, commands: readonly CommandSpec[]): void {
  const allowed = commands.map((command) => ({
    name: command.name,
    description: command.description,
    commandLine: [command.run, ...command.args.map((part) => (typeof part === "string" ? part : `{${part.name}}`))],
    arguments: placeholders(command).map(({ name, description, pattern, optional, default: preset }) => ({
      name,
      description,
      pattern,
      required: !optional && preset === undefined,
    })),
    timeoutMs: command.timeoutMs,
    maxOutputBytes: command.maxOutputBytes,
  }))
  server.registerTool(
    LIST_TOOL,
    {
      title: "List commands",
      description: "Lists the commands that may be run here, with their arguments and limits.",
      inputSchema: z.object({}),
      outputSchema: z.object({ commands: z.array(listedSchema) }),
      annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
      icons: [ICON],
      _meta: { tags: ["shell", "public"] },
    },
    async () => ({
      content: [{ type: "text", text: JSON.stringify({ commands: allowed }) }],
      structuredContent: { commands: allowed },
    }),
  )
}

const listedSchema = z.object({
  name: z.string().describe("The tool to call"),
  description: z.string(),
  commandLine: z.array(z.string()).describe("Program and arguments, placeholders in braces"),
  arguments: z.array(
    z.object({ name: z.string(), description: z.string(), pattern: z.string(), required: z.boolean() }),
  ),
  timeoutMs: z.number(),
  maxOutputBytes: z.number(),
})

interface ProgressRequest {
  readonly _meta?: { readonly progressToken?: string | number | undefined } | undefined
  readonly notify: (notification: { method: string; params: Record<string, unknown> }) => Promise<void>
}

/** One progress notification per line, in order; undefined when the client did not ask for progress. */
function createProgress(request: ProgressRequest) {
  const progressToken = request._meta?.progressToken
  if (progressToken === undefined) return undefined
  let count = 0
  let last = Promise.resolve()
  const tell = (line: string): void => {
    count += 1
    const params = { progressToken, progress: count, message: line.slice(0, MAX_PROGRESS_LENGTH) }
    // A client that is gone must not fail the command; the result has the output anyway.
    last = last.then(() => request.notify({ method: "notifications/progress", params })).catch(() => {})
  }
  return { tell, sent: () => last }
}

interface Running {
  readonly closing: AbortSignal
  track<T>(run: Promise<T>): Promise<T>
}

/** Everything that runs is killed, and waited for, when the host closes the server. */
function createRunning(context: ServerContext): Running {
  const runs = new Set<Promise<unknown>>()
  const closing = new AbortController()
  context.onClose(async () => {
    closing.abort()
    await Promise.allSettled(runs)
  })
  return {
    closing: closing.signal,
    async track(run) {
      runs.add(run)
      try {
        return await run
      } finally {
        runs.delete(run)
      }
    },
  }
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  return z.object({ version: z.string() }).parse(manifest).version
}
