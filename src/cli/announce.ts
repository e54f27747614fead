/** What `run` tells the person at the terminal once its servers have started: on standard error, as everything but the protocol. */
import type { Logger } from "pino"
import type { Served } from "../endpoints/served.ts"
import type { Host } from "../host/host.ts"
import type { Manifest } from "../manifest/types.ts"
import { serverRow, serverTable } from "./rows.ts"
import { colorsFor, printNote, widthOf } from "./terminal.ts"

export interface Announced {
  readonly manifest: Manifest
  readonly host: Host
  /** The host, or a profile of it alone. */
  readonly served: Served
  readonly log: Logger
  readonly json: boolean
}

export function announce({ manifest, host, served, log, json }: Announced, listening: string): void {
  const url = urlForClients(manifest, listening)
  const profiles = Object.fromEntries(
    served === host ? manifest.profiles.map(({ name }) => [name, `${url.replace(/\/$/, "")}/${name}`]) : [],
  )
  const servers = host.servers().map(serverRow)
  const entry = { mcpServers: { [manifest.host.name]: { type: "http", url } } }
  if (json)
    return log.info({ url, ...(manifest.profiles.length > 0 && { profiles }), servers, clientEntry: entry }, "ready")
  const colors = colorsFor(process.stderr)
  const table = servers.length === 0 ? "No servers." : serverTable(servers, { colors, width: widthOf(process.stderr) })
  printNote(
    [
      "",
      `${colors.bold(manifest.host.name)} is at ${colors.bold(url)}`,
      ...Object.entries(profiles).map(([name, at]) => `  profile ${name}: ${at}`),
      "",
      table,
      "",
      colors.dim(
        "For the configuration of a client (one that starts its servers runs `mcp-host run --stdio` instead):",
      ),
      JSON.stringify(entry, null, 2),
      "",
    ].join("\n"),
  )
}

function urlForClients({ endpoint }: Manifest, listening: string): string {
  const { publicUrl, path } = endpoint.http
  if (publicUrl !== undefined) {
    const url = new URL(publicUrl)
    if (url.pathname === "/") url.pathname = path
    return url.href
  }
  const url = new URL(listening)
  // A wildcard is no address to connect to.
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1"
  if (url.hostname === "[::]") url.hostname = "[::1]"
  return url.href
}
