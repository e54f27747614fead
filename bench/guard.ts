/**
 * npm run bench:guard [-- --update] — holds the hot path where it is: CPU and allocations per call of the host as ratios to
 * a floor loaded at the same time, medians over the rounds, against the ratios in bench/guard.json. Ends with 1 when one is
 * more than 15 % above, each time it is measured: what else a machine does comes and goes, what the host does stays.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import { askProbe, probeArguments } from "./lib/probe.ts"
import { freePort, type Started, start, stopOnSignals } from "./lib/processes.ts"
import { messageOf, toRatio } from "./lib/report.ts"
import { median, spread } from "./lib/statistics.ts"
import { openSuite, type Suite } from "./lib/suite.ts"
import { hostLaunch, writeManifest } from "./lib/targets.ts"
import { openUpstreams, type Upstream, type UpstreamSpec } from "./lib/upstreams.ts"

interface Scenario {
  readonly name: string
  readonly upstream: UpstreamSpec["kind"]
  /** The floor's program, and what it needs to know of its upstream. */
  readonly floor: string
  readonly floorArguments: (upstream: Upstream) => readonly string[]
  readonly callers: number
  readonly bytes?: number
}

interface Ratios {
  readonly cpu: number
  readonly allocations: number
}

interface Outcome extends Ratios {
  /** How far the rounds lie apart, as shares. */
  readonly spread: Ratios
}

type Baseline = Readonly<Record<string, Ratios>>

const stdioFloor = (upstream: Upstream): readonly string[] => ["--", ...(upstream.command ?? [])]
const scenarios: readonly Scenario[] = [
  { name: "stdio, 100 B", upstream: "stdio", floor: "bare.mjs", floorArguments: stdioFloor, callers: 64 },
  {
    name: "stdio, 1 MB",
    upstream: "stdio",
    floor: "bare.mjs",
    floorArguments: stdioFloor,
    callers: 8,
    bytes: 1_048_576,
  },
  {
    name: "HTTP, 100 B",
    upstream: "http",
    floor: "undiciProxy.mjs",
    floorArguments: ({ url }) => ["--upstream", url ?? ""],
    callers: 64,
  },
]

const baselineFile = path.join(import.meta.dirname, "guard.json")
const allowed = 1.15
/** Times a scenario that is worse, or could not be measured, is measured before it counts. */
const attempts = 5
/** Times in a row that a machine may be too busy for a measurement to come about. */
const broken = 3

const { values: flags } = parseArgs({
  options: {
    update: { type: "boolean", default: false },
    rounds: { type: "string", default: "12" },
    seconds: { type: "string", default: "0.9" },
  },
})

stopOnSignals()
process.exit(await guard())

async function guard(): Promise<number> {
  const began = performance.now()
  const options = { full: false, rounds: Number(flags.rounds), seconds: Number(flags.seconds), warmUp: 0.05 }
  const suite = openSuite(options, (line) => void process.stdout.write(`${line}\n`))
  try {
    if (!existsSync(baselineFile) && !flags.update) throw new Error("bench/guard.json is missing: run with --update")
    // The guard's own file.
    const baseline = flags.update ? {} : (JSON.parse(readFileSync(baselineFile, "utf8")) as Baseline)
    const outcomes: Record<string, Ratios> = {}
    let failed = false
    for (const scenario of scenarios) {
      const expected = baseline[scenario.name]
      let outcome = await measured(suite, scenario)
      // What else a machine does can only make it worse.
      for (let attempt = 1; attempt < attempts && isWorse(outcome, expected); attempt += 1) {
        suite.log(`${scenario.name}: ${describe(outcome, expected)}: once more`)
        outcome = better(outcome, await measured(suite, scenario))
      }
      const worse = isWorse(outcome, expected)
      failed ||= worse
      suite.log(`${worse ? "FAILS " : ""}${scenario.name}: ${describe(outcome, expected)}`)
      outcomes[scenario.name] = { cpu: rounded(outcome.cpu), allocations: rounded(outcome.allocations) }
    }
    suite.log(`${((performance.now() - began) / 1_000).toFixed(0)} s`)
    if (flags.update) writeFileSync(baselineFile, `${JSON.stringify(outcomes, undefined, 2)}\n`)
    return failed ? 1 : 0
  } finally {
    suite.close()
  }
}

function isWorse(outcome: Ratios, expected: Ratios | undefined): boolean {
  if (expected === undefined) return false
  return exceeds(outcome.cpu, expected.cpu) || exceeds(outcome.allocations, expected.allocations)
}

/** A ratio near zero may move by a little more than its share. */
function exceeds(ratio: number, expected: number): boolean {
  return ratio > Math.max(expected * allowed, expected + 0.02)
}

function better(one: Outcome, other: Outcome): Outcome {
  return {
    cpu: Math.min(one.cpu, other.cpu),
    allocations: Math.min(one.allocations, other.allocations),
    spread: other.spread,
  }
}

function describe({ cpu, allocations, spread: apart }: Outcome, expected: Ratios | undefined): string {
  const of = (value: number, share: number, before: number | undefined): string =>
    `× ${toRatio(value)} ±${(share * 100).toFixed(0)} %${before === undefined ? "" : ` (was ${toRatio(before)})`}`
  return `CPU ${of(cpu, apart.cpu, expected?.cpu)}, allocations ${of(allocations, apart.allocations, expected?.allocations)}`
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

interface Contestant {
  readonly started: Started
  readonly url: string
  readonly tool: string
}

/** Measures, and once more when the machine kept it from coming about. */
async function measured(suite: Suite, scenario: Scenario): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await measure(suite, scenario)
    } catch (error) {
      if (attempt === broken) throw error
      suite.log(`${scenario.name}: ${messageOf(error)}: once more`)
    }
  }
}

async function measure(suite: Suite, scenario: Scenario): Promise<Outcome> {
  const opened = await openUpstreams([{ key: "a", kind: scenario.upstream }])
  const upstream = opened.upstreams[0] as Upstream
  const tool = scenario.bytes === undefined ? "echo" : "blob"
  const contestants = [await startFloor(scenario, upstream, tool), await startHost(suite, upstream, tool)] as const
  try {
    for (const { url } of contestants) await suite.load.ready({ url, protocol: "streamable", tools: 2 })
    await Promise.all(contestants.map((each) => sample(suite, scenario, each, 1.5)))
    const cpu: number[] = []
    const allocations: number[] = []
    for (let round = 0; round < suite.options.rounds; round += 1) {
      // At the same time, each under its own callers: what else the machine does then meets both alike.
      const samples = contestants.map((each) => sample(suite, scenario, each, suite.options.seconds))
      const [floor, host] = await Promise.all(samples)
      // The machine stood still for the whole of the round.
      if (floor === undefined || host === undefined) continue
      cpu.push(host.cpu / floor.cpu)
      allocations.push(host.allocations / floor.allocations)
    }
    if (cpu.length < suite.options.rounds / 2) throw new Error(`nothing was answered in most rounds`)
    return {
      cpu: median(cpu),
      allocations: median(allocations),
      spread: { cpu: spread(cpu), allocations: spread(allocations) },
    }
  } finally {
    await suite.load.close()
    await Promise.all(contestants.map(({ started }) => started.stop()))
    await opened.stop()
  }
}

/** CPU microseconds and bytes allocated per call; undefined when no call was answered in its time. */
async function sample(
  suite: Suite,
  { callers, bytes }: Scenario,
  { started, url, tool }: Contestant,
  seconds: number,
): Promise<Ratios | undefined> {
  await askProbe(started, "start")
  const result = await suite.load.calls({
    ...{ url, protocol: "streamable", era: "legacy", tool, callers, seconds },
    ...{ warmUp: suite.options.warmUp, pid: started.pid },
    ...(bytes !== undefined && { bytes }),
  })
  const { allocated } = await askProbe(started, "stop")
  if (result.errors > 0) throw new Error(`${result.errors} wrong answers: ${result.error}`)
  if (result.calls === 0) return undefined
  if (result.cpuUs === undefined) throw new Error("CPU time per process is known on Linux only")
  return { cpu: result.cpuUs / result.calls, allocations: allocated / result.answered }
}

async function startFloor({ floor, floorArguments }: Scenario, upstream: Upstream, tool: string): Promise<Contestant> {
  const port = await freePort()
  const program = path.join(import.meta.dirname, "gateways", floor)
  const args = [...probeArguments, program, "--port", String(port), ...floorArguments(upstream)]
  return { started: start(process.execPath, args, { channel: true }), url: `http://127.0.0.1:${port}/mcp`, tool }
}

async function startHost(suite: Suite, upstream: Upstream, tool: string): Promise<Contestant> {
  const port = await freePort()
  const manifest = writeManifest(path.join(suite.folder, `guard-${port}`), [upstream])
  const { file, args } = hostLaunch(manifest, port, probeArguments)
  return { started: start(file, args, { channel: true }), url: `http://127.0.0.1:${port}/mcp`, tool: `a_${tool}` }
}
