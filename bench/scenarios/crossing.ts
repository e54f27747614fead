/**
 * A crossing of generations that asks nothing, against the same call without: one host with the same stdio server mounted
 * twice, held to one generation each, and clients of both.
 */
import { type CallResult, type Era, eras } from "../lib/load.ts"
import { toFigure, toRatio } from "../lib/report.ts"
import { rotated, toRound } from "../lib/rounds.ts"
import { medianOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { startTarget, type Target } from "../lib/targets.ts"
import { openUpstreams } from "../lib/upstreams.ts"

export interface CrossingRow {
  /** Generation of the client, and of the server. */
  readonly client: Era
  readonly server: Era
  readonly callsPerSecond: number
  readonly cpuUsPerCall: number
  /** To the same client's calls without a crossing; medians of the rounds. */
  readonly callsRatio: number
  readonly addedCpuUs: number
}

export interface CrossingResults {
  readonly rows: readonly CrossingRow[]
}

const callers = 64

export async function runCrossing(suite: Suite): Promise<CrossingResults> {
  suite.log("a crossing of generations that asks nothing")
  const opened = await openUpstreams(eras.map((era) => ({ key: era, kind: "stdio", era })))
  const target = await startTarget("host", opened.upstreams, suite)
  try {
    const rows: CrossingRow[] = []
    for (const client of eras) rows.push(await measure(suite, target, client))
    for (const { client, server, callsRatio, addedCpuUs } of rows)
      suite.log(`  ${client} → ${server}: calls/s × ${toRatio(callsRatio)}, ${toFigure(addedCpuUs)} µs CPU more`)
    return { rows }
  } finally {
    await suite.load.close()
    await target.stop()
    await opened.stop()
  }
}

async function measure(suite: Suite, target: Target, client: Era): Promise<CrossingRow> {
  const samples = new Map<Era, Sample[]>(eras.map((server) => [server, []]))
  for (let round = 0; round <= suite.options.rounds; round += 1) {
    for (const server of rotated(eras, round)) {
      const sample = sampleOf(await call(suite, target, client, server))
      // The first round does not count: code is compiled, heaps have grown.
      if (round > 0) samples.get(server)?.push(sample)
    }
  }
  const server: Era = client === "legacy" ? "modern" : "legacy"
  const crossed = samples.get(server) ?? []
  const same = samples.get(client) ?? []
  const of = (key: keyof Sample) => median(crossed.map((sample) => sample[key]))
  return {
    ...{ client, server, callsPerSecond: of("callsPerSecond"), cpuUsPerCall: of("cpuUsPerCall") },
    callsRatio: median(
      crossed.map(({ callsPerSecond }, at) => callsPerSecond / (same[at]?.callsPerSecond ?? Number.NaN)),
    ),
    addedCpuUs: median(crossed.map(({ cpuUsPerCall }, at) => cpuUsPerCall - (same[at]?.cpuUsPerCall ?? Number.NaN))),
  }
}

interface Sample {
  readonly callsPerSecond: number
  readonly cpuUsPerCall: number
}

function call({ load, options }: Suite, target: Target, era: Era, server: Era): Promise<CallResult> {
  const { url, protocol, pid } = target
  const { seconds, warmUp } = options
  return load.calls({ url, protocol, pid, era, tool: target.toolName(server, "echo"), callers, seconds, warmUp })
}

function sampleOf(result: CallResult): Sample {
  const round = toRound(result)
  if (result.error !== undefined || round?.cpuUsPerCall === undefined)
    throw new Error(result.error ?? "no calls, or CPU time per process is not known here")
  return { callsPerSecond: round.callsPerSecond, cpuUsPerCall: round.cpuUsPerCall }
}

function median(values: readonly number[]): number {
  return medianOf(values) ?? Number.NaN
}
