/**
 * `tools/list` of 500 and 5,000 tools over ten stdio servers, every page of it, and whether a large catalogue makes calls
 * slower.
 */
import { type Failure, withGroup } from "../lib/group.ts"
import { toFigure, toRatio } from "../lib/report.ts"
import { type Measured, measurePoint, rotated } from "../lib/rounds.ts"
import { median, medianOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { startTarget, type Target, type TargetName, titleOf } from "../lib/targets.ts"
import { openUpstreams, type UpstreamSpec } from "../lib/upstreams.ts"

export interface ListTable {
  readonly tools: number
  readonly targets: readonly {
    readonly target: TargetName
    readonly p50Ms?: number
    readonly cpuMsPerList?: number
    readonly error?: string
  }[]
}

export interface ListResults {
  readonly tables: readonly ListTable[]
  readonly failures: readonly Failure[]
  /** Calls/s of the host with 5,000 tools, to that with 10. */
  readonly callsRatio: number
  readonly calls: readonly Measured[]
}

const names: readonly TargetName[] = ["host", "sdk", "mcp-hub", "fastmcp", "mcp-use"]

export async function runLists(suite: Suite): Promise<ListResults> {
  const tables: ListTable[] = []
  const failures: Failure[] = []
  for (const tools of [500, 5_000]) {
    suite.log(`tools/list of ${tools} tools`)
    await withGroup(suite, { specs: tenServers(tools / 10), names }, async (group) => {
      failures.push(...group.failures)
      tables.push({ tools, targets: await measureLists(suite, group.targets) })
    })
    for (const { target, p50Ms, cpuMsPerList, error } of tables.at(-1)?.targets ?? [])
      suite.log(
        `  ${titleOf(target)}: p50 ${toFigure(p50Ms)} ms, CPU ${toFigure(cpuMsPerList)} ms per list ${error ?? ""}`,
      )
  }
  return { tables, failures, ...(await measureCallsBesideTools(suite)) }
}

async function measureLists(suite: Suite, targets: readonly Target[]): Promise<ListTable["targets"]> {
  const p50 = new Map<TargetName, number[]>(targets.map(({ name }) => [name, []]))
  const cpu = new Map<TargetName, (number | undefined)[]>(targets.map(({ name }) => [name, []]))
  const errors = new Map<TargetName, string>()
  // The first round warms up and does not count.
  for (let round = 0; round <= suite.options.rounds; round += 1) {
    for (const { name, url, protocol, pid } of rotated(targets, round)) {
      const times = Math.max(3, Math.round(suite.options.seconds * 20))
      try {
        const { latencies, cpuUs } = await suite.load.list({ url, protocol, pid, times })
        if (round === 0) continue
        p50.get(name)?.push(median(latencies))
        cpu.get(name)?.push(cpuUs === undefined ? undefined : cpuUs / times / 1_000)
      } catch (error) {
        errors.set(name, error instanceof Error ? error.message : String(error))
      }
    }
  }
  return targets.map(({ name: target }) => {
    const cpuMsPerList = medianOf(cpu.get(target) ?? [])
    const p50Ms = medianOf(p50.get(target) ?? [])
    const error = errors.get(target)
    return {
      target,
      ...(p50Ms !== undefined && { p50Ms }),
      ...(cpuMsPerList !== undefined && { cpuMsPerList }),
      ...(error !== undefined && { error }),
    }
  })
}

/** Two hosts alive together: ten tools and five thousand, the same call on both. */
async function measureCallsBesideTools(suite: Suite): Promise<Pick<ListResults, "callsRatio" | "calls">> {
  suite.log("calls with 10 and with 5,000 tools")
  const targets: Target[] = []
  try {
    for (const specs of [[{ key: "s0", kind: "stdio", tools: 10 } as const], tenServers(500)]) {
      const { upstreams } = await openUpstreams(specs)
      targets.push(await startTarget("host", upstreams, suite))
    }
    const [few, many] = targets as [Target, Target]
    // Both are the host; the second goes by another name in this table.
    const named = [few, { ...many, name: "direct" as const }]
    const calls = await measurePoint(suite, named, { era: "legacy", callers: 64, upstream: "s0" })
    const callsRatio = calls[1]?.ratios.callsPerSecond ?? Number.NaN
    suite.log(`  calls/s × ${toRatio(callsRatio)}`)
    return { callsRatio, calls }
  } finally {
    await suite.load.close()
    await Promise.all(targets.map((target) => target.stop()))
  }
}

function tenServers(tools: number): readonly UpstreamSpec[] {
  return Array.from({ length: 10 }, (_, at) => ({ key: `s${at}`, kind: "stdio" as const, tools }))
}
