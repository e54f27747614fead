/** Reads what `import` or `mount` says: which kind of server, and where. Runs on values the schema has accepted. */
import { statSync } from "node:fs"
import { resolve } from "node:path"
import { isWebUrl } from "./fields.ts"
import { reasonOf } from "./readText.ts"
import type { TargetInput } from "./schema.ts"
import { type Path, type Scope, valueWords } from "./scope.ts"
import { targetWords } from "./targetSchema.ts"
import { nodeAt } from "./tree.ts"
import type { ManifestTarget, PackageTarget, Target } from "./types.ts"
import { pathText } from "./words.ts"

/** What one file says of a server; the manifest it names is not read yet. */
export type TargetReading = Exclude<Target, ManifestTarget> | ManifestReference

export interface ManifestReference {
  readonly kind: "manifest"
  /** Absolute path. */
  readonly file: string
}

type TargetMapping = Exclude<TargetInput, string>

/** The target, or undefined when a problem was reported. */
export function readTarget(input: TargetInput, path: Path, scope: Scope): TargetReading | undefined {
  if (typeof input !== "string") return readMapping(input, path, scope)
  if (isWebUrl(input)) return readUrl({ url: input }, path, scope)
  return readPackage({ package: input }, path, scope)
}

function readMapping(input: TargetMapping, path: Path, scope: Scope): TargetReading | undefined {
  if ("url" in input) return readUrl(input, path, scope)
  if ("package" in input) return readPackage(input, path, scope)
  if ("manifest" in input) return { kind: "manifest", file: resolve(scope.directoryOf(path), input.manifest) }
  const cwd = resolve(scope.directoryOf(path), input.cwd ?? ".")
  if (input.cwd !== undefined && !checkFolder(cwd, [...path, "cwd"], scope)) return undefined
  return {
    kind: "stdio",
    command: input.command,
    args: input.args ?? [],
    env: input.env ?? {},
    cwd,
    inheritEnv: input.inheritEnv ?? [],
    era: input.era ?? "auto",
  }
}

function readUrl(input: Extract<TargetMapping, { url: string }>, path: Path, scope: Scope): TargetReading | undefined {
  const { username, password } = new URL(input.url)
  if (username !== "" || password !== "") {
    const message = `${pathText(path)}: the URL holds a user name or password, which are not allowed there`
    const help = "Use the mapping form, { url, headers: { Authorization: … } }."
    scope.problem("MANIFEST_INVALID_VALUE", placeOf(path, "url", scope), message, help)
    return undefined
  }
  const { url, transport = "auto", headers = {}, era = "auto" } = input
  return { kind: "http", url, transport, headers, era }
}

/** npm's rules for names, and a subpath of the package's exports. */
const packageName = /^(@[\w-][\w.-]*\/)?[A-Za-z0-9-][\w.-]*(\/[\w.-]+)*$/

function readPackage(
  input: Extract<TargetMapping, { package: string }>,
  path: Path,
  scope: Scope,
): PackageTarget | undefined {
  const at = placeOf(path, "package", scope)
  const found = isPath(input.package) ? findPath(input.package, at, scope) : splitName(input.package)
  if (found === undefined) return undefined
  if (!isPath(input.package) && !packageName.test(found.specifier)) {
    const message = `${pathText(at)} must be ${targetWords}, given ${givenAt(at, scope)}`
    scope.problem(
      "MANIFEST_INVALID_VALUE",
      at,
      message,
      "A path begins with ./, ../ or /; a URL with http:// or https://.",
    )
    return undefined
  }
  if (found.export !== undefined && input.export !== undefined) {
    const message = `${pathText(path)} names an export twice, after # and as export`
    scope.problem("MANIFEST_INVALID_VALUE", [...path, "export"], message, "Keep one of the two.")
    return undefined
  }
  const name = input.export ?? found.export
  const { era = "auto", env = {}, inheritEnv = [] } = input
  const target = { kind: "package", specifier: found.specifier, era, env, inheritEnv } as const
  return name === undefined ? target : { ...target, export: name }
}

/** The absolute path or npm package of a module that is no server; undefined when a problem was reported. */
export function readModule(text: string, at: Path, scope: Scope): string | undefined {
  if (!isPath(text) && packageName.test(text)) return text
  if (isPath(text)) {
    const file = resolve(scope.directoryOf(at), text)
    const reason = problemWith(file)
    if (reason === undefined) return file
    scope.problem("MANIFEST_MISSING_PATH", at, `${pathText(at)}: the path ${givenAt(at, scope)} ${reason}`)
    return undefined
  }
  const message = `${pathText(at)} must be a path or an npm package, given ${givenAt(at, scope)}`
  scope.problem("MANIFEST_INVALID_VALUE", at, message, "A path begins with ./, ../ or /.")
  return undefined
}

/** The short form has its value at the path itself, the mapping under a key. */
function placeOf(path: Path, key: string, scope: Scope): Path {
  return nodeAt(scope.tree, path)?.kind === "map" ? [...path, key] : path
}

function givenAt(path: Path, scope: Scope): string {
  const node = nodeAt(scope.tree, path)
  return node === undefined ? "nothing" : valueWords(node, path)
}

function isPath(text: string): boolean {
  return /^(\.{1,2}([/\\]|$|#)|\/|[A-Za-z]:[\\/])/.test(text)
}

interface Found {
  readonly specifier: string
  readonly export?: string | undefined
}

function splitName(text: string): Found {
  const hash = text.indexOf("#")
  return hash === -1
    ? { specifier: text }
    : { specifier: text.slice(0, hash), export: text.slice(hash + 1) || undefined }
}

/** A path may hold a `#` itself: the whole is tried first. */
function findPath(text: string, at: Path, scope: Scope): Found | undefined {
  const whole = resolve(scope.directoryOf(at), text)
  const reason = problemWith(whole)
  if (reason === undefined) return { specifier: whole }
  const hash = text.lastIndexOf("#")
  const start = hash > 0 ? resolve(scope.directoryOf(at), text.slice(0, hash)) : whole
  if (hash > 0 && problemWith(start) === undefined)
    return { specifier: start, export: text.slice(hash + 1) || undefined }
  scope.problem("MANIFEST_MISSING_PATH", at, `${pathText(at)}: the path ${givenAt(at, scope)} ${reason}`)
  return undefined
}

function problemWith(file: string): string | undefined {
  try {
    statSync(file)
    return undefined
  } catch (error) {
    return reasonOf(error).reason
  }
}

function checkFolder(file: string, at: Path, scope: Scope): boolean {
  let reason = problemWith(file)
  if (reason === undefined && !statSync(file).isDirectory()) reason = "is not a folder"
  if (reason !== undefined) {
    scope.problem("MANIFEST_MISSING_PATH", at, `${pathText(at)}: the path ${givenAt(at, scope)} ${reason}`)
  }
  return reason === undefined
}
