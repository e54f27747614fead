/** Folders for manifests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { closers } from "../fixtures/harness.ts"

export { closeAll, closers } from "../fixtures/harness.ts"
export const fixturesFolder = path.resolve(import.meta.dirname, "../fixtures")

/** A folder with these files, gone after the test. */
export async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "mcp-host-middleware-"))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), content)
  }
  return folder
}
