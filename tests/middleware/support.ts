/** A host with middleware, from a manifest's text: loaded, checked and built as `run` does it, with fixture packages behind. */

import path from "node:path"
import { Writable } from "node:stream"
import { pino } from "pino"
import { createLocalClient, type Observer } from "../../src/endpoints/localClient.ts"
import { Host } from "../../src/host/host.ts"
import { loadMiddleware } from "../../src/host/loadMiddleware.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import type { Manifest } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, Context, McpNotification } from "../../src/protocol/messages.ts"
import type { Metrics } from "../../src/telemetry/types.ts"
import { closers, fixturesFolder, folderOf } from "./files.ts"

/** Paths for manifests: a server without an SDK that does what it is told, and one with a bit of everything. */
export const raw = path.join(fixturesFolder, "../host/packages/raw.mjs")
export const v2 = path.join(fixturesFolder, "packages/v2-mcp")

export interface Started {
  readonly host: Host
  readonly manifest: Manifest
  /** The folder of the manifest. */
  readonly directory: string
  /** Lines of the log. */
  readonly log: JsonObject[]
  client(observer?: Partial<Observer>): TestClient
  /** Applies the manifest as it is on disk now. */
  reload(): Promise<void>
}

export interface TestClient {
  readonly client: Client
  readonly heard: McpNotification[]
  context(changes?: Partial<Context>): Context
  request(method: string, params?: JsonObject, changes?: Partial<Context>): Promise<JsonObject>
  call(name: string, args?: JsonObject): Promise<JsonObject>
  /** Names of the tools it is shown. */
  tools(): Promise<string[]>
}

export interface StartOptions {
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly metrics?: Metrics
  readonly level?: string
}

export async function start(
  text: string,
  { files = {}, env = {}, metrics, level = "trace" }: StartOptions = {},
): Promise<Started> {
  const directory = await folderOf({ ...files, "mcp-host.yaml": text })
  const file = path.join(directory, "mcp-host.yaml")
  const log: JsonObject[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log.push(JSON.parse(String(chunk)) as JsonObject)
      done()
    },
  })
  const manifest = await loadManifest(file, { env })
  const middleware = await loadMiddleware(manifest)
  const host = new Host({
    ...{ manifest, middleware, version: "9.9.9", log: pino({ level, base: null }, stream) },
    ...(metrics !== undefined && { metrics }),
  })
  closers.push(() => host.close())
  host.start()
  await host.settled()
  return {
    ...{ host, manifest, directory, log },
    client: (observer) => createTestClient(host, observer),
    async reload() {
      const next = await loadManifest(file, { env })
      await host.reload(next, await loadMiddleware(next, { anew: true }))
    },
  }
}

let clients = 0

function createTestClient(host: Host, observer: Partial<Observer> = {}): TestClient {
  clients += 1
  const heard: McpNotification[] = []
  const local = createLocalClient({
    info: { name: "test", version: "1" },
    notify: (notification) => heard.push(notification),
    signal: new AbortController().signal,
    observer: { key: `client-${clients}`, era: "legacy", capabilities: {}, ...observer },
  })
  closers.push(host.connect(local.client))
  const request: TestClient["request"] = async (method, params = {}, changes = {}) =>
    (await host.handle({ method, params }, { ...local.context(), ...changes })).value
  return {
    client: local.client,
    heard,
    context: (changes = {}) => ({ ...local.context(), ...changes }),
    request,
    call: (name, args = {}) => request("tools/call", { name, arguments: args }),
    tools: async () => ((await request("tools/list"))["tools"] as JsonObject[]).map(({ name }) => String(name)),
  }
}
