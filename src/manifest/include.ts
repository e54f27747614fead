/**
 * Merges the files that `include` names into the tree of a manifest: their `servers` and `profiles`, and what they
 * include themselves. Values are filled in file by file, because relative paths start at the folder of their file.
 */
import { readdirSync, realpathSync } from "node:fs"
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import { isMatch } from "matcher"
import type { SourcePlace } from "../errors.ts"
import { type Interpolated, interpolateTree, type Values } from "./interpolate.ts"
import { parseTree } from "./parseTree.ts"
import { readText, reasonOf } from "./readText.ts"
import type { Report } from "./report.ts"
import { type MapEntry, type MapTree, nodeAt, type Tree } from "./tree.ts"
import { didYouMean, quote } from "./words.ts"

/** Files one manifest may include, each at most as large as a manifest. */
const mostIncluded = 256

/** The keys of an included file. */
const sections = ["servers", "profiles"] as const
const allowedKeys: readonly string[] = [...sections, "include"]

export interface IncludeOptions {
  /** Largest file, in bytes. */
  readonly limitBytes: number
  /** Where `${…}` takes its values from in a file of this folder. */
  readonly valuesIn: (directory: string) => Values
  /** Told of every file and pattern that was looked for. */
  readonly watch: (path: string) => void
}

/** The tree of the manifest's own file with everything it includes; undefined when that file cannot be parsed. */
export async function parseWithIncludes(report: Report, options: IncludeOptions): Promise<Interpolated | undefined> {
  const written = parseTree(report)
  if (written === undefined) return undefined
  const root = interpolateTree(written, options.valuesIn(dirname(report.file)), report)
  const merger: Merger = {
    root: report,
    options,
    servers: entriesOf(root.tree, "servers"),
    profiles: entriesOf(root.tree, "profiles"),
    used: [...root.used],
    failed: [...root.failed],
    included: new Set(),
  }
  await includeFrom(root, report, [identityOf(report.file)], merger)
  return { tree: withSections(root.tree, merger), used: merger.used, failed: merger.failed }
}

interface Merger extends Record<(typeof sections)[number], Map<string, MapEntry>> {
  /** Places offsets of the merged tree. */
  readonly root: Report
  readonly options: IncludeOptions
  readonly used: Interpolated["used"][number][]
  readonly failed: Interpolated["failed"][number][]
  readonly included: Set<string>
}

function entriesOf(tree: Tree, section: string): Map<string, MapEntry> {
  const node = nodeAt(tree, [section])
  return new Map(node?.kind === "map" ? node.entries : [])
}

function withSections(tree: Tree, merger: Merger): Tree {
  if (tree.kind !== "map" || merger.included.size === 0) return tree
  const entries = new Map(tree.entries)
  for (const section of sections) {
    const own = entries.get(section)
    const given = own === undefined ? merger[section].size > 0 : own.value.kind === "map"
    if (!given) continue
    const { span } = own?.value ?? tree
    entries.set(section, { key: own?.key ?? tree.span, value: { kind: "map", span, entries: merger[section] } })
  }
  return { ...tree, entries }
}

/** `chain` are the files that led here, the manifest first. */
async function includeFrom(
  { tree, failed }: Interpolated,
  report: Report,
  chain: readonly string[],
  merger: Merger,
): Promise<void> {
  const list = nodeAt(tree, ["include"])
  for (const [at, item] of list?.kind === "list" ? list.items.entries() : []) {
    // Whatever is no text, or could not be filled in, is reported elsewhere.
    if (item.kind !== "scalar" || typeof item.value !== "string" || item.value === "") continue
    if (failed.some((path) => path[0] === "include" && path[1] === at)) continue
    const problem = (code: Parameters<Report["add"]>[0], message: string, help?: string): void =>
      report.add(code, item.span.start, message, help)
    const pattern = resolve(dirname(report.file), item.value)
    merger.options.watch(pattern)
    const files = filesOf(pattern)
    const given = quote(item.interpolated ? item.source : item.value)
    if (files.length === 0) problem("MANIFEST_MISSING_PATH", `include: no file matches ${given}`)
    for (const file of files) {
      const identity = identityOf(file)
      if (chain.includes(identity)) {
        const way = [...chain.slice(chain.indexOf(identity)), identity].map((each) => shortPath(each, report.file))
        const help = "Take one of these files out of the include of the other."
        problem("MANIFEST_CYCLE", `include: ${given} comes back to a file that includes it: ${way.join(" → ")}`, help)
      } else if (!merger.included.has(identity)) {
        merger.included.add(identity)
        if (merger.included.size > mostIncluded) {
          return problem("MANIFEST_TOO_LARGE", `include: the manifest includes more than ${mostIncluded} files`)
        }
        await includeFile(file, { problem, given, chain: [...chain, identity], merger })
      }
    }
  }
}

interface Including {
  readonly problem: (code: Parameters<Report["add"]>[0], message: string, help?: string) => void
  /** The item of `include`, for messages. */
  readonly given: string
  readonly chain: readonly string[]
  readonly merger: Merger
}

async function includeFile(file: string, { problem, given, chain, merger }: Including): Promise<void> {
  const { root, options } = merger
  options.watch(file)
  const result = await readText(file, options.limitBytes)
  if (!("text" in result)) {
    const code = result.code === "MANIFEST_NOT_FOUND" ? "MANIFEST_MISSING_PATH" : result.code
    return problem(code, `include: the file ${given} ${result.reason}`)
  }
  const report = root.include(file, result.text)
  const written = parseTree(report)
  if (written?.kind !== "map") return
  const filled = interpolateTree(written, options.valuesIn(dirname(file)), report)
  merger.used.push(...filled.used)
  merger.failed.push(...filled.failed)
  // Filling in keeps the form.
  checkKeys(filled.tree as MapTree, report)
  for (const section of sections) mergeSection(section, filled.tree, report, merger)
  await includeFrom(filled, report, chain, merger)
}

function checkKeys(tree: MapTree, report: Report): void {
  for (const [key, entry] of tree.entries) {
    if (allowedKeys.includes(key)) continue
    const hint = didYouMean(key, allowedKeys)
    const message = `unknown key ${quote(key)} in an included file.${hint} Allowed: ${allowedKeys.join(", ")}`
    report.add("MANIFEST_UNKNOWN_KEY", entry.key.start, message, "Put it into the manifest itself.")
  }
  const list = tree.entries.get("include")?.value
  const texts = list?.kind === "list" && list.items.every((item) => item.kind === "scalar" && isText(item.value))
  if (list !== undefined && !texts)
    report.add("MANIFEST_INVALID_VALUE", list.span.start, "include must be a list of paths, of which * may be a part")
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== ""
}

function mergeSection(section: (typeof sections)[number], tree: Tree, report: Report, merger: Merger): void {
  const node = nodeAt(tree, [section])
  if (node === undefined) return
  if (node.kind !== "map") {
    report.add("MANIFEST_INVALID_VALUE", node.span.start, `${section} must be a mapping of keys`)
    return
  }
  const known = merger[section]
  for (const [key, entry] of node.entries) {
    const first = known.get(key)
    if (first === undefined) {
      known.set(key, { key: shiftSpan(entry.key, report.base), value: shift(entry.value, report.base) })
      continue
    }
    const place = placeText(merger.root.placeAt(first.key.start), report.file)
    const message = `the key ${quote(key)} of ${section} is given twice, first at ${place}`
    report.add("MANIFEST_DUPLICATE_KEY", entry.key.start, message)
  }
}

/** The tree with offsets among all files of the manifest. */
function shift(tree: Tree, by: number): Tree {
  const span = shiftSpan(tree.span, by)
  if (tree.kind === "scalar") return { ...tree, span }
  if (tree.kind === "list") return { ...tree, span, items: tree.items.map((item) => shift(item, by)) }
  const entries = new Map<string, MapEntry>()
  for (const [key, entry] of tree.entries)
    entries.set(key, { key: shiftSpan(entry.key, by), value: shift(entry.value, by) })
  return { ...tree, span, entries }
}

function shiftSpan({ start, end }: MapEntry["key"], by: number): MapEntry["key"] {
  return { start: start + by, end: end + by }
}

function placeText({ file, line, column }: SourcePlace, seenFrom: string): string {
  return `${shortPath(file, seenFrom)}:${line}:${column}`
}

/** Relative to the folder of another file, as one would write it there. */
function shortPath(file: string, seenFrom: string): string {
  const path = relative(identityOf(dirname(seenFrom)), identityOf(file))
  return isAbsolute(path) || path.startsWith("..") ? path : `.${sep}${path}`
}

/** One name for one file, however it is reached. */
export function identityOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    // Reading it will say what is wrong with it.
    return file
  }
}

/** The files an absolute path names, `*` standing for any part of a name that does not begin with a dot; by name. */
export function filesOf(pattern: string): string[] {
  if (!pattern.includes("*")) return [pattern]
  const [first = "", ...parts] = pattern.split(sep)
  return parts.reduce(
    (found, part, at) => found.flatMap((path) => stepInto(path, part, at === parts.length - 1)),
    [first],
  )
}

function stepInto(folder: string, part: string, isLast: boolean): string[] {
  if (!part.includes("*")) return [`${folder}${sep}${part}`]
  return namesIn(folder, isLast)
    .filter((name) => !name.startsWith(".") && isMatch(name, part.replace(/^!/, "\\!"), { caseSensitive: true }))
    .map((name) => join(folder, name))
}

/** What a folder holds: in the last part of a pattern files, before it folders. */
function namesIn(folder: string, isLast: boolean): string[] {
  try {
    const entries = readdirSync(`${folder}${sep}`, { withFileTypes: true })
    return entries.flatMap((each) => (each.isSymbolicLink() || each.isFile() === isLast ? [each.name] : [])).sort()
  } catch (error) {
    if (reasonOf(error).code === "MANIFEST_NOT_FOUND") return []
    throw error
  }
}
