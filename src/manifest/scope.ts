/** What checks of one manifest share: its tree, and a way to report problems by path. */
import { dirname } from "node:path"
import type { HostErrorCode } from "../errors.ts"
import type { Report } from "./report.ts"
import { keyAt, offsetOf, type Tree } from "./tree.ts"
import { pathText, quote } from "./words.ts"

export type Path = readonly PropertyKey[]

export interface Scope {
  readonly tree: Tree
  /** The folder of the file a path is written in: relative paths there start at it. */
  directoryOf(path: Path): string
  /** A problem with the value at a path; of a missing one, at the key that should hold it. */
  problem(code: HostErrorCode, path: Path, message: string, help?: string): void
  /** A problem with the key a path ends in. */
  keyProblem(code: HostErrorCode, path: Path, message: string, help?: string): void
  /** True when nothing was reported at the path, above or below it: its value can be used. */
  isSound(path: Path): boolean
}

/** `failed` are paths of values whose interpolation was reported already; nothing more is said about them. */
export function createScope(tree: Tree, report: Report, failed: readonly Path[]): Scope {
  const reported = new Set<string>()
  const above = new Set<string>()
  const unresolved = new Set(failed.map(pathText))
  const mark = (path: Path) => {
    reported.add(pathText(path))
    for (let length = 0; length < path.length; length += 1) above.add(pathText(path.slice(0, length)))
  }
  failed.forEach(mark)
  const add = (offset: number, [code, path, message, help]: Parameters<Scope["problem"]>) => {
    mark(path)
    report.add(code, offset, message, help)
  }
  return {
    tree,
    directoryOf: (path) => dirname(report.placeAt(offsetOf(tree, path)).file),
    problem(...problem) {
      if (!unresolved.has(pathText(problem[1]))) add(offsetOf(tree, problem[1]), problem)
    },
    keyProblem(...problem) {
      add(keyAt(tree, problem[1])?.start ?? offsetOf(tree, problem[1]), problem)
    },
    isSound(path) {
      if (above.has(pathText(path))) return false
      for (let length = 0; length <= path.length; length += 1) {
        if (reported.has(pathText(path.slice(0, length)))) return false
      }
      return true
    },
  }
}

/** A value for a message: as written, so that what came through `${…}` is not shown; literal credentials not at all. */
export function valueWords(tree: Tree, path: Path): string {
  if (tree.kind === "list") return "a list"
  if (tree.kind === "map") return "a mapping"
  if (tree.value === null) return "nothing"
  if (isSecret(path) || isAuditKey(path)) return `a ${typeof tree.value}`
  if (path.includes("headers") || path.includes("env") || path.includes("config")) return `a ${typeof tree.value}`
  if (tree.interpolated)
    return `${quote(tree.source.replace(/^(["'])(.*)\1$/s, "$2"))} (after its values are filled in)`
  return typeof tree.value === "string" ? quote(tree.value) : tree.source
}

function isAuditKey(path: Path): boolean {
  return (
    path.includes("middleware") && path.includes("audit") && (path.includes("key") || path.includes("previousKeys"))
  )
}

/** Whether the path is that of a key of a store, or of an address or headers that may hold a password. */
export function isSecret([section, , key]: Path): boolean {
  if (section === "telemetry") return key === "endpoint" || key === "headers"
  return section === "storage" && ["encrypt", "previousKeys", "url", "uri"].includes(String(key))
}
