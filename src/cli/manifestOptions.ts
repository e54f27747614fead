/** The flags that say which manifest to load, and loading it. */
import { resolve } from "node:path"
import { HostError } from "../errors.ts"
import { loadManifest } from "../manifest/load.ts"
import type { Manifest } from "../manifest/types.ts"
import { didYouMean, nearest } from "./suggest.ts"

export interface ManifestOptions {
  readonly manifest: string
  readonly envFile?: string
  /** What the profile shows, instead of everything. */
  readonly profile?: string
  /** False: the lock does not count. */
  readonly lock?: boolean
}

export interface LogOptions {
  readonly logLevel?: string
}

/** Loads the manifest; or what a client's configuration file is as one. `watch` is told of every path looked at. */
export async function loadFor(
  { manifest: file, envFile, profile, lock = true }: ManifestOptions,
  watch: (path: string) => void = () => undefined,
): Promise<Manifest> {
  // Before anything of it is read.
  watch(resolve(file))
  const mayBeClients = /\.(jsonc?|toml)$/i.test(file)
  const text = mayBeClients ? await (await import("./clientFiles.ts")).manifestOfClient(file) : undefined
  const manifest = await loadManifest(file, { envFile, text, lock, watch })
  assertProfile(manifest, profile)
  return manifest
}

/** Throws unless the manifest has the profile, where one is asked for. */
export function assertProfile({ profiles }: Manifest, name: string | undefined): void {
  if (name === undefined || profiles.some((profile) => profile.name === name)) return
  const names = profiles.map((profile) => profile.name)
  const there = names.length === 0 ? "it has none" : `there are ${names.join(", ")}`
  throw new HostError("PROFILE_UNKNOWN", `The manifest has no profile ${JSON.stringify(name)}; ${there}`, {
    help: didYouMean(nearest(name, names)),
  })
}
