/**
 * Turns YAML 1.2 text into a `Tree`: strictly, bounded, and with each problem at its place. Resolves aliases itself,
 * because the library's own resolving counts but does not bound what they expand to.
 */
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, type Pair, Parser, type YAMLError } from "yaml"
import type { Report } from "./report.ts"
import { deepest, scan, tooDeep } from "./scan.ts"
import type { MapEntry, Span, Tree } from "./tree.ts"
import { quote } from "./words.ts"

/** Nodes that aliases may add to the manifest; long text counts as several. */
const mostExpanded = 10_000
const textPerNode = 100

/** Keys that mean something to JavaScript objects. */
const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"])

const coreTag = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/

/** The tree, or undefined when the report says why there is none. A tree can come with problems. */
export function parseTree(report: Report): Tree | undefined {
  const before = report.problems.length
  const unsafe = scan(report.text)
  if (unsafe !== undefined) {
    const code = unsafe.message.includes("control character") ? "MANIFEST_SYNTAX" : "MANIFEST_TOO_LARGE"
    report.add(code, unsafe.offset, unsafe.message)
    return undefined
  }
  const documents = compose(report.text)
  const [document, second] = documents
  for (const one of documents) reportSyntax(one, report)
  if (second !== undefined) {
    report.add("MANIFEST_SYNTAX", second.range[0], "the manifest must be one YAML document, found a second one")
  }
  if (report.problems.length > before) return undefined
  const root = document?.contents ?? null
  if (root === null || (isScalar(root) && root.value === null)) {
    report.add("MANIFEST_EMPTY", 0, "the manifest is empty")
    return undefined
  }
  return rootOf(build(root, report), report)
}

function rootOf(tree: Tree, report: Report): Tree | undefined {
  if (tree.kind === "map") return tree
  if (tree.kind === "scalar" && tree.failed) return undefined
  const given = tree.kind === "list" ? "a list" : "a single value"
  report.add("MANIFEST_INVALID_VALUE", tree.span.start, `the manifest must be a mapping of keys, given ${given}`)
  return undefined
}

function compose(text: string): Document.Parsed[] {
  // Unique keys are checked in `build`: the library compares each key with all before it. No warnings are printed.
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    strict: true,
    stringKeys: true,
    uniqueKeys: false,
    merge: false,
    logLevel: "silent",
  })
  // The types of the library allow documents without contents, which parsing never makes.
  return [...composer.compose(new Parser().parse(text))] as Document.Parsed[]
}

function reportSyntax(document: Document.Parsed, report: Report): void {
  const { yaml } = document.directives
  if (yaml.explicit && yaml.version !== "1.2") {
    report.add("MANIFEST_SYNTAX", 0, `the manifest must be YAML 1.2, given %YAML ${yaml.version}`)
  }
  let line = 0
  for (const error of [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
    // What follows on the line of a syntax error is mostly its consequence.
    if (report.placeAt(error.pos[0]).line === line) continue
    line = report.placeAt(error.pos[0]).line
    report.add("MANIFEST_SYNTAX", error.pos[0], `invalid YAML: ${syntaxWords(error)}`, syntaxHelp(error, report))
  }
}

function syntaxWords(error: YAMLError): string {
  if (error.code === "TAB_AS_INDENT") return "tabs may not indent; use spaces"
  if (/block-seq-ind on same line/.test(error.message)) return "a list cannot begin on the line of its key"
  if (error.code === "NON_STRING_KEY") return "keys must be plain text"
  if (error.code === "TAG_RESOLVE_FAILED")
    return `${error.message.replace(/^Unresolved tag: /, "unknown tag ")}; tags are not supported`
  return error.message.charAt(0).toLowerCase() + error.message.slice(1)
}

function syntaxHelp(error: YAMLError, { text }: Report): string | undefined {
  const start = text.lastIndexOf("\n", error.pos[0] - 1) + 1
  const end = text.indexOf("\n", error.pos[0])
  if (text.slice(start, end === -1 ? undefined : end).includes("${")) {
    return "Put ${…} in quotes: inside { } and [ ], YAML takes its braces for a mapping."
  }
  if (/block-seq-ind|block sequence|implicit keys|plain value cannot start/i.test(error.message)) {
    return "If this is meant as text, put it in quotes."
  }
  return undefined
}

interface Builder {
  readonly report: Report
  readonly anchors: Map<string, unknown>
  /** Nodes being built, outermost first: an alias to one of them would never end. */
  readonly open: Set<unknown>
  /** Nodes that aliases added so far. */
  expanded: number
  /** How many aliases we are inside of, and where the outermost is. */
  inAlias: number
  aliasAt: number
}

function build(root: unknown, report: Report): Tree {
  const builder: Builder = { report, anchors: new Map(), open: new Set(), expanded: 0, inAlias: 0, aliasAt: 0 }
  return buildNode(root, { start: 0, end: 0 }, builder)
}

/** Stands for a value whose problem was reported. */
function failedAt(span: Span): Tree {
  return { kind: "scalar", span, value: null, source: "", interpolated: false, failed: true }
}

function buildNode(node: unknown, fallback: Span, builder: Builder): Tree {
  if (isAlias(node)) return buildAlias(node.source, spanOf(node.range, fallback), builder)
  const span = spanOf((node as { range?: readonly number[] | null } | null)?.range, fallback)
  if (builder.inAlias > 0)
    builder.expanded += 1 + (isScalar(node) ? Math.floor((span.end - span.start) / textPerNode) : 0)
  if (builder.inAlias > 0 && builder.expanded > mostExpanded) {
    const message = `aliases expand to more than ${mostExpanded} values, or to too much text`
    builder.report.add("MANIFEST_TOO_LARGE", builder.aliasAt, message)
    return failedAt(span)
  }
  if (builder.open.size > deepest) {
    builder.report.add("MANIFEST_TOO_LARGE", span.start, tooDeep)
    return failedAt(span)
  }
  if (isScalar(node)) {
    if (builder.inAlias === 0 && node.anchor !== undefined) builder.anchors.set(node.anchor, node)
    if (!hasCoreTag(node, span, builder)) return failedAt(span)
    return buildScalar(node.value, span, builder.report)
  }
  if (!isMap(node) && !isSeq(node)) return { kind: "scalar", span, value: null, source: "", interpolated: false }
  if (builder.inAlias === 0 && node.anchor !== undefined) builder.anchors.set(node.anchor, node)
  if (!hasCoreTag(node, span, builder)) return failedAt(span)
  builder.open.add(node)
  const tree = isMap(node) ? buildMap(node.items, span, builder) : buildList(node.items, span, builder)
  builder.open.delete(node)
  return tree
}

function spanOf(range: readonly number[] | null | undefined, fallback: Span): Span {
  return range === null || range === undefined ? fallback : { start: range[0] ?? 0, end: range[1] ?? 0 }
}

function hasCoreTag(node: { tag?: string }, span: Span, { report }: Builder): boolean {
  if (node.tag === undefined || coreTag.test(node.tag)) return true
  report.add("MANIFEST_SYNTAX", span.start, `invalid YAML: unknown tag ${quote(node.tag)}; tags are not supported`)
  return false
}

function buildScalar(value: unknown, span: Span, report: Report): Tree {
  const source = report.text.slice(span.start, span.end)
  if (typeof value === "number" && !Number.isFinite(value)) {
    report.add("MANIFEST_INVALID_VALUE", span.start, `${quote(source)} is not a number that JSON can carry`)
    return failedAt(span)
  }
  if (typeof value === "string" && value.includes("\0")) {
    report.add(
      "MANIFEST_INVALID_VALUE",
      span.start,
      `${quote(source)} holds a NUL character, which nothing here can carry`,
    )
    return failedAt(span)
  }
  // The core schema makes no other values.
  return { kind: "scalar", span, value: value as string | number | boolean | null, source, interpolated: false }
}

function buildAlias(name: string, span: Span, builder: Builder): Tree {
  const target = builder.anchors.get(name)
  if (target === undefined) {
    builder.report.add(
      "MANIFEST_SYNTAX",
      span.start,
      `invalid YAML: the alias ${quote(`*${name}`)} has no anchor before it`,
    )
    return failedAt(span)
  }
  if (builder.open.has(target)) {
    builder.report.add("MANIFEST_SYNTAX", span.start, `invalid YAML: the alias ${quote(`*${name}`)} contains itself`)
    return failedAt(span)
  }
  if (builder.inAlias === 0) builder.aliasAt = span.start
  if (builder.expanded > mostExpanded) return failedAt(span)
  builder.inAlias += 1
  const tree = buildNode(target, span, builder)
  builder.inAlias -= 1
  return tree
}

function buildList(items: readonly unknown[], span: Span, builder: Builder): Tree {
  return { kind: "list", span, items: items.map((item) => buildNode(item, span, builder)) }
}

function buildMap(items: readonly Pair[], span: Span, builder: Builder): Tree {
  const { report } = builder
  const entries = new Map<string, MapEntry>()
  for (const { key, value } of items) {
    if (!isScalar(key) || typeof key.value !== "string") {
      report.add("MANIFEST_SYNTAX", span.start, "invalid YAML: keys must be plain text")
      continue
    }
    const at = spanOf(key.range, span)
    const tree = buildNode(value, { start: at.end, end: at.end }, builder)
    if (forbiddenKeys.has(key.value)) {
      report.add(
        "MANIFEST_UNKNOWN_KEY",
        at.start,
        `the key ${quote(key.value)} is not allowed anywhere in the manifest`,
        "Remove it.",
      )
    } else if (key.value === "<<" && key.type === "PLAIN") {
      const help = "Put what servers share under `defaults:`, or use an alias for a whole value."
      report.add("MANIFEST_SYNTAX", at.start, "merge keys (<<) are not part of YAML 1.2", help)
    } else if (entries.has(key.value)) {
      const first = report.placeAt(entries.get(key.value)?.key.start ?? 0)
      report.add(
        "MANIFEST_DUPLICATE_KEY",
        at.start,
        `the key ${quote(key.value)} is given twice, first in line ${first.line}`,
      )
    } else entries.set(key.value, { key: at, value: tree })
  }
  return { kind: "map", span, entries }
}
