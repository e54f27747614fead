/**
 * Starts hosts for the end-to-end tests, in process behind HTTP or as a program on standard input and output, and
 * connects every kind of client to them. Everything it opens ends with `closeAll`, last first; what outlives that fails
 * the test.
 */
import { existsSync } from "node:fs"
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Transport as TransportV2 } from "@modelcontextprotocol/client"
import { StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client"
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio"
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { Transport as TransportV1 } from "@modelcontextprotocol/sdk/shared/transport.js"
import { describe } from "vitest"
import { type HttpEndpoint, startHttpEndpoint } from "../../src/endpoints/http/httpEndpoint.ts"
import { Host } from "../../src/host/host.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import { createLogger } from "../../src/telemetry/logger.ts"
import { closers, linesOf } from "../fixtures/harness.ts"
import { isAlive } from "../fixtures/processes.ts"
import { programFile } from "../fixtures/programs.ts"
import { type HttpFixture, type HttpFixtureKind, startHttpFixture } from "../fixtures/servers/http.mjs"
import { type ClientOptions, connectV1, connectV2, type TestClient } from "./testClient.ts"

export { closeAll, closers } from "../fixtures/harness.ts"
export { isAlive } from "../fixtures/processes.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** Clients of both SDKs, as they negotiate. */
export const clientKinds = ["v1", "v2 legacy", "v2 auto", "v2 modern"] as const
export type ClientKind = (typeof clientKinds)[number]
const transports = ["stdio", "HTTP"] as const
export type TransportKind = (typeof transports)[number]

/** The generation a kind of client ends up speaking with this host. */
export function eraOf(kind: ClientKind): "legacy" | "modern" {
  return kind === "v2 auto" || kind === "v2 modern" ? "modern" : "legacy"
}

/** Runs a suite once for each kind of client over each transport. */
export function describeEras(name: string, suite: (kind: ClientKind, transport: TransportKind) => void): void {
  for (const transport of transports) {
    for (const kind of clientKinds) describe(`${name}: ${kind} over ${transport}`, () => suite(kind, transport))
  }
}

/** A manifest as the file has it; JSON is YAML. */
export interface ManifestText {
  readonly host?: Record<string, unknown>
  readonly endpoint?: Record<string, unknown>
  readonly defaults?: Record<string, unknown>
  readonly servers: Record<string, Record<string, unknown>>
  readonly profiles?: Record<string, Record<string, unknown>>
}

export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "mcp-host-e2e-")))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** For machines that are busy: deadlines that matter are given by the test. */
const patience = { start: "60s", list: "60s", call: "3m" }

export async function writeManifest(manifest: ManifestText): Promise<string> {
  const file = path.join(await temporaryFolder(), "mcp-host.yaml")
  await rewriteManifest(file, manifest)
  return file
}

async function rewriteManifest(file: string, manifest: ManifestText): Promise<void> {
  // All fixtures have the same https resource.
  const host = { name: "rig", title: "The rig", collisions: "first", ...manifest.host }
  const { timeouts, ...defaults } = manifest.defaults ?? {}
  const text = {
    ...manifest,
    host,
    endpoint: { drain: "1s", ...manifest.endpoint, http: { port: 0 } },
    defaults: { ...defaults, timeouts: { ...patience, ...(timeouts as object | undefined) } },
  }
  await writeFile(file, JSON.stringify(text, null, 2))
}

export interface HttpRig {
  readonly host: Host
  readonly url: string
  readonly endpoint: HttpEndpoint
  connect(kind: ClientKind, options?: ClientOptions): Promise<TestClient>
  /** Writes another manifest in the place of the first, and has it applied. */
  edit(manifest: ManifestText): Promise<void>
  /** Ends the endpoint and the host; once. */
  close(): Promise<void>
}

/** A host in this process, behind HTTP. Resolves when it listens; `settled` false does not wait for its servers. */
export async function startHttp(manifest: ManifestText, { settled = true } = {}): Promise<HttpRig> {
  const file = await writeManifest(manifest)
  const loaded = await loadManifest(file)
  const { log } = await createLogger({ level: process.env["RIG_LOG"] ?? "silent", format: "json", color: false })
  const host = new Host({ manifest: loaded, log, version: "0" })
  host.start()
  const endpoint = await startHttpEndpoint(host, loaded.endpoint)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= endpoint.close().then(() => host.close())
    return closing
  }
  closers.push(close)
  if (settled) await host.settled()
  const { url } = endpoint
  const edit = async (next: ManifestText): Promise<void> => {
    await rewriteManifest(file, next)
    await host.reload(await loadManifest(file))
  }
  return { host, url, endpoint, connect: (kind, options) => connectHttp(url, kind, options), edit, close }
}

export async function connectHttp(url: string, kind: ClientKind, options: ClientOptions = {}): Promise<TestClient> {
  if (kind === "v1") {
    const transport = new HttpV1(new URL(url))
    const client = await connectV1(transport as TransportV1, options)
    return Object.assign(client, { leave: () => transport.terminateSession() })
  }
  const transport = new HttpV2(new URL(url))
  const client = await connectV2(transport, kind, options)
  return Object.assign(client, { leave: () => transport.terminateSession() })
}

export interface Program {
  readonly command: string
  readonly args: string[]
  readonly env: Record<string, string>
}

const builtCli = path.join(root, "dist/cli/main.js")

/** `mcp-host run --stdio`, as built. */
export function stdioProgram(file: string): Program {
  if (!existsSync(builtCli)) throw new Error(`${builtCli} is missing: run npm run build first`)
  const env = { PATH: process.env["PATH"] ?? "" }
  return { command: process.execPath, args: [builtCli, "run", file, "--stdio"], env }
}

/** `mcp-host run`, behind HTTP on a port the system chooses. */
export function httpProgram(file: string): Program {
  return { ...stdioProgram(file), args: [builtCli, "run", file] }
}

/**
 * Clients of version 2 that negotiate start the program twice over the SDK's own transport, once to ask and once to
 * stay; over a subclass they ask in place.
 */
class InPlace extends StdioV2 {}

/** A host as a program of its own with one client on its standard streams. */
export async function connectStdio(
  manifest: ManifestText,
  kind: ClientKind,
  options: ClientOptions = {},
): Promise<TestClient> {
  const program = stdioProgram(await writeManifest(manifest))
  const stderr = process.env["RIG_LOG"] === undefined ? "ignore" : "inherit"
  if (kind === "v1") return connectV1(new StdioV1({ ...program, stderr }), options)
  const Stdio = kind === "v2 modern" ? InPlace : StdioV2
  const transport: TransportV2 = new Stdio({ ...program, stderr })
  return connectV2(transport, kind, options)
}

/** One client on a host of its own, over either transport. */
export async function connectTo(
  manifest: ManifestText,
  { kind, transport, ...options }: ClientOptions & { kind: ClientKind; transport: TransportKind },
): Promise<TestClient> {
  if (transport === "stdio") return connectStdio(manifest, kind, options)
  return (await startHttp(manifest)).connect(kind, options)
}

/** The `mount` of a fixture over stdio. */
export function fixture(file: string, env: Record<string, string> = {}, args: string[] = []): Record<string, unknown> {
  return { command: process.execPath, args: [programFile(file), ...args], env }
}

/** The `mount` of an in-process fixture. */
export function fixturePackage(name: string): string {
  return path.join(root, "tests/fixtures/packages", name)
}

/** Waits for something to become true, or fails with what it last was. */
export async function until<T>(what: string, probe: () => T | Promise<T>, withinMs = 20_000): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const value = await probe()
    if (value) return value
    if (performance.now() > end) throw new Error(`Not within ${withinMs} ms: ${what} (last: ${JSON.stringify(value)})`)
    await delay(20)
  }
}

/** Where a fixture writes its process id, and the ids it wrote. */
export async function pidFile(): Promise<{ file: string; pids: () => Promise<number[]> }> {
  const file = path.join(await temporaryFolder(), "pids")
  const pids = async () =>
    (await linesOf(file)).flatMap(({ pid, grandchild }) => [pid, grandchild ?? []].flat().map(Number))
  return { file, pids }
}

/** The entry point of an installed server. */
export function installed(name: string): string {
  return path.join(path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "dist/index.js")
}

/** An HTTP fixture that ends with the test. */
export async function httpServer(kind: HttpFixtureKind): Promise<HttpFixture> {
  const server = await startHttpFixture(kind)
  closers.push(() => server.close())
  return server
}

export async function ended(pids: readonly number[]): Promise<void> {
  await until(`processes ${pids.join(", ")} end`, () => pids.every((pid) => !isAlive(pid)))
}
