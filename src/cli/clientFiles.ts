/** Configuration files of MCP clients, given where a manifest is expected. Loaded only for files that end as theirs do. */
import { dirname, resolve } from "node:path"
import { convertFiles, isClientFile } from "../convert/convert.ts"
import type { ClientFile } from "../convert/types.ts"
import { HostError } from "../errors.ts"
import { readText } from "../manifest/readText.ts"
import { printNote } from "./terminal.ts"

/** Some clients keep their history in the same file. */
const largestClientFile = 16 * 1024 * 1024

export async function readClientFileText(name: string): Promise<ClientFile> {
  const path = resolve(name)
  const result = await readText(path, largestClientFile)
  if ("text" in result) return { name, path, text: result.text }
  throw new HostError("CONVERT_UNREADABLE", `${name} ${result.reason}`)
}

/** The file as a manifest, with its secrets where they are; undefined when it is no client's. */
export async function manifestOfClient(name: string): Promise<string | undefined> {
  const file = await readClientFileText(name)
  if (!(await isClientFile(file))) return undefined
  const { text } = await convertFiles([file], { directory: dirname(file.path), hideSecrets: false })
  printNote(
    `${name} is the configuration of a client. To make a manifest of it: mcp-host convert ${name} -o mcp-host.yaml`,
  )
  return text
}
