/** `mcp-host check`: everything that is wrong with a manifest and, with `--connect`, with its servers. Reports on standard output. */
import { relative } from "node:path"
import type { ServerReport } from "../../host/inspect.ts"
import { ManifestError } from "../../manifest/manifestError.ts"
import type { Manifest } from "../../manifest/types.ts"
import { verifyTelemetry } from "../../telemetry/openTelemetry.ts"
import type { Finding } from "../findings.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { serverRow, serverTable } from "../rows.ts"
import { storageOf, verifyStorage } from "../storage.ts"
import { colorsFor, hasColor, printJson, printNote, printResult, widthOf } from "../terminal.ts"

export interface CheckOptions extends Omit<ManifestOptions, "manifest">, LogOptions {
  readonly connect?: boolean
  readonly json?: boolean
}

interface Findings {
  readonly findings: readonly Finding[]
  readonly servers: readonly ServerReport[] | undefined
}

export async function check(file: string, options: CheckOptions): Promise<number> {
  const isJson = options.json === true
  let manifest: Manifest
  try {
    manifest = await loadFor({ ...options, manifest: file })
    if (hasMiddleware(manifest)) await (await import("../../host/loadMiddleware.ts")).loadMiddleware(manifest)
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error
    if (isJson) await printFindings(error.problems)
    else await printResult(error.format({ color: hasColor(process.stdout) }))
    return 1
  }
  const { findings: found, servers } = options.connect === true ? await connect(manifest, options) : noServers
  const findings = [...manifest.warnings.map((warning): Finding => ({ severity: "warning", ...warning })), ...found]
  if (isJson) await printFindings(findings)
  else await printResult(forPeople(manifest, findings, servers))
  return exitCode(findings)
}

/** What loads middleware is loaded where there is some. */
function hasMiddleware({ middleware, servers }: Manifest): boolean {
  return (
    middleware.length > 0 ||
    servers.some(
      (server) =>
        server.middleware.length > 0 || (server.target.kind === "manifest" && hasMiddleware(server.target.manifest)),
    )
  )
}

const noServers: Findings = { findings: [], servers: undefined }

/** The host is loaded only for this: most checks are of the file alone. */
async function connect(manifest: Manifest, { logLevel }: CheckOptions): Promise<Findings> {
  const { findInServers } = await import("../findings.ts")
  const storage = storageOf(manifest, printNote)
  try {
    await verifyStorage(storage, manifest)
    await verifyTelemetry(manifest.telemetry, manifest.directory)
  } finally {
    await storage.close()
  }
  return findInServers(manifest, logLevel ?? "fatal")
}

/** What only the servers show to be wrong with the manifest. */
const manifestCodes: readonly string[] = ["NAME_COLLISION", "OVERRIDE_IMPOSSIBLE"]

/** Manifest problems first: servers can only be judged once it is right. */
function exitCode(findings: readonly Finding[]): number {
  const errors = findings.filter(({ severity }) => severity === "error")
  if (errors.some(({ code }) => manifestCodes.includes(code))) return 1
  return errors.length === 0 ? 0 : 2
}

async function printFindings(findings: readonly Finding[]): Promise<void> {
  const problems = findings.map(({ severity, code, message, help, place }) => ({
    severity,
    code,
    message,
    help,
    ...place,
  }))
  await printJson({ ok: findings.every(({ severity }) => severity !== "error"), problems })
}

function forPeople(
  manifest: Manifest,
  findings: readonly Finding[],
  servers: readonly ServerReport[] | undefined,
): string {
  const colors = colorsFor(process.stdout)
  const paint = { error: colors.red, warning: colors.yellow, info: colors.cyan }
  const blocks = findings.map(({ severity, code, message, help, place }) => {
    const at = `${shortPath(place.file)}:${place.line}:${place.column}`
    return `${at}: ${paint[severity](severity)} ${code}: ${message}\nhelp: ${help}`
  })
  const table =
    servers === undefined || servers.length === 0
      ? []
      : [serverTable(servers.map(serverRow), { colors, width: widthOf(process.stdout) })]
  const errors = findings.filter(({ severity }) => severity === "error").length
  const count = manifest.servers.length
  const verdict =
    errors === 0
      ? `${shortPath(manifest.file)}: ok, ${count} ${count === 1 ? "server" : "servers"}`
      : `${shortPath(manifest.file)}: ${errors} ${errors === 1 ? "problem" : "problems"}`
  return [...table, ...blocks, verdict].join("\n\n")
}

function shortPath(file: string): string {
  const path = relative(process.cwd(), file)
  return path === "" || path.startsWith("..") ? file : path
}
