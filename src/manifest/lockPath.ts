import { basename, dirname, join } from "node:path"

/** The lock file of a manifest: `mcp-host.lock.yaml` beside `mcp-host.yaml`. */
export function lockPath(manifest: string): string {
  return join(dirname(manifest), `${basename(manifest).replace(/\.(ya?ml|jsonc?|toml)$/i, "")}.lock.yaml`)
}
