/** Where the system wants what belongs to a user's programs to be. */
import { homedir } from "node:os"
import path from "node:path"

export interface Place {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
}

export function here(): Place {
  return { platform: process.platform, env: process.env, home: homedir() }
}

/** For what is to be kept. XDG Base Directory Specification on Linux. */
export function userData({ platform, env, home }: Place): string {
  if (platform === "darwin") return path.join(home, "Library", "Application Support")
  if (platform === "win32") return env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local")
  return absolute(env["XDG_DATA_HOME"]) ?? path.join(home, ".local", "share")
}

/** For what can be made again. */
export function userCache({ platform, env, home }: Place): string {
  if (platform === "darwin") return path.join(home, "Library", "Caches")
  if (platform === "win32") return env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local")
  return absolute(env["XDG_CACHE_HOME"]) ?? path.join(home, ".cache")
}

/** A relative path in such a variable is to be ignored. */
function absolute(folder = ""): string | undefined {
  return path.isAbsolute(folder) ? folder : undefined
}
