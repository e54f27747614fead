/** The manifest as a tree of plain values that know where they are written. */
import type { JsonObject, JsonValue } from "../protocol/json.ts"

/** Offsets into the text. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface ScalarTree {
  readonly kind: "scalar"
  readonly span: Span
  readonly value: string | number | boolean | null
  /** As written in the file, quotes included. Messages show this, so that `${VAR}` stays `${VAR}`. */
  readonly source: string
  /** True when `${…}` was replaced in it. */
  readonly interpolated: boolean
  /** True in place of a value that has a problem, reported already. */
  readonly failed?: boolean
}

interface ListTree {
  readonly kind: "list"
  readonly span: Span
  readonly items: readonly Tree[]
}

export interface MapTree {
  readonly kind: "map"
  readonly span: Span
  readonly entries: ReadonlyMap<string, MapEntry>
}

export interface MapEntry {
  readonly key: Span
  readonly value: Tree
}

export type Tree = ScalarTree | ListTree | MapTree

/** The plain value. Levels are bounded by the parser, so recursion is safe. */
export function toValue(tree: Tree): JsonValue {
  if (tree.kind === "scalar") return tree.value
  if (tree.kind === "list") return tree.items.map(toValue)
  const object: JsonObject = {}
  for (const [key, entry] of tree.entries) object[key] = toValue(entry.value)
  return object
}

/** The same tree with every scalar replaced. */
export function mapScalars(
  tree: Tree,
  change: (scalar: ScalarTree, path: readonly PropertyKey[]) => ScalarTree,
  path: readonly PropertyKey[] = [],
): Tree {
  if (tree.kind === "scalar") return change(tree, path)
  if (tree.kind === "list") {
    return { ...tree, items: tree.items.map((item, index) => mapScalars(item, change, [...path, index])) }
  }
  const entries = new Map<string, MapEntry>()
  for (const [key, entry] of tree.entries) {
    entries.set(key, { ...entry, value: mapScalars(entry.value, change, [...path, key]) })
  }
  return { ...tree, entries }
}

/** What is written at a path, or undefined when nothing is. */
export function nodeAt(tree: Tree, path: readonly PropertyKey[]): Tree | undefined {
  let node: Tree | undefined = tree
  for (const part of path) {
    if (node?.kind === "map") node = node.entries.get(String(part))?.value
    else if (node?.kind === "list") node = node.items[Number(part)]
    else return undefined
  }
  return node
}

/** Where the key of a path is written, for a path that ends in a key of the file. */
export function keyAt(tree: Tree, path: readonly PropertyKey[]): Span | undefined {
  const parent = nodeAt(tree, path.slice(0, -1))
  return parent?.kind === "map" ? parent.entries.get(String(path.at(-1)))?.key : undefined
}

/** Where to point for a value: at it, or when it is missing at what should hold it (its key before its content). */
export function offsetOf(tree: Tree, path: readonly PropertyKey[]): number {
  const node = nodeAt(tree, path)
  if (node !== undefined) return node.span.start
  for (let length = path.length - 1; length > 0; length -= 1) {
    const holder = path.slice(0, length)
    const span = keyAt(tree, holder) ?? nodeAt(tree, holder)?.span
    if (span !== undefined) return span.start
  }
  return tree.span.start
}
