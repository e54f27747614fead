/** The manifest of a process that serves one profile and nothing else: what the profile does not show need not run. */
import type { Manifest, ServerEntry } from "./types.ts"

/** The manifest with the servers switched off that the profile does not show, unless they are required. */
export function onlyShown(manifest: Manifest, profile: string | undefined): Manifest {
  const shown = manifest.profiles.find(({ name }) => name === profile)?.rules.servers
  if (shown === undefined) return manifest
  const offReason = `the profile ${profile} does not show it`
  const servers = manifest.servers.map((entry) =>
    shown.includes(entry.key) || entry.required ? entry : switchedOff(entry, offReason),
  )
  return { ...manifest, servers }
}

/** A manifest inside goes with all its servers: what they need is needed only where the manifest is. */
function switchedOff(entry: ServerEntry, offReason: string): ServerEntry {
  const { target } = entry
  const off = { ...entry, start: "off", required: false, ...(entry.start !== "off" && { offReason }) } as const
  if (target.kind !== "manifest") return off
  const servers = target.manifest.servers.map((each) => switchedOff(each, offReason))
  return { ...off, target: { ...target, manifest: { ...target.manifest, servers } } }
}
