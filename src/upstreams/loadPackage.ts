/**
 * Finds and loads a local server package: a folder, a file or an npm package seen from the manifest's folder, in
 * JavaScript or TypeScript. TypeScript is run by `tsx`, loaded only when a `.ts` entry is met.
 */
import { existsSync, readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { pathToFileURL } from "node:url"
import type { NamespacedUnregister } from "tsx/esm/api"
import { HostError, messageOf } from "../errors.ts"
import type { Manifest, ServerEntry } from "../manifest/types.ts"
import { isJsonObject, type JsonValue } from "../protocol/json.ts"
import { offerHostModules } from "./hostModules.ts"
import { codeFiles, codeKey, codeOf, loadAnew } from "./packageCode.ts"

const entryNames = ["src/index.ts", "index.ts", "src/index.js", "index.js", "index.mjs", "index.cjs"]

/** One for all packages, so that what they share, the SDK above all, is loaded once. */
let typescript: NamespacedUnregister | undefined

/**
 * Loads the module that a specifier names. `directory` is where npm packages are looked for. With `code`, which says what
 * code it is of now, a package that was loaded before is loaded again with all of its own files.
 */
export async function loadPackage(
  specifier: string,
  directory: string,
  code?: string,
): Promise<Record<string, unknown>> {
  const entry = findEntry(specifier, directory)
  try {
    offerHostModules(entry)
    if (code !== undefined) await loadAnew(entry)
    const url = pathToFileURL(entry).href + (code === undefined ? "" : `?${codeKey}=${code}`)
    if (/\.[mc]?tsx?$/.test(entry)) return await loadTypescript(entry, url)
    return (await import(url)) as Record<string, unknown>
  } catch (error) {
    throw new HostError("PACKAGE_NOT_FOUND", `The package ${specifier} cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** The files of all packages that a manifest names by path, manifests inside included. Those of npm packages do not change. */
export function packageFilesOf({ servers }: Manifest): string[] {
  return servers.flatMap(({ target }) => {
    if (target.kind === "manifest") return packageFilesOf(target.manifest)
    return target.kind === "package" ? filesOfPath(target.specifier) : []
  })
}

/** Which code a server in process is of; undefined for other servers and for npm packages. */
export function codeOfServer({ target }: ServerEntry): string | undefined {
  return target.kind === "package" ? codeOfPath(target.specifier) : undefined
}

/** Which code is at a path; undefined when it is none. */
export function codeOfPath(specifier: string): string | undefined {
  const entry = entryAt(specifier)
  return entry === undefined ? undefined : codeOf(entry)
}

/** The files that the code at a path is made of. */
export function filesOfPath(specifier: string): string[] {
  const entry = entryAt(specifier)
  return entry === undefined ? [] : codeFiles(entry)
}

/** The entry file of a package at a path, where there is one. */
function entryAt(specifier: string): string | undefined {
  if (!path.isAbsolute(specifier)) return undefined
  try {
    return findEntry(specifier, specifier)
  } catch (error) {
    // Loading it says what is wrong.
    if (error instanceof HostError) return undefined
    throw error
  }
}

async function loadTypescript(entry: string, url: string): Promise<Record<string, unknown>> {
  const { register, tsImport } = await import("tsx/esm/api")
  // What Node takes for CommonJS has to be loaded by itself: the shared registration does not know it on every Node.
  if (!isEsModule(entry)) return (await tsImport(url, import.meta.url)) as Record<string, unknown>
  typescript ??= register({ namespace: "mcp-host" })
  return (await typescript.import(url, import.meta.url)) as Record<string, unknown>
}

/** Whether Node takes a file for an ES module, by its extension or the `type` of the package.json above it. */
function isEsModule(file: string): boolean {
  if (/\.mts$/.test(file)) return true
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json")
    if (existsSync(manifest)) return (JSON.parse(readFileSync(manifest, "utf8")) as { type?: string }).type === "module"
    if (path.dirname(folder) === folder) return false
  }
}

function findEntry(specifier: string, directory: string): string {
  if (!path.isAbsolute(specifier)) return entryOf(findInstalled(specifier, directory), specifier)
  if (!existsSync(specifier)) throw new HostError("PACKAGE_NOT_FOUND", `The package ${specifier} does not exist`)
  return statSync(specifier).isDirectory() ? entryOf(specifier, specifier) : specifier
}

/** The folder of an npm package, looked for as Node does: in `node_modules` of the folder and of those above it. */
function findInstalled(name: string, directory: string): string {
  for (let folder = directory; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, "node_modules", name)
    if (existsSync(path.join(candidate, "package.json"))) return candidate
    if (path.dirname(folder) === folder) break
  }
  // Workspaces and other resolvers may know it all the same.
  try {
    return path.dirname(createRequire(path.join(directory, "manifest.js")).resolve(`${name}/package.json`))
  } catch {
    throw new HostError("PACKAGE_NOT_FOUND", `The package ${name} is not installed where ${directory} would find it`, {
      help: `Run npm install ${name} in ${directory}.`,
    })
  }
}

function entryOf(folder: string, specifier: string): string {
  const file = path.join(folder, "package.json")
  const named = existsSync(file) ? namedEntry(file) : undefined
  const entry = [named, ...entryNames].find((name) => name !== undefined && existsSync(path.join(folder, name)))
  if (entry !== undefined) return path.join(folder, entry)
  const tried = named === undefined ? entryNames.join(", ") : `${named} (from package.json)`
  throw new HostError("PACKAGE_NOT_FOUND", `The package ${specifier} has no entry file; looked for ${tried}`)
}

/** The `exports["."]` or `main` of a package.json. */
function namedEntry(file: string): string | undefined {
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"))
  if (!isJsonObject(manifest)) return undefined
  const { exports: exported, main } = manifest
  const root = isJsonObject(exported) && "." in exported ? exported["."] : exported
  return conditional(root) ?? (typeof main === "string" ? main : undefined)
}

function conditional(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value
  if (!isJsonObject(value)) return undefined
  return (
    conditional(value["node"]) ??
    conditional(value["import"]) ??
    conditional(value["default"]) ??
    conditional(value["require"])
  )
}
