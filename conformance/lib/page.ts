/** Writes the generated parts of docs/conformance.md. They hold no times, so that only a difference changes the page. */
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fill } from "../../bench/lib/fill.ts"
import type { Verdict } from "./expected.ts"
import { type ConformanceSuite, suiteName, suiteVersion } from "./suite.ts"
import { type Job, type Leg, type Results, type Revision, revisions } from "./types.ts"

export interface Column extends Job {
  readonly results: Results
  /** The scenarios that count. */
  readonly judged: readonly string[]
  /** Those that do not, with the reason. */
  readonly notScored: ReadonlyMap<string, string>
  readonly verdict: Verdict
}

type Find = (job: Job) => Column | undefined

const page = "docs/conformance.md"
const serverLegs = ["direct", "same", "crossing"] as const
const titles: Readonly<Record<Leg, string>> = {
  direct: "direct",
  same: "same generation",
  crossing: "crossing",
  client: "clients",
}

/** Returns the file written. */
export function writePage(suite: ConformanceSuite, columns: readonly Column[]): string {
  const file = path.resolve(import.meta.dirname, "../..", page)
  const find: Find = ({ revision, leg }) => columns.find((each) => each.revision === revision && each.leg === leg)
  const parts: Record<string, string> = { summary: summaryOf(find) }
  for (const revision of revisions) {
    parts[`server-${revision}`] = tableOf(serverLegs.flatMap((leg) => find({ revision, leg }) ?? []))
    const clients = tableOf([find({ revision, leg: "client" })].flatMap((column) => column ?? []))
    parts[`client-${revision}`] = `${clients}\n\n${leftOut(suite, revision)}`
  }
  writeFileSync(file, fill(readFileSync(file, "utf8"), parts))
  return page
}

function summaryOf(find: Find): string {
  const legs: readonly Leg[] = [...serverLegs, "client"]
  const rows = revisions.map((revision) => [revision, ...legs.map((leg) => scoreOf(find({ revision, leg })))])
  return `\`${suiteName}\` ${suiteVersion}.\n\n${markdown(["required scenarios that pass", ...legs.map((leg) => titles[leg])], rows)}`
}

function scoreOf(column: Column | undefined): string {
  if (column === undefined) return "–"
  const passed = column.judged.filter((name) => column.results.get(name)?.failed.length === 0)
  return `${passed.length}/${column.judged.length}`
}

/** Columns of one revision: their required scenarios, then the others. */
function tableOf(columns: readonly Column[]): string {
  const [first] = columns
  if (first === undefined) return "Not run."
  const cells = (name: string): string[] => columns.map((column) => cellOf(column, name))
  const shown = [...first.notScored].filter(([name]) => columns.some(({ results }) => results.has(name)))
  return markdown(
    ["scenario", ...columns.map(({ leg }) => titles[leg])],
    [
      ...first.judged.map((name) => [name, ...cells(name)]),
      ...shown.map(([name, reason]) => [`*${name}* (${reason})`, ...cells(name)]),
    ],
  )
}

function leftOut(suite: ConformanceSuite, revision: Revision): string {
  const left = suite.requirements(revision).client.filter((name) => name.startsWith("auth/"))
  return `Not run: the ${left.length} scenarios \`auth/*\`. The host does no OAuth towards servers yet.`
}

/** Checks passed of those that judge. */
function cellOf({ results, judged, verdict }: Column, scenario: string): string {
  const result = results.get(scenario)
  if (result === undefined) return "–"
  const { passed, total, failed } = result
  if (total === 0) return "skipped"
  if (failed.length === 0) return `${passed}/${total}`
  const known = !judged.includes(scenario) || !verdict.unexpected.some((name) => name.startsWith(`${scenario}:`))
  return known ? `${passed}/${total} ✗` : `**${passed}/${total} ✗**`
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`
  const rule = head.map((_, index) => (index === 0 ? "---" : "--:"))
  return [line(head), line(rule), ...rows.map(line)].join("\n")
}
