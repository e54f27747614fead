/** Four callers of small calls on one upstream while two others pull 1 MB through another upstream of the same gateway. */
import { type Failure, withGroup } from "../lib/group.ts"
import { type Load, startLoad } from "../lib/load.ts"
import { messageOf, toFigure } from "../lib/report.ts"
import { rotated } from "../lib/rounds.ts"
import { medianOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { type Target, type TargetName, titleOf } from "../lib/targets.ts"
import { megabyte } from "./calls.ts"

export interface BesideRow {
  readonly target: TargetName
  readonly p50Ms?: number
  readonly p99Ms?: number
  /** Without the other traffic. */
  readonly aloneP99Ms?: number
  readonly megabytesPerSecond?: number
  readonly error?: string
}

export interface BesideResults {
  readonly rows: readonly BesideRow[]
  readonly failures: readonly Failure[]
}

const specs = ["a", "b"].map((key) => ({ key, kind: "stdio" as const }))

export async function runBeside(suite: Suite): Promise<BesideResults> {
  const names: readonly TargetName[] = [
    "host",
    "sdk",
    "mcp-hub",
    ...(suite.options.full ? (["fastmcp", "mcp-use"] as const) : []),
  ]
  suite.log("small calls beside 1 MB traffic on another upstream")
  const other = startLoad()
  try {
    return await withGroup(suite, { specs, names }, async ({ targets, failures }) => {
      const rows = await measure(suite, other, targets)
      for (const { target, p50Ms, p99Ms, aloneP99Ms, error } of rows)
        suite.log(
          `  ${titleOf(target)}: p50 ${toFigure(p50Ms)} ms, p99 ${toFigure(p99Ms)} ms (alone ${toFigure(aloneP99Ms)}) ${error ?? ""}`,
        )
      return { rows, failures }
    })
  } finally {
    other.stop()
  }
}

interface Sample {
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly aloneP99Ms?: number
  readonly megabytesPerSecond?: number
}

async function measure(suite: Suite, other: Load, targets: readonly Target[]): Promise<readonly BesideRow[]> {
  const samples = new Map<TargetName, Sample[]>(targets.map(({ name }) => [name, []]))
  const errors = new Map<TargetName, string>()
  for (let round = 0; round <= suite.options.rounds; round += 1) {
    for (const target of rotated(targets, round)) {
      if (errors.has(target.name)) continue
      try {
        const sample = await measureOnce(suite, other, target)
        if (round > 0) samples.get(target.name)?.push(sample)
      } catch (error) {
        errors.set(target.name, messageOf(error))
      }
    }
  }
  await other.close()
  return targets.map(({ name }) => {
    const of = (key: keyof Sample) => medianOf((samples.get(name) ?? []).map((sample) => sample[key]))
    const row = {
      p50Ms: of("p50Ms"),
      p99Ms: of("p99Ms"),
      aloneP99Ms: of("aloneP99Ms"),
      megabytesPerSecond: of("megabytesPerSecond"),
      error: errors.get(name),
    }
    const known = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Omit<
      BesideRow,
      "target"
    >
    return { target: name, ...known }
  })
}

async function measureOnce({ load, options }: Suite, other: Load, target: Target): Promise<Sample> {
  const { url, protocol } = target
  const seconds = Math.max(1, options.seconds)
  const small = { url, protocol, era: "legacy", tool: target.toolName("a", "echo"), callers: 4, seconds } as const
  const alone = await load.calls({ ...small, warmUp: 0.1 })
  // The large calls begin before the window of the small ones and end after it.
  const [large, beside] = await Promise.all([
    other.calls({
      ...small,
      tool: target.toolName("b", "blob"),
      bytes: megabyte,
      callers: 2,
      warmUp: 0.1,
      seconds: seconds + 0.6,
    }),
    load.calls({ ...small, warmUp: 0.4 }),
  ])
  const problem = large.error ?? beside.error ?? alone.error
  if (problem !== undefined) throw new Error(problem)
  return {
    ...milliseconds("p50Ms", beside.p50Us),
    ...milliseconds("p99Ms", beside.p99Us),
    ...milliseconds("aloneP99Ms", alone.p99Us),
    megabytesPerSecond: large.calls / large.seconds,
  }
}

function milliseconds(key: string, microseconds: number | undefined): object {
  return microseconds === undefined ? {} : { [key]: microseconds / 1_000 }
}
