/** The generated parts of docs/reliability.md. */
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fill } from "../../../bench/lib/fill.ts"
import type { Finding } from "../rig/finding.ts"
import type { Results, Section } from "./results.ts"

const page = path.resolve(import.meta.dirname, "../../../docs/reliability.md")

/** Returns the file written, relative to the repository. */
export function writePage(results: Results): string {
  writeFileSync(page, fill(readFileSync(page, "utf8"), partsOf(results)))
  return "docs/reliability.md"
}

/** Name of a generated part → its Markdown. */
export function partsOf({ sections }: Results): Readonly<Record<string, string>> {
  const { rows, ...figures } = sections
  const measured = Object.entries(sections).map(([name, section]: [string, Section]) => {
    const { date, commit, options, seconds, machine } = section
    const { cpu, cores, memoryGigabytes, platform, node } = machine
    return [
      `\`npm run test:faults -- ${[...(options === "" ? [] : [options]), "--only", name].join(" ")}\``,
      date,
      `\`${commit}\``,
      `${seconds} s`,
      `${cpu}, ${cores} cores, ${memoryGigabytes} GB, ${platform}, Node ${node.slice(1)}`,
    ]
  })
  return {
    machine: table(["command", "run", "commit", "took", "machine"], measured),
    figures: findingTable(Object.values(figures).flatMap(({ findings }) => findings)),
    rows: findingTable(rows?.findings ?? []),
  }
}

const marks = { met: "✓", "not met": "**no**", later: "later" } as const

function findingTable(findings: readonly Finding[]): string {
  const cells = findings.map(({ id, fault, where, required, observed, verdict }) => {
    return [/^F[1-9]/.test(id) ? id : "", fault, where, required, observed, marks[verdict]]
  })
  return table(["row", "what goes wrong", "where", "required", "observed", "met"], cells)
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n")
}
