/** The folder of one manifest's own, among the data of the user. */
import { createHash } from "node:crypto"
import path from "node:path"
import { here, type Place, userData } from "./userFolders.ts"

/** Named after the manifest's folder and told apart by its path. */
export function dataFolder(manifest: string, place: Place = here()): string {
  const name = path.basename(path.dirname(manifest)).replace(/[^A-Za-z0-9._-]/g, "_")
  const hash = createHash("sha256").update(manifest).digest("hex").slice(0, 12)
  return path.join(userData(place), "mcp-host", `${name}-${hash}`)
}
