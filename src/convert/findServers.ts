/** Finds the servers in a client's configuration, wherever that client keeps them. */
import { homedir } from "node:os"
import path from "node:path"
import { isJsonObject, type JsonObject, objectAt, objectsAt, stringAt } from "../protocol/json.ts"
import type { ReadFile } from "./readClientFile.ts"
import type { ClientFile, ClientServer, Dialect } from "./types.ts"

export interface FoundServers {
  readonly servers: readonly ClientServer[]
  /** Top-level keys that have nothing to do with servers, and other things left out. */
  readonly notes: readonly string[]
}

/** Where clients keep servers, by the path of the mapping. */
const places: readonly (readonly string[])[] = [
  ["mcpServers"],
  ["servers"],
  ["context_servers"],
  ["mcp_servers"],
  ["mcp", "servers"],
]

/** Keys at the top of a file that belong to its servers. */
const known = new Set(["$schema", "inputs", "mcp", "projects", ...places.map(([first]) => first)])

/** Undefined when the file holds no servers of a client, not even an empty mapping of them. */
export function findServers(file: ClientFile, { root, isToml, doubled }: ReadFile): FoundServers | undefined {
  const dialect = dialectOf(file, root, isToml)
  const maps = places.flatMap((place) => mapAt(root, place, dialect))
  const opencode = opencodeServers(root)
  if (opencode !== undefined)
    maps.push({ place: ["mcp"], map: opencode, dialect: { ...dialect, references: "opencode" } })
  for (const [folder, project] of Object.entries(objectAt(root, "projects") ?? {}))
    if (isJsonObject(project))
      maps.push(...mapAt(project, ["mcpServers"], { ...dialect, workspace: folder }, ["projects", folder]))
  if (maps.length === 0) return undefined
  const servers = maps.flatMap(({ place, map, dialect: spoken }) =>
    Object.entries(map).flatMap(([key, entry]): ClientServer[] => {
      const from = `${file.name}: ${[...place, key].join(".")}`
      return isJsonObject(entry) ? [{ key, entry, from, dialect: spoken }] : []
    }),
  )
  return { servers, notes: notesOf({ file, root, doubled, maps: maps.map(({ map }) => map) }) }
}

interface ServerMap {
  readonly place: readonly string[]
  readonly map: JsonObject
  readonly dialect: Dialect
}

function mapAt(
  root: JsonObject,
  place: readonly string[],
  dialect: Dialect,
  above: readonly string[] = [],
): ServerMap[] {
  let at: JsonObject | undefined = root
  for (const key of place) at = at === undefined ? undefined : objectAt(at, key)
  // A manifest written as JSON has `servers` too; its entries have another form.
  const isManifest = Object.values(at ?? {}).some(
    (entry) => isJsonObject(entry) && ("mount" in entry || "import" in entry),
  )
  return at === undefined || isManifest ? [] : [{ place: [...above, ...place], map: at, dialect }]
}

function opencodeServers(root: JsonObject): JsonObject | undefined {
  const mcp = objectAt(root, "mcp") ?? {}
  const isServer = (entry: unknown): boolean =>
    isJsonObject(entry) && (entry["type"] === "local" || entry["type"] === "remote")
  const entries = Object.entries(mcp).filter(([, entry]) => isServer(entry))
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** Folders in which clients keep the configuration of one project. */
const projectFolders = new Set([
  ".vscode",
  ".cursor",
  ".roo",
  ".kilocode",
  ".gemini",
  ".codex",
  ".zed",
  ".windsurf",
  ".claude",
])

function dialectOf({ path: file }: ClientFile, root: JsonObject, isToml: boolean): Dialect {
  const folder = path.basename(path.dirname(file))
  const outer = path.dirname(path.dirname(file))
  const isProject = projectFolders.has(folder) && outer !== homedir()
  const isBeside = [".mcp.json", "opencode.json", "opencode.jsonc"].includes(path.basename(file))
  const isGemini = folder === ".gemini" || hasGeminiKeys(root)
  const isCode = "servers" in root || "inputs" in root || objectAt(objectAt(root, "mcp") ?? {}, "servers") !== undefined
  const inputs = [...objectsAt(root, "inputs"), ...objectsAt(objectAt(root, "mcp") ?? {}, "inputs")]
  return {
    references: isToml ? "none" : isGemini ? "gemini" : "common",
    client: isGemini ? "gemini" : isCode ? "vscode" : "other",
    workspace: isProject ? outer : isBeside ? path.dirname(file) : undefined,
    inputs: new Map(inputs.map((input) => [stringAt(input, "id") ?? "", input])),
  }
}

function hasGeminiKeys(root: JsonObject): boolean {
  const entries = Object.values(objectAt(root, "mcpServers") ?? {})
  return entries.some(
    (entry) => isJsonObject(entry) && ["httpUrl", "includeTools", "excludeTools"].some((key) => key in entry),
  )
}

interface Noted {
  readonly file: ClientFile
  readonly root: JsonObject
  readonly doubled: readonly string[]
  readonly maps: readonly JsonObject[]
}

function notesOf({ file, root, doubled, maps }: Noted): string[] {
  const foreign = Object.keys(root).filter((key) => !known.has(key))
  const broken = maps.flatMap((map) => Object.entries(map).filter(([, entry]) => !isJsonObject(entry)))
  const { servers: _servers, inputs: _inputs, ...mcp } = objectAt(root, "mcp") ?? {}
  const rules = Object.entries(mcp)
    .filter(([, entry]) => !isJsonObject(entry))
    .map(([key]) => `mcp.${key}`)
  return [
    ...(foreign.length === 0 ? [] : [`${file.name}: not about servers, so left out: ${foreign.join(", ")}`]),
    ...rules.map((key) => `${file.name}: ${key} was left out: mcp-host has no such setting`),
    ...doubled.map((key) => `${file.name}: ${key} is given twice; the last one counts`),
    ...broken.map(([key]) => `${file.name}: ${key} was left out: it is no mapping`),
  ]
}
