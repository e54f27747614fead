/** Packages that only metrics and traces need, loaded when these are on. */
import { createRequire } from "node:module"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { HostError } from "../errors.ts"

export interface Peer {
  readonly name: string
  /** The version this host was made for. */
  readonly version: string
}

export const promClientPeer: Peer = { name: "prom-client", version: "15.1.3" }
export const apiPeer: Peer = { name: "@opentelemetry/api", version: "1.9.1" }
export const sdkPeers: readonly Peer[] = [
  apiPeer,
  { name: "@opentelemetry/sdk-trace-base", version: "2.12.1" },
  { name: "@opentelemetry/resources", version: "2.12.1" },
  { name: "@opentelemetry/exporter-trace-otlp-http", version: "0.223.1" },
]

export interface PeerRequest {
  /** What needs them, in the message. */
  readonly use: string
  /** Where a package may be installed besides the host's own folder: that of the manifest. */
  readonly directory: string
}

/** The modules, in the order of `peers`. Throws a `HostError` with the command that installs all of them. */
export async function loadPeers(peers: readonly Peer[], { use, directory }: PeerRequest): Promise<unknown[]> {
  const files = peers.map(({ name }) => find(name, directory))
  const missing = peers.filter((_, index) => files[index] === undefined)
  if (missing.length === 0)
    return Promise.all(files.map((file): Promise<unknown> => import(pathToFileURL(String(file)).href)))
  const verb = missing.length === 1 ? "is" : "are"
  const words = missing.map(({ name }) => name).join(" and ")
  throw new HostError("TELEMETRY_PACKAGE_MISSING", `${use} needs ${words}, which ${verb} not installed`, {
    help: `Run: npm install ${peers.map(({ name, version }) => `${name}@${version}`).join(" ")}`,
  })
}

function find(name: string, directory: string): string | undefined {
  for (const from of [import.meta.url, path.join(directory, "mcp-host.yaml")]) {
    try {
      return createRequire(from).resolve(name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error
    }
  }
  return undefined
}
