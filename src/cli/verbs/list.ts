/** `mcp-host list`: what a client would see, of a manifest or of a running endpoint. */
import { HostError } from "../../errors.ts"
import type { ServerReport } from "../../host/inspect.ts"
import { isServing } from "../../host/member.ts"
import { ProtocolError } from "../../protocol/errors.ts"
import type { JsonObject } from "../../protocol/json.ts"
import type { Kind } from "../../protocol/methods.ts"
import { maskedValue } from "../../telemetry/maskedValue.ts"
import { withheldText } from "../collisions.ts"
import { explainHidden } from "../explain.ts"
import { masked } from "../failure.ts"
import { kindNames, shownKinds } from "../kinds.ts"
import { assertNoClash, withHost } from "../localHost.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { unavailable } from "../requests.ts"
import {
  componentRow,
  componentTable,
  hiddenTable,
  serverErrors,
  serverRow,
  serverTable,
  stderrMember,
} from "../rows.ts"
import { colorsFor, printJson, printNote, printResult, widthOf } from "../terminal.ts"

export type Listed = "tools" | "resources" | "templates" | "prompts" | "servers"

/** The JSON of `list`: the key asked for, or all; with `--explain` also what is not shown. */
export type Rows = Partial<Record<Listed | "hidden", readonly JsonObject[]>>

export interface ListOptions extends ManifestOptions, LogOptions {
  readonly json?: boolean
  readonly url?: string
  /** Also tell what is filtered out, and by which line of the manifest. */
  readonly explain?: boolean
}

export async function list(wanted: Listed | undefined, options: ListOptions): Promise<number> {
  if (options.explain === true && options.url !== undefined)
    throw new HostError("USAGE", "--explain reads the manifest: it goes without --url")
  const kinds = shownKinds.filter((kind) => wanted === undefined || wanted === kindNames[kind].many)
  const withServers = wanted === undefined || wanted === "servers"
  const rows =
    options.url === undefined
      ? await localRows(kinds, withServers, options)
      : await remoteRows(options.url, { kinds, withServers, profile: options.profile })
  const shown = Object.fromEntries(
    Object.entries(rows).map(([name, each]) => [name, each.map((row) => maskedValue(row, masked))]),
  )
  if (options.json === true) await printJson(shown)
  else await printResult(tables(shown))
  return 0
}

interface Wanted {
  readonly kinds: readonly Kind[]
  readonly withServers: boolean
  readonly profile: string | undefined
}

async function remoteRows(address: string, { kinds, withServers, profile }: Wanted): Promise<Rows> {
  const remote = await import("../remote.ts")
  return remote.remoteRows(remote.endpointUrl(address, profile), kinds, withServers)
}

async function localRows(kinds: readonly Kind[], withServers: boolean, options: ListOptions): Promise<Rows> {
  const manifest = await loadFor(options)
  return withHost(manifest, { logLevel: options.logLevel ?? "error", profile: options.profile }, async (local) => {
    // A list that fails is the answer to who asked for it; the table of servers only waits for it.
    await local.listed(kinds.length === 0 ? ["tool"] : kinds).catch((error: unknown) => {
      if (!(error instanceof ProtocolError)) throw error
      if (kinds.length > 0) throw unavailable(error)
    })
    if (kinds.length > 0) assertNoClash(local)
    const catalog = local.catalog()
    const servers = local.host.servers().filter(local.shows)
    const row = (each: ServerReport): JsonObject => ({
      ...serverRow(each),
      ...stderrMember(each, local.host.errorOutput(each.entry.key)),
    })
    if (!withServers) {
      for (const { entry, state, reason } of servers.filter(
        (each) => !isServing(each.state) && each.state !== "disabled",
      ))
        printNote(`warning: ${entry.key} is not ready (${state}): ${reason ?? "no reason known"}`)
      for (const withheld of catalog.withheld) printNote(`warning: ${withheldText(withheld)}`)
    }
    return {
      ...Object.fromEntries(
        kinds.map((kind) => [
          kindNames[kind].many,
          catalog.list(kind).map((component) => componentRow(component, local.originOf(component))),
        ]),
      ),
      ...(withServers && { servers: servers.map(row) }),
      ...(options.explain === true && { hidden: explainHidden(local, kinds) }),
    }
  })
}

function tables(rows: Rows): string {
  const colors = colorsFor(process.stdout)
  const options = { colors, width: widthOf(process.stdout) }
  const sections = Object.entries(rows).map(([name, each]) => {
    const title = colors.bold(`${name.charAt(0).toUpperCase()}${name.slice(1)} (${each.length})`)
    if (each.length === 0) return title
    const kind = shownKinds.find((one) => kindNames[one].many === name)
    if (kind !== undefined) return `${title}\n${componentTable(kind, each, options)}`
    if (name === "hidden") return `${title}\n${hiddenTable(each, options)}`
    return [`${title}\n${serverTable(each, options)}`, ...serverErrors(each)].join("\n\n")
  })
  return sections.join("\n\n")
}
