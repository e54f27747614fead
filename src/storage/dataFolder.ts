/** Where the system wants the data of a user's programs to be. */
import { createHash } from "node:crypto"
import { homedir } from "node:os"
import path from "node:path"

export interface Place {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
}

/** A folder of one manifest's own, named after its folder and told apart by its path. */
export function dataFolder(manifest: string, place: Place = here()): string {
  const name = path.basename(path.dirname(manifest)).replace(/[^A-Za-z0-9._-]/g, "_")
  const hash = createHash("sha256").update(manifest).digest("hex").slice(0, 12)
  return path.join(userData(place), "mcp-host", `${name}-${hash}`)
}

function here(): Place {
  return { platform: process.platform, env: process.env, home: homedir() }
}

/** XDG Base Directory Specification on Linux; a relative XDG_DATA_HOME is to be ignored. */
function userData({ platform, env, home }: Place): string {
  if (platform === "darwin") return path.join(home, "Library", "Application Support")
  if (platform === "win32") return env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local")
  const xdg = env["XDG_DATA_HOME"] ?? ""
  return path.isAbsolute(xdg) ? xdg : path.join(home, ".local", "share")
}
