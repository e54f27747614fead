import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { parse } from "yaml"
import { type Converted, convertFiles } from "../../src/convert/convert.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import type { Manifest } from "../../src/manifest/types.ts"

const folders: string[] = []

export function cleanUp(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "mcp-host-convert-"))
  folders.push(folder)
  return folder
}

/** Converts texts as if each were a file of that name in a folder of its own. */
export async function converted(
  files: Readonly<Record<string, object | string>>,
  folder = "/nowhere",
): Promise<Converted> {
  const list = Object.entries(files).map(([name, content]) => ({
    name,
    path: path.join(folder, name),
    text: typeof content === "string" ? content : JSON.stringify(content),
  }))
  return convertFiles(list, { directory: folder })
}

/** The servers of what a client's `mcpServers` becomes. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export async function serversOf(entries: object, name = "mcp.json"): Promise<any> {
  return parse((await converted({ [name]: { mcpServers: entries } })).text).servers
}

/** Loads the text as a manifest with every variable it wants set. */
export async function loaded({ text, variables }: Converted, folder: string): Promise<Manifest> {
  const file = path.join(folder, "mcp-host.yaml")
  writeFileSync(file, text)
  // A value that is good in every place, also as a URL.
  const env = Object.fromEntries(variables.map(({ name }) => [name, `https://value.example.com/${name}`]))
  return loadManifest(file, { env: { HOME: "/home/me", ...env } })
}
