/** Server entries for the tests of the host: with other rules, and as manifests inside manifests. */
import type { ServerEntry } from "../../src/manifest/types.ts"
import { manifestOf, rawServer } from "../endpoints/support.ts"

export function withRules(entry: ServerEntry, rules: Partial<ServerEntry["rules"]>): ServerEntry {
  return { ...entry, rules: { ...entry.rules, ...rules } }
}

/** A manifest of these servers, composed under a key; their keys become paths. */
export function nested(key: string, servers: readonly ServerEntry[]): ServerEntry {
  const inside = servers.map((entry) => below(key, entry))
  return { ...rawServer(key), target: { kind: "manifest", manifest: manifestOf({ servers: inside }) } }
}

function below(key: string, entry: ServerEntry): ServerEntry {
  const path = `${key}/${entry.key}`
  const { target } = entry
  const deeper =
    target.kind === "manifest"
      ? {
          ...target,
          manifest: { ...target.manifest, servers: target.manifest.servers.map((each) => below(key, each)) },
        }
      : target
  return { ...entry, key: path, target: deeper, rules: { ...entry.rules, server: path } }
}
