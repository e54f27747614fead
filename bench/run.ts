/**
 * npm run bench [-- --full] — runs the scenarios, writes bench/results/latest.json, docs/performance.md and its charts.
 *
 *   --full               all rounds, the whole matrix, 10,000 sessions, peers everywhere
 *   --only a,b           some scenarios: calls matrix lists start beside memory commands catalogue reload crossing chain
 *   --targets a,b        some targets: direct undici bare byte host sdk mcp-hub mcp-proxy supergateway fastmcp mcp-use
 *   --rounds N           rounds per point (5; full 7)
 *   --seconds N          length of a window (0.7; full 1)
 *   --out FILE           writes the results there, and no documentation
 *   --report             measures nothing: writes the documentation from the results
 */
import { parseArgs } from "node:util"
import { stopOnSignals } from "./lib/processes.ts"
import { messageOf } from "./lib/report.ts"
import { latestFile, readResults, type Sections, toSection, writeResults } from "./lib/results.ts"
import { openSuite, type Suite, type SuiteOptions } from "./lib/suite.ts"
import { targetNames } from "./lib/targets.ts"
import { writeDocumentation } from "./report/page.ts"
import { runBeside } from "./scenarios/beside.ts"
import { matrixOptions, runCalls, runMatrix } from "./scenarios/calls.ts"
import { runCatalogue } from "./scenarios/catalogue.ts"
import { runChain } from "./scenarios/chain.ts"
import { runColdStart } from "./scenarios/coldStart.ts"
import { runCommands } from "./scenarios/commands.ts"
import { runCrossing } from "./scenarios/crossing.ts"
import { runLists } from "./scenarios/lists.ts"
import { runMemory } from "./scenarios/memory.ts"
import { runReload } from "./scenarios/reload.ts"

const scenarios: { readonly [Name in keyof Required<Sections>]: (suite: Suite) => Promise<unknown> } = {
  commands: runCommands,
  start: runColdStart,
  calls: runCalls,
  matrix: runMatrix,
  lists: runLists,
  beside: runBeside,
  memory: runMemory,
  catalogue: runCatalogue,
  reload: runReload,
  crossing: runCrossing,
  chain: runChain,
}

const { values: flags } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    only: { type: "string" },
    targets: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    out: { type: "string" },
  },
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function optionsOf(): SuiteOptions {
  const { full, rounds, seconds, targets } = flags
  return {
    full,
    rounds: Number(rounds ?? (full ? 7 : 5)),
    seconds: Number(seconds ?? (full ? 1 : 0.7)),
    warmUp: full ? 0.4 : 0.25,
    ...(targets !== undefined && { targets: chosen(targets, targetNames) }),
  }
}

function chosen<Name extends string>(given: string, known: readonly Name[]): readonly Name[] {
  return given.split(",").map((each) => {
    const found = known.find((name) => name === each)
    if (found === undefined) throw new Error(`Unknown: ${each}; known are ${known.join(", ")}`)
    return found
  })
}

async function measure(): Promise<number> {
  const names = Object.keys(scenarios) as (keyof Sections)[]
  const usual = names.filter((name) => flags.full || name !== "matrix")
  const wanted = flags.only === undefined ? usual : chosen(flags.only, names)
  const file = flags.out ?? latestFile
  let failed = 0
  for (const name of wanted) {
    const options = name === "matrix" ? matrixOptions(optionsOf()) : optionsOf()
    // A suite per scenario: nothing of one is left when the next begins, and what was measured is kept.
    const keep = (value: unknown): void => {
      writeResults(file, { [name]: toSection(options, value) } as Sections)
    }
    const suite = openSuite(options, print, keep)
    try {
      print(`\n== ${name}`)
      keep(await scenarios[name](suite))
    } catch (error) {
      failed += 1
      print(`${name} failed: ${error instanceof Error ? error.stack : messageOf(error)}`)
    } finally {
      suite.close()
    }
  }
  return failed
}

stopOnSignals()
const failed = flags.report ? 0 : await measure()
if (flags.out === undefined) {
  const results = readResults(latestFile)
  if (results === undefined) throw new Error("There are no results yet: run without --report first")
  for (const file of writeDocumentation(results)) print(`wrote ${file}`)
}
process.exit(failed === 0 ? 0 : 1)
