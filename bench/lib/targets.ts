/**
 * What the suite measures: the direct connection, the floors, the host, and the peers, each started in front of the same
 * upstreams. A target that does not fit a set of upstreams says why; one that fails to start is reported with its error.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { nodeFor } from "./installPackage.ts"
import type { Era, Load, Protocol } from "./load.ts"
import { installPeer, peerVersions } from "./peers.ts"
import { freePort, type Started, type StartOptions, start } from "./processes.ts"
import { type Upstream, upstreamOptions } from "./upstreams.ts"

export type TargetName = keyof typeof kinds
export type Role = "base" | "floor" | "host" | "peer"

export interface Target {
  readonly name: TargetName
  readonly pid: number
  readonly url: string
  readonly protocol: Protocol
  /** What a client calls the tool of an upstream. */
  toolName(upstream: string, tool: string): string
  output(): string
  stop(): Promise<void>
}

interface Launch {
  readonly file: string
  readonly args: readonly string[]
  readonly options?: StartOptions
}

interface Site {
  readonly port: number
  readonly upstreams: readonly Upstream[]
  /** A folder for configuration and state. */
  readonly folder: string
}

interface Kind {
  readonly title: string
  readonly role: Role
  readonly eras: readonly Era[]
  readonly protocol?: Protocol
  /** How it joins the key of an upstream and the name of a tool; undefined when it serves one upstream under its own names. */
  readonly separator?: string
  /** The kinds of upstreams it can have. */
  readonly upstreams: readonly Upstream["kind"][]
  launch(site: Site): Launch | Promise<Launch>
}

const bench = path.resolve(import.meta.dirname, "..")
const project = path.resolve(bench, "..")
const both: readonly Era[] = ["legacy", "modern"]

const gateway = (name: string, { port }: Site, args: readonly string[] = []): Launch => ({
  file: process.execPath,
  args: [path.join(bench, "gateways", name), "--port", String(port), ...args],
})

/** A peer's entry, run by Node itself so that the process measured is the gateway. */
async function peer(
  name: "mcp-hub" | "mcp-proxy" | "supergateway",
  entry: string,
  args: readonly string[],
): Promise<Launch> {
  return { file: process.execPath, args: [path.join(await installPeer(name), "node_modules", name, entry), ...args] }
}

const kinds = {
  direct: {
    title: "direct HTTP echo",
    role: "base",
    eras: both,
    upstreams: ["stdio", "http", "package", "package-low"],
    launch: ({ port, upstreams: [only] }) => ({
      file: process.execPath,
      args: [path.join(bench, "servers/http.mjs"), "--port", String(port), ...upstreamOptions(only)],
    }),
  },
  undici: {
    title: "raw undici proxy",
    role: "floor",
    eras: both,
    upstreams: ["http"],
    launch: (site) => gateway("undiciProxy.mjs", site, ["--upstream", site.upstreams[0]?.url ?? ""]),
  },
  bare: {
    title: "bare forwarder (ids rewritten, messages parsed)",
    role: "floor",
    eras: both,
    upstreams: ["stdio"],
    launch: (site) => gateway("bare.mjs", site, ["--", ...(site.upstreams[0]?.command ?? [])]),
  },
  byte: {
    title: "byte forwarder (answers not parsed)",
    role: "floor",
    eras: both,
    upstreams: ["stdio"],
    launch: (site) => gateway("byte.mjs", site, ["--", ...(site.upstreams[0]?.command ?? [])]),
  },
  host: {
    title: "mcp-host",
    role: "host",
    eras: both,
    separator: "_",
    upstreams: ["stdio", "http", "package", "package-low", "silent"],
    launch: (site) => hostLaunch(writeManifest(site.folder, site.upstreams), site.port),
  },
  sdk: {
    title: "SDK in the middle (2.4.0)",
    role: "peer",
    eras: both,
    separator: "_",
    upstreams: ["stdio", "http"],
    launch: (site) => gateway("sdk.mjs", site, ["--upstreams", toJson(site.upstreams)]),
  },
  "mcp-hub": {
    title: `mcp-hub ${peerVersions["mcp-hub"]}`,
    role: "peer",
    eras: ["legacy"],
    // It knows the old HTTP+SSE transport only.
    protocol: "sse",
    separator: "__",
    upstreams: ["stdio", "http", "silent"],
    async launch({ port, folder, upstreams }) {
      const file = path.join(folder, "mcp-hub.json")
      writeFileSync(file, JSON.stringify({ mcpServers: Object.fromEntries(upstreams.map(toMcpServer)) }))
      const launch = await peer("mcp-hub", "dist/cli.js", ["--port", String(port), "--config", file])
      return { ...launch, options: { env: { XDG_STATE_HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } } }
    },
  },
  "mcp-proxy": {
    title: `mcp-proxy ${peerVersions["mcp-proxy"]}`,
    role: "peer",
    eras: both,
    upstreams: ["stdio"],
    launch: ({ port, upstreams: [only] }) =>
      peer("mcp-proxy", "dist/bin/mcp-proxy.mjs", ["--port", String(port), "--", ...(only?.command ?? [])]),
  },
  supergateway: {
    title: `supergateway ${peerVersions.supergateway}`,
    role: "peer",
    eras: both,
    upstreams: ["stdio"],
    launch: ({ port, upstreams: [only] }) =>
      peer("supergateway", "dist/index.js", [
        ...["--stdio", (only?.command ?? []).join(" "), "--outputTransport", "streamableHttp", "--stateful"],
        ...["--port", String(port), "--logLevel", "none"],
      ]),
  },
  fastmcp: {
    title: `fastmcp ${peerVersions.fastmcp}`,
    role: "peer",
    eras: both,
    separator: "_",
    upstreams: ["stdio", "http"],
    async launch(site) {
      const launch = gateway("fastmcp.mjs", site, ["--upstreams", toJson(site.upstreams)])
      return { ...launch, options: { cwd: await installPeer("fastmcp") } }
    },
  },
  "mcp-use": {
    title: `mcp-use ${peerVersions["mcp-use"]} (Node 22)`,
    role: "peer",
    eras: both,
    separator: "_",
    upstreams: ["stdio", "http"],
    async launch(site) {
      const launch = gateway("mcpUse.mjs", site, ["--upstreams", toJson(site.upstreams)])
      return { ...launch, file: await nodeFor(22), options: { cwd: await installPeer("mcp-use") } }
    },
  },
} satisfies Record<string, Kind>

const kindOf = (name: TargetName): Kind => kinds[name]
export const targetNames = Object.keys(kinds) as readonly TargetName[]
export const titleOf = (name: TargetName): string => kinds[name].title
export const roleOf = (name: TargetName): Role => kindOf(name).role

/** Why a target cannot serve these upstreams to clients of a generation, or undefined. */
export function unfit(name: TargetName, upstreams: readonly Upstream[], era: Era): string | undefined {
  const { separator, eras, upstreams: able } = kindOf(name)
  if (!eras.includes(era)) return `serves no ${era} clients`
  const unable = upstreams.find((upstream) => !able.includes(upstream.kind))
  if (unable !== undefined) return `has no ${unable.kind} upstreams`
  return upstreams.length > 1 && separator === undefined ? "serves one upstream only" : undefined
}

/** Starts a target and waits until it lists every tool of its upstreams. */
export async function startTarget(
  name: TargetName,
  upstreams: readonly Upstream[],
  { load, folder }: { readonly load: Load; readonly folder: string },
): Promise<Target> {
  const { target, started } = await launchTarget(name, upstreams, folder)
  const tools = upstreams.reduce((sum, upstream) => sum + (upstream.kind === "silent" ? 0 : (upstream.tools ?? 2)), 0)
  const ready = load.ready({ ...target, tools, timeoutMs: 30_000 })
  const died = new Promise<never>((_resolve, reject) => {
    started.child.once("exit", (code) => reject(new Error(`it ended with ${code}`)))
  })
  // Whichever of the two comes second has nobody to tell.
  died.catch(() => undefined)
  ready.catch(() => undefined)
  try {
    await Promise.race([ready, died])
    return target
  } catch (error) {
    await target.stop()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${reason}\n${started.output().slice(-1_000)}`.trim())
  }
}

/** Starts a target and waits for nothing. */
export async function launchTarget(
  name: TargetName,
  upstreams: readonly Upstream[],
  parent: string,
): Promise<{ readonly target: Target; readonly started: Started }> {
  const kind = kindOf(name)
  const port = await freePort()
  const folder = path.join(parent, `${name}-${port}`)
  mkdirSync(folder, { recursive: true })
  const { file, args, options } = await kind.launch({ port, upstreams, folder })
  const started = start(file, args, { cwd: folder, ...options })
  const target: Target = {
    name,
    pid: started.pid,
    url: `http://127.0.0.1:${port}/mcp`,
    protocol: kind.protocol ?? "streamable",
    toolName: (upstream, tool) => (kind.separator === undefined ? tool : `${upstream}${kind.separator}${tool}`),
    output: started.output,
    stop: started.stop,
  }
  return { target, started }
}

/** The host as users run it: the built command, a manifest, everything at its defaults. */
export function hostLaunch(manifest: string, port: number, nodeArgs: readonly string[] = []): Launch {
  return { file: process.execPath, args: [...nodeArgs, hostEntry, "run", manifest, "--port", String(port)] }
}

export const hostEntry = path.join(project, "dist/cli/main.js")

export function writeManifest(folder: string, upstreams: readonly Upstream[], extra: object = {}): string {
  mkdirSync(folder, { recursive: true })
  const servers = Object.fromEntries(upstreams.map((upstream) => [upstream.key, { mount: mountOf(upstream) }]))
  const file = path.join(folder, "mcp-host.yaml")
  writeFileSync(file, JSON.stringify({ host: { name: "bench" }, servers, ...extra }, undefined, 2))
  return file
}

function mountOf({ command, url, folder, era }: Upstream): unknown {
  const spoken = era === undefined ? {} : { era }
  if (url !== undefined) return { url, ...spoken }
  if (command === undefined) return folder
  return { command: command[0], args: command.slice(1), ...spoken }
}

function toMcpServer({ key, command, url }: Upstream): [string, object] {
  return [key, url === undefined ? { command: command?.[0], args: command?.slice(1) } : { url }]
}

function toJson(upstreams: readonly Upstream[]): string {
  return JSON.stringify(upstreams.map(({ key, command, url }) => ({ key, command, url })))
}
