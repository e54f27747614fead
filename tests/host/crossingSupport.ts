/** Hosts in front of raw modern servers, and clients of either generation that ask them things. */
import type { Host } from "../../src/host/host.ts"
import type { ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, McpResult } from "../../src/protocol/messages.ts"
import { startHost } from "../endpoints/support.ts"
import { closers } from "../fixtures/harness.ts"
import { type ModernServer, type ModernServerOptions, startModernServer } from "../fixtures/servers/modern.mjs"
import { type EntryOptions, entryOf, httpTarget } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

export const able: JsonObject = { elicitation: { form: {}, url: {} }, roots: {}, sampling: {} }

/** Answers "yes" to everything. */
export const legacyClient = (options: Partial<Client> = {}): ReturnType<typeof createClient> =>
  createClient({ key: "legacy", era: "legacy", capabilities: able, ...options })
export const modernClient = (options: Partial<Client> = {}): ReturnType<typeof createClient> =>
  createClient({ key: "modern", era: "modern", leaves: false, unsolicited: false, capabilities: able, ...options })

export async function modernServer(options?: ModernServerOptions): Promise<ModernServer> {
  const server = await startModernServer(options)
  closers.push(() => server.close())
  return server
}

export function entryFor(server: ModernServer, options: EntryOptions = {}): ServerEntry {
  return entryOf(httpTarget(server.url), { key: "m", ...options })
}

export interface Crossing {
  readonly host: Host
  readonly server: ModernServer
  result(client: Client, method: string, params?: JsonObject): Promise<McpResult>
  request(client: Client, method: string, params?: JsonObject): Promise<JsonObject>
}

/** A host with one modern server under the prefix `m`. */
export async function startCrossing(options: ModernServerOptions, entry: EntryOptions = {}): Promise<Crossing> {
  const server = await modernServer(options)
  const host = await startHost({ servers: [entryFor(server, entry)] })
  const result: Crossing["result"] = (client, method, params = {}) =>
    host.handle({ method, params }, createContext({ client, ask: (question, signal) => client.ask(question, signal) }))
  return { host, server, result, request: async (...asked) => (await result(...asked)).value }
}

export const tool = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  inputSchema: { type: "object" },
  ...more,
})
