/**
 * The default middleware chain against none: hosts alike but for `middleware`, alive together, each before a stdio server
 * of its own. Every middleware of the chain is measured alone too, and all of them once more in one process without a
 * network, where a microsecond can be seen; and so is an answer from the cache.
 */
import path from "node:path"
import { builtinNames } from "../../src/manifest/middleware/schema.ts"
import { freePort, type Started, start } from "../lib/processes.ts"
import { runProgram } from "../lib/program.ts"
import { toFigure, toRatio } from "../lib/report.ts"
import { rotated, toRound } from "../lib/rounds.ts"
import { medianOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { hostLaunch, writeManifest } from "../lib/targets.ts"
import { openUpstreams } from "../lib/upstreams.ts"

export interface ChainRow {
  /** Which middleware there is; `none` is the base. */
  readonly name: string
  readonly callsPerSecond: number
  readonly cpuUsPerCall: number
  /** To the host without middleware; medians of the rounds. */
  readonly callsRatio: number
  readonly addedCpuUs: number
  /** What it adds in process, without a network. */
  readonly addedInProcessUs: number
}

export interface ChainResults {
  /** What the chain is made of, outermost first. */
  readonly chain: readonly string[]
  readonly rows: readonly ChainRow[]
  /** CPU time of an answer from the cache, in process and all told. */
  readonly cachedUs: number
}

/** In the order of a manifest; the limit is one that is never reached. */
const defaultChain: readonly (readonly [name: string, item: unknown])[] = [
  ["errors", "errors"],
  ["timing", "timing"],
  ["logging", "logging"],
  ["validate", "validate"],
  ["rateLimit", { rateLimit: { limit: 1_000_000, per: "1s" } }],
]

const callers = 64
export const wholeChain = "chain"

type Chains = readonly (readonly [name: string, middleware: readonly unknown[]])[]

interface Candidate {
  readonly name: string
  readonly url: string
  readonly started: Started
}

interface Sample {
  readonly callsPerSecond: number
  readonly cpuUsPerCall: number
}

export async function runChain(suite: Suite): Promise<ChainResults> {
  const known = builtinNames as readonly string[]
  const items = defaultChain.filter(([name]) => known.includes(name))
  const chain = items.map(([name]) => name)
  suite.log(`the default middleware chain: ${chain.join(", ")}`)
  const chains: Chains = [
    ["none", []],
    [wholeChain, items.map(([, item]) => item)],
    ...items.map(([name, item]) => [name, [item]] as const),
  ]
  const opened = await openUpstreams([{ key: "echo", kind: "stdio" }])
  const candidates: Candidate[] = []
  try {
    for (const [name, middleware] of chains) {
      const manifest = writeManifest(path.join(suite.folder, `chain-${name}`), opened.upstreams, { middleware })
      candidates.push(await launch(suite, name, manifest))
    }
    const measured = await measure(suite, candidates)
    const costs = await inProcess(chains)
    const rows = measured.map((row) => ({ ...row, addedInProcessUs: cost(costs, row.name) - cost(costs, "none") }))
    for (const { name, callsRatio, addedCpuUs, addedInProcessUs } of rows)
      suite.log(
        `  ${name}: calls/s × ${toRatio(callsRatio)}, ${toFigure(addedCpuUs)} µs CPU more, ${toFigure(addedInProcessUs)} in process`,
      )
    suite.log(`  an answer from the cache: ${toFigure(cost(costs, "cache"))} µs`)
    return { chain, rows, cachedUs: cost(costs, "cache") }
  } finally {
    await suite.load.close()
    await Promise.all(candidates.map(({ started }) => started.stop()))
    await opened.stop()
  }
}

/** CPU microseconds of a call by chain, and of one that the cache answers. */
async function inProcess(chains: Chains): Promise<Readonly<Record<string, number>>> {
  const all = { ...Object.fromEntries(chains), cache: [{ cache: { tools: { "*": "1h" } } }] }
  const output = await runProgram("middleware.mjs", ["--chains", JSON.stringify(all)])
  // Beside what it logs.
  const line = output.split("\n").find((each) => each.startsWith('{"none":'))
  if (line === undefined) throw new Error(`the middleware program gave no results: ${output}`)
  return JSON.parse(line) as Readonly<Record<string, number>>
}

function cost(costs: Readonly<Record<string, number>>, name: string): number {
  return costs[name] ?? Number.NaN
}

async function launch(suite: Suite, name: string, manifest: string): Promise<Candidate> {
  const port = await freePort()
  const { file, args } = hostLaunch(manifest, port)
  // As a service runs it.
  const started = start(file, [...args, "--log-format", "json"])
  const url = `http://127.0.0.1:${port}/mcp`
  try {
    await suite.load.ready({ url, protocol: "streamable", tools: 2, timeoutMs: 30_000 })
    return { name, url, started }
  } catch (error) {
    await started.stop()
    throw new Error(`the host with ${name} did not start: ${started.output().slice(-1_000)}`, { cause: error })
  }
}

async function measure(
  suite: Suite,
  candidates: readonly Candidate[],
): Promise<readonly Omit<ChainRow, "addedInProcessUs">[]> {
  const samples = new Map<string, Sample[]>(candidates.map(({ name }) => [name, []]))
  for (let round = 0; round <= suite.options.rounds; round += 1) {
    for (const candidate of rotated(candidates, round)) {
      const sample = await call(suite, candidate)
      // The first round does not count: code is compiled, heaps have grown.
      if (round > 0) samples.get(candidate.name)?.push(sample)
    }
  }
  const base = samples.get("none") ?? []
  return candidates.map(({ name }) => {
    const own = samples.get(name) ?? []
    const nothing = { callsPerSecond: Number.NaN, cpuUsPerCall: Number.NaN }
    return {
      name,
      callsPerSecond: median(own.map(({ callsPerSecond }) => callsPerSecond)),
      cpuUsPerCall: median(own.map(({ cpuUsPerCall }) => cpuUsPerCall)),
      callsRatio: median(own.map(({ callsPerSecond }, at) => callsPerSecond / (base[at] ?? nothing).callsPerSecond)),
      addedCpuUs: median(own.map(({ cpuUsPerCall }, at) => cpuUsPerCall - (base[at] ?? nothing).cpuUsPerCall)),
    }
  })
}

async function call({ load, options }: Suite, { name, url, started }: Candidate): Promise<Sample> {
  const { seconds, warmUp } = options
  const wanted = { url, protocol: "streamable", tool: "echo_echo", callers, seconds, warmUp, pid: started.pid } as const
  const result = await load.calls(wanted)
  const round = toRound(result)
  if (result.error !== undefined || round?.cpuUsPerCall === undefined)
    throw new Error(`${name}: ${result.error ?? "no calls, or CPU time per process is not known here"}`)
  return { callsPerSecond: round.callsPerSecond, cpuUsPerCall: round.cpuUsPerCall }
}

function median(values: readonly number[]): number {
  return medianOf(values) ?? Number.NaN
}
