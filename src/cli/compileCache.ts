/**
 * Keeps what V8 has compiled of the command for its next start (`module.enableCompileCache`,
 * https://nodejs.org/api/module.html#module-compile-cache; from Node 22.1 on). What lies there is run, so the folder is the
 * user's own: Node's default is a fixed name in the temporary folder, where others may come first.
 */
import { lstatSync, mkdirSync } from "node:fs"
import module from "node:module"
import path from "node:path"
import { here, userCache } from "../storage/userFolders.ts"

interface CompileCache {
  enableCompileCache?(folder: string): unknown
}

/** Does nothing where Node has no such cache, or there is no folder for it that only the user can write. */
export function keepCompiled(): void {
  const { enableCompileCache } = module as CompileCache
  if (enableCompileCache === undefined || process.env["NODE_COMPILE_CACHE"] !== undefined) return
  const folder = path.join(userCache(here()), "mcp-host")
  if (isOwn(folder)) enableCompileCache(folder)
}

function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const found = lstatSync(folder)
    // Windows has no such numbers; what is below a user's folder is the user's there.
    const user = process.getuid?.()
    return found.isDirectory() && (user === undefined || (found.uid === user && (found.mode & 0o022) === 0))
  } catch {
    // No home, or one that cannot be written: it goes without.
    return false
  }
}
