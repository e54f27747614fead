/** `mcp-host diff`: what servers offer now that is not as it was locked; or what a running endpoint shows. */
import { basename } from "node:path"
import { HostError } from "../../errors.ts"
import { readLock } from "../../manifest/lockFile.ts"
import { lockPath } from "../../manifest/lockPath.ts"
import type { Lock, Manifest } from "../../manifest/types.ts"
import { maskedValue } from "../../telemetry/maskedValue.ts"
import type { EndpointDiff } from "../endpointDiff.ts"
import { masked } from "../failure.ts"
import { diffJson, diffOf, diffText, isChanged, type ServerDiff } from "../lockDiff.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { observe } from "../observe.ts"
import { colorsFor, printJson, printNote, printResult } from "../terminal.ts"
import { assertKnown } from "./lock.ts"

export interface DiffOptions extends ManifestOptions, LogOptions {
  readonly json?: boolean
  /** A running endpoint to compare, instead of the servers themselves. */
  readonly url?: string
}

export async function diff(keys: readonly string[], options: DiffOptions): Promise<number> {
  const manifest = await loadFor({ ...options, lock: false })
  assertKnown(manifest, keys)
  const file = lockPath(manifest.file)
  const locked = await readLock(file)
  if (locked === undefined) throw new HostError("LOCK_MISSING", `There is no ${basename(file)} to compare with`)
  const isWanted = (key: string): boolean => keys.length === 0 || keys.includes(key)
  const { diffs: compared, unseen } =
    options.url === undefined
      ? await diffOfServers(manifest, locked, { isWanted, logLevel: options.logLevel })
      : await diffOfUrl(manifest, locked, { ...options, url: options.url, isWanted })
  const gone = [...locked.keys()].filter(
    (key) => keys.length === 0 && !manifest.servers.some((server) => server.key === key),
  )
  const diffs = [...compared, ...gone.map((key) => diffOf(key, locked.get(key), undefined))]
  await print(diffs, options.json === true)
  for (const [key, reason] of unseen) printNote(`warning: ${key} was not compared: ${reason}`)
  if (diffs.some(isChanged)) return 1
  return unseen.size > 0 ? 2 : 0
}

interface Comparison {
  readonly isWanted: (key: string) => boolean
  readonly logLevel?: string | undefined
}

/** With what the servers offer when they are started here. */
async function diffOfServers(
  manifest: Manifest,
  locked: Lock,
  { isWanted, logLevel }: Comparison,
): Promise<EndpointDiff> {
  const { servers, missing } = await observe(manifest, isWanted, logLevel)
  const wanted = manifest.servers.filter(({ key, start }) => start !== "off" && isWanted(key)).map(({ key }) => key)
  return {
    diffs: wanted.filter((key) => !missing.has(key)).map((key) => diffOf(key, locked.get(key), servers.get(key))),
    unseen: new Map(wanted.flatMap((key) => (missing.has(key) ? [[key, `it is not ready: ${missing.get(key)}`]] : []))),
  }
}

/** With what a running endpoint shows. */
async function diffOfUrl(
  manifest: Manifest,
  locked: Lock,
  { url, profile, isWanted }: Comparison & Pick<DiffOptions, "profile"> & { readonly url: string },
): Promise<EndpointDiff> {
  const [{ endpointUrl }, { diffOfEndpoint }] = await Promise.all([
    import("../remote.ts"),
    import("../endpointDiff.ts"),
  ])
  return diffOfEndpoint({ manifest, locked, url: endpointUrl(url, profile), profile }, isWanted)
}

async function print(diffs: readonly ServerDiff[], isJson: boolean): Promise<void> {
  const shown = diffs.filter((each) => isChanged(each) || each.before?.version !== each.after?.version)
  const servers = shown.map((each) => maskedValue(diffJson(each), masked))
  if (isJson) return printJson({ changed: diffs.some(isChanged), servers })
  if (shown.length === 0)
    return printResult(`no changes in ${diffs.length} ${diffs.length === 1 ? "server" : "servers"}`)
  const colors = colorsFor(process.stdout)
  return printResult(masked(shown.map((each) => diffText(each, colors)).join("\n\n")))
}
