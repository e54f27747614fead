/**
 * npm run bench:compare [-- options] BUILD… — builds of the host side by side: each is the command of a checkout,
 * `../before/dist/cli/main.js`, or this one's with options of Node, `@--single-threaded-gc`. All are alive together with the
 * direct connection, are measured in turn, and the figures are medians over the rounds, ratios of the same round. Each is
 * started several times, and the rounds go through them: two processes of one build lie up to 6 % apart for as long as they live.
 *
 *   --upstream stdio|http|package|package-low   (stdio)
 *   --era legacy|modern   --callers N (64)   --bytes N   --progress   --processes N (4)   --rounds N (12)   --seconds N (0.7)
 */
import path from "node:path"
import { parseArgs } from "node:util"
import type { CallRequest, Era } from "./lib/load.ts"
import { freePort, start, stopOnSignals } from "./lib/processes.ts"
import { toFigure, toRatio } from "./lib/report.ts"
import { type Round, rotated, toRound } from "./lib/rounds.ts"
import { medianOf, ratioOf } from "./lib/statistics.ts"
import { openSuite, type Suite } from "./lib/suite.ts"
import { hostEntry, hostLaunch, startTarget, writeManifest } from "./lib/targets.ts"
import { openUpstreams, type Upstream, type UpstreamSpec } from "./lib/upstreams.ts"

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    upstream: { type: "string", default: "stdio" },
    era: { type: "string", default: "legacy" },
    callers: { type: "string", default: "64" },
    bytes: { type: "string" },
    progress: { type: "boolean", default: false },
    processes: { type: "string", default: "4" },
    rounds: { type: "string", default: "12" },
    seconds: { type: "string", default: "0.7" },
  },
})

interface Process {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

interface Contestant {
  readonly title: string
  readonly tool: string
  readonly processes: Process[]
  readonly rounds: (Round | undefined)[]
}

const tool = flags.bytes === undefined ? "echo" : "blob"
const call: Omit<CallRequest, "url" | "tool"> = {
  protocol: "streamable",
  era: flags.era as Era,
  callers: Number(flags.callers),
  seconds: Number(flags.seconds),
  warmUp: 0.25,
  progress: flags.progress,
  ...(flags.bytes !== undefined && { bytes: Number(flags.bytes) }),
}

stopOnSignals()
const suite = openSuite(
  { full: false, rounds: Number(flags.rounds), seconds: call.seconds, warmUp: call.warmUp },
  print,
)
const opened = await openUpstreams([{ key: "a", kind: flags.upstream as UpstreamSpec["kind"] }])
const builds = ["", ...positionals]
const contestants: readonly Contestant[] = [
  { title: "direct HTTP echo", tool, processes: [], rounds: [] },
  ...builds.map((build) => ({ title: build || "this build", tool: `a_${tool}`, processes: [], rounds: [] })),
]
try {
  const [direct, ...hosts] = contestants
  direct?.processes.push(await startTarget("direct", opened.upstreams, suite))
  for (let each = 0; each < Number(flags.processes); each += 1)
    for (const [at, { processes }] of hosts.entries())
      processes.push(await startHost(suite, opened.upstreams, builds[at] ?? ""))
  await measure(suite)
  report()
} finally {
  await suite.load.close()
  await Promise.all([...contestants.flatMap(({ processes }) => processes), opened].map((each) => each.stop()))
  suite.close()
}
process.exit(0)

async function startHost({ load, folder }: Suite, upstreams: readonly Upstream[], build: string): Promise<Process> {
  const [entry = "", ...nodeArgs] = build.split("@")
  const port = await freePort()
  const manifest = writeManifest(path.join(folder, `build-${port}`), upstreams)
  const { file, args } = hostLaunch(manifest, port, nodeArgs)
  const own = args.map((arg) => (arg === hostEntry && entry !== "" ? path.resolve(entry) : arg))
  const { pid, stop } = start(file, own, { cwd: folder })
  const url = `http://127.0.0.1:${port}/mcp`
  await load.ready({ url, protocol: "streamable", tools: 2, timeoutMs: 30_000 })
  return { url, pid, stop }
}

async function measure({ load, options }: Suite): Promise<void> {
  // Each process has a round first that does not count: code is compiled, heaps grow.
  for (let round = -Number(flags.processes); round < options.rounds; round += 1) {
    for (const { processes, tool: name, rounds, title } of rotated(contestants, round + options.rounds)) {
      const { url, pid } = processes.at(round % processes.length) as Process
      const result = await load.calls({ ...call, url, pid, tool: name })
      if (result.error !== undefined) throw new Error(`${title}: ${result.error}`)
      if (round >= 0) rounds[round] = toRound(result)
    }
  }
}

function report(): void {
  const [base, own] = contestants.map(({ rounds }) => rounds)
  const figure = (rounds: Contestant["rounds"] | undefined, key: keyof Round) =>
    rounds?.map((round) => round?.[key]) ?? []
  for (const { title, rounds } of contestants) {
    const to = (other: Contestant["rounds"] | undefined, key: keyof Round): string =>
      toRatio(ratioOf(figure(rounds, key), figure(other, key)))
    print(
      `${title}: CPU ${toFigure(medianOf(figure(rounds, "cpuUsPerCall")))} µs, × ${to(own, "cpuUsPerCall")} of this build's; to the direct connection: calls/s × ${to(base, "callsPerSecond")}, p50 × ${to(base, "p50Us")}, p99 × ${to(base, "p99Us")}`,
    )
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
