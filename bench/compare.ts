/**
 * npm run bench:compare [-- options] BUILD… — builds of the host side by side: each is the command of a checkout,
 * `../before/dist/cli/main.js`, or this one's with options of Node, `@--single-threaded-gc`. All are alive together with the
 * direct connection, are measured in turn, and the figures are medians over the rounds, ratios of the same round.
 *
 *   --upstream stdio|http|package|package-low   (stdio)
 *   --era legacy|modern   --callers N (64)   --bytes N   --progress   --rounds N (9)   --seconds N (1)
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
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "1" },
  },
})

interface Contestant {
  readonly title: string
  readonly url: string
  readonly pid: number
  readonly tool: string
  readonly rounds: (Round | undefined)[]
  stop(): Promise<void>
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
const contestants: Contestant[] = []
try {
  contestants.push(await direct(suite, opened.upstreams))
  for (const build of ["", ...positionals]) contestants.push(await host(suite, opened.upstreams, build))
  await measure(suite)
  report()
} finally {
  await suite.load.close()
  await Promise.all([...contestants, opened].map((each) => each.stop()))
  suite.close()
}
process.exit(0)

async function direct({ load, folder }: Suite, upstreams: readonly Upstream[]): Promise<Contestant> {
  const target = await startTarget("direct", upstreams, { load, folder })
  return { ...target, title: "direct HTTP echo", tool, rounds: [] }
}

async function host({ load, folder }: Suite, upstreams: readonly Upstream[], build: string): Promise<Contestant> {
  const [entry = "", ...nodeArgs] = build.split("@")
  const port = await freePort()
  const manifest = writeManifest(path.join(folder, `build-${port}`), upstreams)
  const { file, args } = hostLaunch(manifest, port, nodeArgs)
  const own = args.map((arg) => (arg === hostEntry && entry !== "" ? path.resolve(entry) : arg))
  const { pid, stop } = start(file, own, { cwd: folder })
  const url = `http://127.0.0.1:${port}/mcp`
  await load.ready({ url, protocol: "streamable", tools: 2, timeoutMs: 30_000 })
  return { title: build === "" ? "this build" : build, url, pid, tool: `a_${tool}`, rounds: [], stop }
}

async function measure({ load, options }: Suite): Promise<void> {
  // The first round does not count: code is compiled, heaps grow.
  for (let round = -1; round < options.rounds; round += 1) {
    for (const { url, pid, tool: name, rounds, title } of rotated(contestants, round + 1)) {
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
