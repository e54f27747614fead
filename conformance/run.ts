/**
 * npm run conformance — the official suite against the conformance server, against the host in front of it, and, for
 * clients, in front of the suite's own servers. Writes the tables of docs/conformance.md when everything was run.
 *
 *   --requirements R     one revision: 2025-11-25 or 2026-07-28
 *   --direct --same --crossing --client    some columns
 *   --scenario S         one scenario, with every check that failed
 *   --upstream stdio     the host starts the conformance server as a child process
 *
 * Ends with 1 on a failure that is not expected, and on an expected one that passes.
 */
import { parseArgs } from "node:util"
import { stopOnSignals } from "../bench/lib/processes.ts"
import { messageOf } from "../bench/lib/report.ts"
import { judge, loadExpected } from "./lib/expected.ts"
import { type Column, writePage } from "./lib/page.ts"
import { type JobOptions, runJob, scenariosOf } from "./lib/runJob.ts"
import { type ConformanceSuite, installSuite } from "./lib/suite.ts"
import { type Job, type Leg, legs, type Revision, revisions } from "./lib/types.ts"

const { values: flags } = parseArgs({
  options: {
    requirements: { type: "string" },
    direct: { type: "boolean", default: false },
    same: { type: "boolean", default: false },
    crossing: { type: "boolean", default: false },
    client: { type: "boolean", default: false },
    scenario: { type: "string" },
    upstream: { type: "string", default: "http" },
  },
})

// As many as leave a processor to each of the suite and the host.
const atOnce = 2

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function oneOf<Name extends string>(given: string, known: readonly Name[]): Name {
  const found = known.find((name) => name === given)
  if (found === undefined) throw new Error(`Unknown: ${given}; known are ${known.join(", ")}`)
  return found
}

function jobs(): readonly Job[] {
  const wanted: readonly Revision[] =
    flags.requirements === undefined ? revisions : [oneOf(flags.requirements, revisions)]
  const chosen: readonly Leg[] = legs.filter((leg) => flags[leg])
  return wanted.flatMap((revision) => (chosen.length === 0 ? legs : chosen).map((leg) => ({ revision, leg })))
}

/** Undefined when the one scenario that is wanted is none of this job's. */
async function runColumn(suite: ConformanceSuite, job: Job, options: JobOptions): Promise<Column | undefined> {
  const { required, notScored } = scenariosOf(suite, job)
  const { scenario } = options
  if (scenario !== undefined && !required.includes(scenario) && !notScored.has(scenario)) return undefined
  const results = await runJob(suite, job, options)
  const judged = scenario === undefined ? required : [scenario]
  return { ...job, results, judged, notScored, verdict: judge(results, judged, loadExpected(job)) }
}

function report({ revision, leg, results, judged, verdict }: Column): boolean {
  const ran = judged.flatMap((name) => results.get(name) ?? [])
  const passed = ran.filter(({ failed }) => failed.length === 0).length
  print(`${revision} ${leg.padEnd(8)} ${passed}/${ran.length} scenarios`)
  for (const { scenario, failed } of ran) {
    for (const { id, message } of failed) {
      const known = verdict.expected.includes(`${scenario}:${id}`)
      if (!known || flags.scenario !== undefined)
        print(`  ${known ? "expected" : "FAILED"} ${scenario}:${id} ${message}`)
    }
  }
  for (const entry of verdict.stale) print(`  STALE ${entry} passes: take it out of expected-${revision}-${leg}.yml`)
  return verdict.unexpected.length === 0 && verdict.stale.length === 0
}

async function main(): Promise<boolean> {
  const suite = await installSuite()
  const options: JobOptions = {
    upstream: oneOf(flags.upstream, ["http", "stdio"]),
    ...(flags.scenario !== undefined && { scenario: flags.scenario }),
  }
  const waiting = [...jobs()]
  const columns: Column[] = []
  let good = true
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const column = await runColumn(suite, job, options)
      if (column === undefined) continue
      columns.push(column)
      good = report(column) && good
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  if (jobs().length === revisions.length * legs.length && options.upstream === "http" && !options.scenario) {
    print(`wrote ${writePage(suite, columns)}`)
  }
  if (columns.length === 0) print(`No job has a scenario ${flags.scenario}`)
  return good && columns.length > 0
}

stopOnSignals()
try {
  process.exit((await main()) ? 0 : 1)
} catch (error) {
  print(messageOf(error))
  process.exit(1)
}
