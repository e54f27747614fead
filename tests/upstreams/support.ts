/** Server entries as the manifest would give them, and upstreams made of them. Everything closes with `closeAll`. */
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { vi } from "vitest"
import type { PackageTarget, ServerEntry, Target, TargetEra } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, McpRequest, McpResult } from "../../src/protocol/messages.ts"
import { createMemoryStore } from "../../src/storage/memory.ts"
import type { CatalogueCache } from "../../src/upstreams/catalogueCache.ts"
import { createUpstream } from "../../src/upstreams/createUpstream.ts"
import type { AskClient, Upstream, UpstreamEvent } from "../../src/upstreams/upstream.ts"
import { closers } from "../fixtures/harness.ts"
import { programFile } from "../fixtures/programs.ts"

export { isAlive } from "../fixtures/processes.ts"

export const fixtures = path.resolve(import.meta.dirname, "../fixtures")
/** Longest wait for something that should happen soon. */
export const soon = { timeout: 20_000, interval: 10 } as const

export type EntryOptions = Partial<Omit<ServerEntry, "target">>

export function entryOf(target: Target, options: EntryOptions = {}): ServerEntry {
  const key = options.key ?? "server"
  return {
    key,
    place: { file: "mcp-host.yaml", line: 1, column: 1 },
    placeOf: () => ({ file: "mcp-host.yaml", line: 1, column: 1 }),
    mode: "mount",
    target,
    config: {},
    storage: "default",
    localMode: "direct",
    rules: {
      server: key,
      prefix: key,
      separator: "_",
      nameBudget: 60,
      uris: "path",
      tags: {},
      tools: {},
      prompts: {},
      resources: {},
    },
    middleware: [],
    session: "per-client",
    onDown: "stale",
    required: false,
    timeouts: { startMs: 20_000, listMs: 10_000, callMs: 20_000, totalMs: 60_000 },
    idleTimeoutMs: 600_000,
    start: "eager",
    ...options,
  }
}

export function packageTarget(specifier: string, options: Partial<PackageTarget> = {}): PackageTarget {
  return {
    kind: "package",
    specifier: path.isAbsolute(specifier) ? specifier : path.join(fixtures, "packages", specifier),
    era: "auto",
    env: {},
    inheritEnv: [],
    ...options,
  }
}

export interface StdioOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly era?: TargetEra
}

export function stdioTarget(file: string, { args = [], env = {}, era = "auto" }: StdioOptions = {}): Target {
  const command = process.execPath
  const cwd = path.join(fixtures, "servers")
  return { kind: "stdio", command, args: [programFile(file), ...args], env, cwd, inheritEnv: [], era }
}

export function httpTarget(url: string, options: Partial<Extract<Target, { kind: "http" }>> = {}): Target {
  return { kind: "http", url, transport: "auto", headers: {}, era: "auto", ...options }
}

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>> | undefined
}

export interface TestUpstream {
  readonly upstream: Upstream
  readonly events: UpstreamEvent[]
  readonly log: LogLine[]
  readonly asked: { readonly client: Client; readonly request: McpRequest }[]
}

/** Says yes to everything. */
export const answerOf = ({ method, params }: McpRequest): JsonObject => {
  if (method === "roots/list") return { roots: [{ uri: "file:///root", "x-root": true }] }
  if (method === "sampling/createMessage")
    return { model: "test-model", role: "assistant", content: { type: "text", text: "hello" } }
  return { action: "accept", content: { answer: `re: ${String(params["message"])}` } }
}

export function create(
  entry: ServerEntry,
  { directory = fixtures, ask, cache }: { directory?: string; ask?: AskClient; cache?: CatalogueCache } = {},
): TestUpstream {
  const log: LogLine[] = []
  const write =
    (level: string) =>
    (message: string, facts?: Readonly<Record<string, unknown>>): void =>
      void log.push({ level, message, facts })
  const asked: { client: Client; request: McpRequest }[] = []
  const upstream = createUpstream(entry, {
    directory,
    clientInfo: { name: "mcp-host", version: "1.0.0" },
    logger: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    storage: createMemoryStore(),
    cache,
    ask: async (asker, request, signal): Promise<McpResult> => {
      asked.push({ client: asker.client, request })
      return ask === undefined ? { value: answerOf(request) } : ask(asker, request, signal)
    },
  })
  const events: UpstreamEvent[] = []
  upstream.on((event) => events.push(event))
  closers.push(() => upstream.close())
  return { upstream, events, log, asked }
}

export async function ready(upstream: Upstream, client?: Client): Promise<void> {
  upstream.start(client)
  await vi.waitFor(() => {
    if (upstream.state.state !== "ready") throw new Error(`it is ${upstream.state.state}: ${upstream.state.reason}`)
  }, soon)
}

export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "mcp-host-upstreams-")))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}
