/**
 * Loads `mcp-host.yaml`, with the manifests it composes: reads, parses, fills in `${…}`, checks, applies defaults. All problems come in one
 * `ManifestError`; nothing else is thrown. Starts no server and does not look at what a package exports. The command
 * line and the host call it.
 */
import { existsSync } from "node:fs"
import { dirname, relative, resolve } from "node:path"
import { hostErrors } from "../errors.ts"
import { checkRules, type Readings } from "./checks.ts"
import { createValues, type Environment, loadEnvFile } from "./environment.ts"
import { isWebUrl } from "./fields.ts"
import { identityOf, parseWithIncludes } from "./include.ts"
import type { Interpolated } from "./interpolate.ts"
import { lockPath } from "./lockPath.ts"
import { ManifestError, type Problem } from "./manifestError.ts"
import { middlewareWarnings } from "./middleware/read.ts"
import { normalize } from "./normalize.ts"
import { checkSchema } from "./problems.ts"
import { readText, type TextResult } from "./readText.ts"
import { createReport, type Report } from "./report.ts"
import type { ManifestInput } from "./schema.ts"
import { createScope, isSecret, type Path, type Scope, valueWords } from "./scope.ts"
import { keyAt, nodeAt, offsetOf, type Tree, toValue } from "./tree.ts"
import type { Manifest, ManifestTarget, ManifestWarning, SecuritySection, Target } from "./types.ts"
import { pathText, quote } from "./words.ts"

export interface LoadOptions {
  /** Variables for `${VAR}`; default `process.env`. */
  readonly env?: Environment
  /** Replaces `.env` beside the manifest, and must exist. Relative to the working directory. */
  readonly envFile?: string | undefined
  /** The manifest, made of the file, which is of another format: the file itself is not read. */
  readonly text?: string | undefined
  /** False: no lock is read, so none counts. Default true. */
  readonly lock?: boolean
  /** Told of every path whose content decides what is loaded: files, whether they exist or not, and patterns. */
  readonly watch?: (path: string) => void
}

export const largestManifest = 1024 * 1024

export async function loadManifest(file: string, options: LoadOptions = {}): Promise<Manifest> {
  const loading: Loading = { options, problems: [], files: [] }
  const path = resolve(file)
  options.watch?.(path)
  const result = options.text === undefined ? await readText(path, largestManifest) : { text: options.text }
  if (!("text" in result)) throw unreadable(file, path, result)
  const manifest = await fromText(createReport(path, result.text), host, loading)
  const [first, ...rest] = loading.problems
  if (first !== undefined) throw new ManifestError([first, ...rest], loading.files)
  // Whatever yields no manifest reports why.
  if (manifest === undefined) throw new Error("The manifest has neither a value nor a problem.")
  return manifest
}

/** What loading a manifest and all manifests inside it has found. */
interface Loading {
  readonly options: LoadOptions
  readonly problems: Problem[]
  readonly files: { readonly file: string; readonly text: string }[]
}

/** Where a manifest stands among those that compose each other. */
interface Standing {
  /** Before the keys of its servers, `team/`. */
  readonly path: string
  /** Files of the manifests around it, outermost first. */
  readonly chain: readonly string[]
  /** True when a manifest around it imports it. */
  readonly frozen: boolean
}

const host: Standing = { path: "", chain: [], frozen: false }

async function fromText(report: Report, standing: Standing, loading: Loading): Promise<Manifest | undefined> {
  const { env = process.env, envFile, watch = () => undefined } = loading.options
  const directory = dirname(report.file)
  // Another environment file stands in for the one beside the manifest of the host only.
  const fileEnv = await loadEnvFile({ directory, envFile: standing === host ? envFile : undefined, watch }, report)
  const valuesIn = (folder: string) => createValues({ env, fileEnv, directory: folder, watch })
  const parsed = await parseWithIncludes(report, { limitBytes: largestManifest, valuesIn, watch })
  const checked = parsed === undefined ? undefined : check(parsed, report)
  const inside = new Map<string, ManifestTarget>()
  const own = loading.problems.length
  for (const [key, target] of checked?.readings.targets ?? []) {
    if (target.kind !== "manifest" || checked === undefined) continue
    const manifest = await loadInside(key, target.file, { ...checked, report, standing, loading })
    if (manifest !== undefined) inside.set(key, { kind: "manifest", manifest })
  }
  const security =
    checked === undefined ? undefined : await readSecurity(checked, { file: report.file, standing, loading })
  // Those of this manifest first.
  loading.problems.splice(own, 0, ...inOrder(report))
  loading.files.push(...report.files)
  if (checked === undefined || security === undefined || loading.problems.length > 0) return undefined
  const { tree, readings, used } = checked
  const nested = [...inside.values()].map(({ manifest }) => manifest)
  const targets = [...readings.targets].flatMap(([key, target]): [string, Target][] => {
    const full = target.kind === "manifest" ? inside.get(key) : target
    return full === undefined ? [] : [[key, full]]
  })
  const placeOf = (path: Path) => report.placeAt(keyAt(tree, path)?.start ?? offsetOf(tree, path))
  // The schema has accepted it.
  return normalize(toValue(tree) as ManifestInput, {
    ...{ file: report.file, directory, readings, path: standing.path, frozen: standing.frozen },
    targets: new Map(targets),
    security,
    secrets: [...new Set([...secretsOf(used, tree), ...nested.flatMap(({ secrets }) => secrets)])],
    warnings: [
      ...ignored(tree, report, standing),
      ...middlewareWarnings(tree, readings.middleware, placeOf),
      ...nested.flatMap(({ warnings }) => warnings),
    ],
    profiles: keysOf(tree, "profiles"),
    placeOf,
  })
}

interface Checked {
  /** With interpolated numbers and booleans made such. */
  readonly tree: Tree
  readonly scope: Scope
  readonly readings: Readings
  readonly used: Interpolated["used"]
}

function check({ tree, used, failed }: Interpolated, report: Report): Checked {
  const scope = createScope(tree, report, failed)
  const checked = { ...scope, tree: checkSchema(scope) }
  return { tree: checked.tree, scope: checked, readings: checkRules(checked), used }
}

/** What the lock beside a manifest says; undefined when a problem was reported. */
async function readSecurity(
  { tree, scope }: Checked,
  { file, standing, loading }: { readonly file: string; readonly standing: Standing; readonly loading: Loading },
): Promise<SecuritySection | undefined> {
  const wanted = nodeAt(tree, ["security", "lock"])
  const { lock: counts = true, watch = () => undefined } = loading.options
  const asked = wanted?.kind === "scalar" ? String(wanted.value) : undefined
  if (asked === "off" || !counts) return { lock: "off" }
  watch(lockPath(file))
  // Most manifests have none: what reads it is loaded for those that do.
  if (asked === undefined && !existsSync(lockPath(file))) return { lock: "off" }
  const { securityOf } = await import("./security.ts")
  return securityOf(asked === "enforce" ? asked : "warn", { file: lockPath(file), scope, path: standing.path })
}

interface Around extends Checked {
  readonly report: Report
  readonly standing: Standing
  readonly loading: Loading
}

/** Loads a manifest that another composes; undefined when a problem was reported. */
async function loadInside(key: string, file: string, around: Around): Promise<Manifest | undefined> {
  const { tree, scope, report, standing, loading } = around
  const frozen = nodeAt(tree, ["servers", key, "import"]) !== undefined
  const at = ["servers", key, frozen ? "import" : "mount", "manifest"]
  const given = nodeAt(tree, at)
  const shown = given === undefined ? quote(file) : valueWords(given, at)
  loading.options.watch?.(file)
  const chain = [...standing.chain, identityOf(report.file)]
  const identity = identityOf(file)
  if (chain.includes(identity)) {
    const way = [...chain.slice(chain.indexOf(identity)), identity].map((each) =>
      relative(dirname(chain[0] ?? each), each),
    )
    const message = `${pathText(at)}: the manifest ${shown} composes itself: ${way.join(" → ")}`
    scope.problem("MANIFEST_CYCLE", at, message)
    return undefined
  }
  const result = await readText(file, largestManifest)
  if (!("text" in result)) {
    const code = result.code === "MANIFEST_NOT_FOUND" ? "MANIFEST_MISSING_PATH" : result.code
    scope.problem(code, at, `${pathText(at)}: the manifest ${shown} ${result.reason}`)
    return undefined
  }
  const path = `${standing.path}${key}/`
  return fromText(createReport(file, result.text), { path, chain, frozen: frozen || standing.frozen }, loading)
}

/** Sections of a manifest inside another that have no effect there. */
function ignored(tree: Tree, report: Report, standing: Standing): ManifestWarning[] {
  if (standing === host) return []
  const by = standing.path.slice(0, -1)
  return ["endpoint", "profiles", "telemetry"].flatMap((section) => {
    const key = keyAt(tree, [section])
    if (key === undefined) return []
    const message = `${section} of this manifest counts for nothing where it is composed as ${by}`
    const { help } = hostErrors.MANIFEST_IGNORED_SECTION
    return [{ code: "MANIFEST_IGNORED_SECTION", message, help, place: report.placeAt(key.start) } as const]
  })
}

/** In the order of the file, which an object does not keep for keys that are numbers. */
function keysOf(tree: Tree, section: string): string[] {
  const node = nodeAt(tree, [section])
  return node?.kind === "map" ? [...node.entries.keys()] : []
}

/** Keys inside a target that hold no secret: taking a path for one would make logs unreadable. */
const openKeys: readonly unknown[] = [
  "command",
  "cwd",
  "package",
  "manifest",
  "export",
  "era",
  "transport",
  "inheritEnv",
]

/**
 * The values to keep from being shown: those in what a server is given, and in texts about the host. Those of ports,
 * paths and policies are none.
 */
function secretsOf(used: readonly { readonly value: string; readonly path: Path }[], tree: Tree): string[] {
  const confidential = used.filter(({ value, path }) => {
    const [section, , key, inside] = path
    if (section === "middleware") return value !== ""
    if (section === "storage" || section === "telemetry") return value !== "" && isSecret(path)
    if (value === "" || section === "host") return value !== ""
    if (section !== "servers") return false
    if (key !== "import" && key !== "mount") return key === "config" || key === "middleware" || isHiddenValue(path)
    if (inside !== undefined) return !openKeys.includes(inside)
    const node = nodeAt(tree, path)
    return node?.kind === "scalar" && typeof node.value === "string" && isWebUrl(node.value)
  })
  return [...new Set(confidential.map(({ value }) => value))]
}

/** In the order of the files and in each of its lines; those of `.env` last. */
function inOrder({ problems, files }: Report): Problem[] {
  const order = new Map(files.map(({ file }, at) => [file, at]))
  const rank = (problem: Problem) => order.get(problem.place.file) ?? files.length
  return problems.toSorted(
    (a, b) => rank(a) - rank(b) || a.place.line - b.place.line || a.place.column - b.place.column,
  )
}

function unreadable(file: string, path: string, result: Exclude<TextResult, { text: string }>): ManifestError {
  const before = result.before ?? ""
  const lines = before.split("\n")
  const place = { file: path, line: lines.length, column: (lines.at(-1) ?? "").length + 1 }
  const message = `the manifest ${quote(file)} ${result.reason}`
  return new ManifestError([
    { code: result.code, message, help: hostErrors[result.code].help, place, severity: "error" },
  ])
}

/** What a hidden argument always is: clients do not see it. */
function isHiddenValue([, , , override, , args, , value]: Path): boolean {
  return override === "override" && args === "args" && value === "value"
}
