/** `mcp-host diff`: what servers offer now that is not as it was locked, or not as a running endpoint shows it. */
import { basename } from "node:path"
import { HostError } from "../../errors.ts"
import { readLock } from "../../manifest/lockFile.ts"
import { lockPath } from "../../manifest/lockPath.ts"
import { maskedValue } from "../../telemetry/maskedValue.ts"
import { masked } from "../failure.ts"
import { diffJson, diffOf, diffText, isChanged, type ServerDiff } from "../lockDiff.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { observe } from "../observe.ts"
import { colorsFor, printJson, printNote, printResult } from "../terminal.ts"
import { assertKnown } from "./lock.ts"

export interface DiffOptions extends ManifestOptions, LogOptions {
  readonly json?: boolean
}

export async function diff(keys: readonly string[], options: DiffOptions): Promise<number> {
  const manifest = await loadFor({ ...options, lock: false })
  assertKnown(manifest, keys)
  const file = lockPath(manifest.file)
  const locked = await readLock(file)
  if (locked === undefined) throw new HostError("LOCK_MISSING", `There is no ${basename(file)} to compare with`)
  const isWanted = (key: string): boolean => keys.length === 0 || keys.includes(key)
  const { servers, missing } = await observe(manifest, isWanted, options.logLevel)
  const wanted = manifest.servers.filter(({ key, start }) => start !== "off" && isWanted(key))
  const gone = [...locked.keys()].filter(
    (key) => keys.length === 0 && !manifest.servers.some((server) => server.key === key),
  )
  const diffs = [
    ...wanted.filter(({ key }) => !missing.has(key)).map(({ key }) => diffOf(key, locked.get(key), servers.get(key))),
    ...gone.map((key) => diffOf(key, locked.get(key), undefined)),
  ]
  await print(diffs, options.json === true)
  const unseen = wanted.filter(({ key }) => missing.has(key))
  for (const { key } of unseen) printNote(`warning: ${key} is not ready, so it was not compared: ${missing.get(key)}`)
  if (diffs.some(isChanged)) return 1
  return unseen.length > 0 ? 2 : 0
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
