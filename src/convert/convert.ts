/**
 * Turns the configuration files of MCP clients into one manifest: `mcp-host convert`, and `mcp-host run` of such a file.
 * It reads no environment and starts nothing. What has no counterpart is told in comments of the manifest and as notes.
 */
import { statSync } from "node:fs"
import path from "node:path"
import { isDeepStrictEqual } from "node:util"
import { HostError } from "../errors.ts"
import { isJsonObject, type JsonValue } from "../protocol/json.ts"
import { convertServer } from "./convertServer.ts"
import { findServers } from "./findServers.ts"
import { toServerKey } from "./names.ts"
import { readClientFile } from "./readClientFile.ts"
import { renderManifest } from "./render.ts"
import type { ClientFile, ClientServer, Draft, Variable } from "./types.ts"
import { createVariables, keepSecrets } from "./variables.ts"

export interface ConvertFilesOptions {
  /** Where the manifest will be; relative paths start there. */
  readonly directory: string
  /** False: secrets stay where they are, for a manifest that nobody keeps. Default true. */
  readonly hideSecrets?: boolean
}

export interface Converted {
  /** The manifest, as YAML with comments. */
  readonly text: string
  readonly servers: readonly Draft[]
  readonly variables: readonly Variable[]
  readonly notes: readonly string[]
}

/** Throws `CONVERT_UNREADABLE` for a file that cannot be read, and `CONVERT_NO_SERVERS` for one without servers. */
export async function convertFiles(files: readonly ClientFile[], options: ConvertFilesOptions): Promise<Converted> {
  const found = await Promise.all(
    files.map(async (file) => ({ file, servers: findServers(file, await readClientFile(file)) })),
  )
  const empty = found.find(({ servers }) => servers === undefined)
  if (empty !== undefined) {
    const message = `${empty.file.name} has none of the keys mcpServers, servers, context_servers and mcp_servers`
    throw new HostError("CONVERT_NO_SERVERS", message)
  }
  const notes = found.flatMap(({ servers }) => servers?.notes ?? [])
  const kept = withoutRepeats(
    found.flatMap(({ servers }) => servers?.servers ?? []),
    notes,
  )
  const variables =
    options.hideSecrets === false ? keepSecrets() : createVariables(kept.flatMap(({ entry }) => textsIn(entry)))
  const drafts = withUniqueKeys(
    kept.map((server) => {
      const workspace =
        server.dialect.workspace === undefined ? undefined : folderFrom(options.directory, server.dialect.workspace)
      const folder = (given: string) =>
        path.isAbsolute(given)
          ? isFolder(given)
            ? given
            : undefined
          : folderFrom(options.directory, path.resolve(server.dialect.workspace ?? options.directory, given))
      return convertServer(server, { variables, folder, workspace: workspace === "." ? undefined : workspace })
    }),
  )
  const list = usedIn(drafts, variables.list())
  return { text: renderManifest({ files, drafts, variables: list, notes }), servers: drafts, variables: list, notes }
}

/** Whether a file that is given as a manifest is one of a client instead; false when it cannot be told. */
export async function isClientFile(file: ClientFile): Promise<boolean> {
  try {
    return findServers(file, await readClientFile(file)) !== undefined
  } catch (error) {
    // It may be YAML; whoever reads it as a manifest says what is wrong with it.
    if (error instanceof HostError) return file.path.toLowerCase().endsWith(".toml")
    throw error
  }
}

/** Several clients often have the same servers. */
function withoutRepeats(servers: readonly ClientServer[], notes: string[]): ClientServer[] {
  const kept: ClientServer[] = []
  for (const server of servers) {
    const same = kept.find(({ key, entry }) => key === server.key && isDeepStrictEqual(entry, server.entry))
    if (same === undefined) kept.push(server)
    else notes.push(`${server.from} is the same as ${same.from}`)
  }
  return kept
}

function withUniqueKeys(drafts: readonly Draft[]): Draft[] {
  const taken = new Set<string>()
  return drafts.map((draft) => {
    const wanted = toServerKey(draft.key)
    let key = wanted
    for (let count = 2; taken.has(key); count += 1) key = `${wanted}-${count}`
    taken.add(key)
    if (key === draft.key) return draft
    const why = key === wanted ? "keys here are letters, digits, - and _" : `another server is called ${wanted}`
    return { ...draft, key, notes: [`it was called ${JSON.stringify(draft.key)}: ${why}`, ...draft.notes] }
  })
}

/** Those without which the manifest is not complete; what is commented out needs none. */
function usedIn(drafts: readonly Draft[], variables: readonly Variable[]): Variable[] {
  const texts = drafts.filter(({ inactive }) => inactive === undefined).flatMap(({ value }) => textsIn(value))
  return variables.filter(({ name }) => texts.some((text) => text.includes(`\${${name}}`)))
}

function textsIn(value: JsonValue): string[] {
  if (typeof value === "string") return [value]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  return isJsonObject(value) ? Object.values(value).flatMap(textsIn) : []
}

/** A folder as the manifest writes it, or undefined when there is none. Near ones are relative, so that both can move. */
function folderFrom(directory: string, folder: string): string | undefined {
  if (!isFolder(folder)) return undefined
  const relative = path.relative(directory, folder).replaceAll(path.sep, "/")
  if (relative === "" || relative === "..") return relative === "" ? "." : relative
  return relative.startsWith("../") || path.isAbsolute(relative) ? folder : `./${relative}`
}

function isFolder(folder: string): boolean {
  return !folder.includes("\0") && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
}
