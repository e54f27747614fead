/** `mcp-host lock`: writes down what the servers of a manifest offer, so that later changes are noticed. */
import { basename } from "node:path"
import type { LockedServer } from "../../composition/types.ts"
import { HostError } from "../../errors.ts"
import { readLock, renderLock } from "../../manifest/lockFile.ts"
import { lockPath } from "../../manifest/lockPath.ts"
import type { Lock, Manifest } from "../../manifest/types.ts"
import { diffOf, isChanged } from "../lockDiff.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { type Observed, observe } from "../observe.ts"
import { printNote } from "../terminal.ts"
import { replaceFile } from "../writeFile.ts"

export interface LockOptions extends ManifestOptions, LogOptions {
  readonly update?: boolean
}

export async function lock(keys: readonly string[], options: LockOptions): Promise<number> {
  const manifest = await loadFor({ ...options, lock: false })
  assertKnown(manifest, keys)
  const file = lockPath(manifest.file)
  const isUpdate = options.update === true
  // An update may be the way out of a lock that is broken, when it writes all of it anew.
  const before = isUpdate && keys.length === 0 ? new Map<string, LockedServer>() : await readLock(file)
  const isUpdated = (key: string): boolean => isUpdate && (keys.length === 0 || keys.includes(key))
  const isNew = (key: string): boolean => before?.has(key) !== true
  const observed = await observe(manifest, (key) => keys.length === 0 || isUpdated(key) || isNew(key), options.logLevel)
  const { after, kept } = merge(
    { manifest, before, observed },
    (key) => isUpdate && (keys.length === 0 || keys.includes(key)),
  )
  await replaceFile(file, renderLock(after))
  return report({ file, after, kept, observed })
}

export function assertKnown({ servers }: Manifest, keys: readonly string[]): void {
  const unknown = keys.find((key) => !servers.some((server) => server.key === key))
  if (unknown === undefined) return
  const all = servers.map(({ key }) => key).join(", ")
  throw new HostError("USAGE", `The manifest has no server ${JSON.stringify(unknown)}`, { help: `Servers are ${all}.` })
}

interface Sides {
  readonly manifest: Manifest
  readonly before: Lock | undefined
  readonly observed: Observed
}

/** In the order of the manifest. What is locked stays unless it is to be updated; what is not there cannot be locked anew. */
function merge({ manifest, before, observed }: Sides, isUpdated: (key: string) => boolean) {
  const after = new Map<string, LockedServer>()
  const kept: string[] = []
  for (const { key } of manifest.servers) {
    const [old, now] = [before?.get(key), observed.servers.get(key)]
    if (old !== undefined && now !== undefined && !isUpdated(key) && isChanged(diffOf(key, old, now))) kept.push(key)
    const next = now === undefined || (old !== undefined && !isUpdated(key)) ? old : now
    if (next !== undefined) after.set(key, next)
  }
  return { after, kept }
}

interface Written {
  readonly file: string
  readonly after: Lock
  readonly kept: readonly string[]
  readonly observed: Observed
}

/** 2 when a server was not there to be locked, 1 when one differs from what stays locked. */
function report({ file, after, kept, observed }: Written): number {
  printNote(`${basename(file)}: ${after.size} ${after.size === 1 ? "server" : "servers"} locked`)
  for (const [key, reason] of observed.missing)
    printNote(`warning: ${key} is not ready, so it was not locked anew: ${reason}`)
  if (kept.length > 0)
    printNote(
      `warning: ${kept.join(", ")} differ from the lock: see mcp-host diff, then mcp-host lock --update ${kept.join(" ")}`,
    )
  if (observed.missing.size > 0) return 2
  return kept.length > 0 ? 1 : 0
}
