/**
 * npm run test:faults [-- --full] — the fault rig: the built host as a process of its own, servers and clients that fail it
 * in every way of the fault model, and the figures of docs/reliability.md.
 *
 *   --full          every count at its full size, an hour's soak; writes the results and the page
 *   --only a,b      some figures: rows kill-upstream hung kill-host drain floods soak; or rows by id: F1,F26
 *   --soak 10m      how long the soak runs (10s; full 1h)
 *   --out FILE      writes the results there, and no page
 *   --report        runs nothing: writes the page from the last full results
 */
import { parseArgs } from "node:util"
import { stopOnSignals } from "../../bench/lib/processes.ts"
import { messageOf } from "../../bench/lib/report.ts"
import { parseDuration } from "../../src/manifest/durations.ts"
import { figures } from "./figures/figures.ts"
import { writePage } from "./report/page.ts"
import { latestFile, readResults, toSection, writeResults } from "./report/results.ts"
import { createRun, type Finding, type Run } from "./rig/finding.ts"
import { runRows } from "./rows/runRows.ts"

const { values: flags } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    only: { type: "string" },
    soak: { type: "string" },
    out: { type: "string" },
  },
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

type Figure = (run: Run) => Promise<readonly Finding[]>

/** What to run: by name, or rows by id. */
function chosen(): readonly (readonly [string, Figure])[] {
  if (flags.only === undefined) return Object.entries(figures)
  const names = flags.only.split(",")
  const ids = names.filter((name) => /^F\d+$/.test(name))
  const rows: (readonly [string, Figure])[] =
    ids.length === 0 ? [] : [["some rows", (run) => runRows(run, (id) => ids.includes(id))]]
  const named = names.filter((name) => !ids.includes(name))
  const unknown = named.filter((name) => !(name in figures))
  if (unknown.length > 0)
    throw new Error(`Unknown: ${unknown.join(", ")}; known are ${Object.keys(figures).join(", ")}`)
  return [...rows, ...Object.entries(figures).filter(([name]) => named.includes(name))]
}

/** One figure; what breaks it is a finding too. */
async function runFigure(run: Run, name: string, figure: Figure): Promise<readonly Finding[]> {
  print(`\n== ${name}`)
  try {
    const findings = await figure(run)
    for (const { verdict, where, fault, observed } of findings)
      if (name !== "rows" && name !== "some rows") print(`  ${verdict}: ${fault}, ${where}: ${observed}`)
    return findings
  } catch (error) {
    print(error instanceof Error ? (error.stack ?? error.message) : String(error))
    const observed = `the rig failed: ${messageOf(error)}`
    return [{ id: name, fault: name, where: "–", required: "to be measured", observed, verdict: "not met" }]
  }
}

async function measure(): Promise<readonly Finding[]> {
  const { full, out } = flags
  const soakMs = parseDuration(flags.soak ?? (full ? "1h" : "10s"))
  if (soakMs === undefined) throw new Error(`Not a duration: ${flags.soak}`)
  const options = [...(full ? ["--full"] : []), ...(flags.soak === undefined ? [] : ["--soak", flags.soak])].join(" ")
  const run = createRun({ full, strict: true, soakMs, print })
  const all: Finding[] = []
  const file = out ?? (full ? latestFile : undefined)
  try {
    for (const [name, figure] of chosen()) {
      const began = performance.now()
      const findings = await runFigure(run, name, figure)
      all.push(...findings)
      const seconds = Math.round((performance.now() - began) / 1_000)
      print(`  ${seconds} s`)
      if (file !== undefined && name in figures)
        writeResults(file, { [name]: toSection({ options, seconds, findings }) })
    }
  } finally {
    run.close()
  }
  return all
}

function conclude(findings: readonly Finding[]): number {
  const count = (verdict: Finding["verdict"]): number =>
    findings.filter((finding) => finding.verdict === verdict).length
  print(`\n${count("met")} met, ${count("not met")} not met, ${count("later")} later`)
  for (const { id, where, fault, required, observed } of findings.filter(({ verdict }) => verdict === "not met"))
    print(`NOT MET ${id} (${where}) ${fault}\n  required: ${required}\n  observed: ${observed}`)
  return count("not met") === 0 ? 0 : 1
}

stopOnSignals()
const code = flags.report ? 0 : conclude(await measure())
if (flags.report || (flags.full && flags.out === undefined)) {
  const results = readResults(latestFile)
  if (results === undefined) throw new Error("There are no results yet: run with --full first")
  print(`wrote ${writePage(results)}`)
}
process.exit(code)
