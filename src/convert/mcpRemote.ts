/** Recognises `npx mcp-remote URL …`, the bridge that stdio-only clients need, so that it becomes a mount of the URL itself. */

export interface RemoteWrapper {
  readonly url: string
  readonly transport: "auto" | "http" | "sse"
  /** As given, references to the wrapper's own environment included. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** Globs over tool names. */
  readonly ignoredTools: readonly string[]
  /** Arguments without a counterpart. */
  readonly lost: readonly string[]
}

const packageName = /^mcp-remote(@[\w.^~-]+)?$/
const runners = new Set(["npx", "bunx", "pnpx", "pnpm", "yarn", "bun", "cmd"])
/** Flags of the wrapper that take a value and mean nothing to a URL. */
const lostWithValue = new Set([
  "--host",
  "--callback-path",
  "--resource",
  "--static-oauth-client-metadata",
  "--static-oauth-client-info",
  "--auth-timeout",
])
/** Flags that change nothing here. */
const quiet = new Set(["--allow-http", "--silent", "--debug"])

export function readRemoteWrapper(command: string, args: readonly string[]): RemoteWrapper | undefined {
  const program = (command.split(/[\\/]/).at(-1) ?? "").replace(/\.(cmd|exe)$/i, "")
  const at = args.findIndex((arg) => packageName.test(arg))
  if (packageName.test(program)) return readArgs(args)
  return runners.has(program) && at !== -1 ? readArgs(args.slice(at + 1)) : undefined
}

function readArgs(args: readonly string[]): RemoteWrapper | undefined {
  let url: string | undefined
  let transport: RemoteWrapper["transport"] = "auto"
  const headers: [string, string][] = []
  const ignoredTools: string[] = []
  const lost: string[] = []
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? ""
    const next = args[index + 1] ?? ""
    if (arg === "--header") {
      const [, name, value = ""] = /^\s*([^:\s]+)\s*:\s*(.*)$/s.exec(next) ?? []
      if (name === undefined) lost.push(arg)
      else headers.push([name, value])
      index += 1
    } else if (arg === "--transport") {
      transport = next === "sse-only" ? "sse" : next === "http-only" ? "http" : "auto"
      index += 1
    } else if (arg === "--ignore-tool") {
      ignoredTools.push(next)
      index += 1
    } else if (lostWithValue.has(arg)) {
      lost.push(arg)
      index += 1
    } else if (url === undefined && !arg.startsWith("-")) url = arg
    else if (!quiet.has(arg)) lost.push(arg.startsWith("-") ? arg : "the callback port")
  }
  return url === undefined ? undefined : { url, transport, headers, ignoredTools, lost }
}
