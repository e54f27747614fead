/**
 * `tools/call` through every target: upstream × generation × callers × size × form of the answer. `calls` are the points
 * that the goals and the peers are judged by; `matrix` is everything by everything, for the host and the floors.
 */

import { type Failure, withGroup } from "../lib/group.ts"
import type { Era } from "../lib/load.ts"
import { toFigure, toRatio } from "../lib/report.ts"
import { type Measured, measurePoint } from "../lib/rounds.ts"
import type { Suite, SuiteOptions } from "../lib/suite.ts"
import { type TargetName, titleOf } from "../lib/targets.ts"
import type { UpstreamSpec } from "../lib/upstreams.ts"

export type Answer = "json" | "sse" | "progress"
export type UpstreamKind = "stdio" | "http" | "package" | "package-low"

export interface CallPoint {
  readonly upstream: UpstreamKind
  readonly era: Era
  readonly callers: number
  /** `undefined` is the echo of about 100 bytes. */
  readonly bytes?: number
  readonly answer: Answer
}

export interface CallTable {
  readonly point: CallPoint
  readonly targets: readonly Measured[]
}

export interface CallResults {
  readonly tables: readonly CallTable[]
  readonly failures: readonly (Failure & { readonly upstream: UpstreamKind; readonly era: Era })[]
}

export const megabyte = 1_048_576
export const tenKilobytes = 10_240

const peers: readonly TargetName[] = ["sdk", "mcp-hub", "mcp-proxy", "supergateway", "fastmcp", "mcp-use"]
const floors: Readonly<Record<UpstreamKind, readonly TargetName[]>> = {
  stdio: ["direct", "bare", "byte", "host"],
  http: ["direct", "undici", "host"],
  package: ["direct", "host"],
  "package-low": ["direct", "host"],
}

interface Plan {
  readonly upstream: UpstreamKind
  readonly era: Era
  readonly upstreamAnswer: "json" | "sse"
  readonly names: readonly TargetName[]
  readonly points: readonly Omit<CallPoint, "upstream" | "era">[]
}

const small = (callers: number): Plan["points"][number] => ({ callers, answer: "json" })
const large: Plan["points"][number] = { callers: 8, bytes: megabyte, answer: "json" }

/** What the goals are judged by. */
function goalPlans(full: boolean): readonly Plan[] {
  const plan = (upstream: UpstreamKind, era: Era, points: Plan["points"], withPeers = true): Plan => ({
    ...{ upstream, era, upstreamAnswer: "json", points },
    names: [...floors[upstream], ...(withPeers ? peers : [])],
  })
  const wide = full ? [small(8), small(256)] : []
  return [
    plan("stdio", "legacy", [small(1), small(64), large, ...wide]),
    plan("stdio", "modern", [small(64), ...(full ? [small(1), large] : [])], full),
    plan("http", "legacy", [small(1), small(64), large, ...wide], full),
    plan("http", "modern", [small(64), ...(full ? [small(1), large] : [])], full),
    plan("package", "legacy", [small(64), ...(full ? [small(1), large] : [])]),
    plan("package", "modern", [small(64)]),
    plan("package-low", "legacy", [small(64)]),
  ]
}

/** Everything by everything, for the host and the floors. */
function matrixPlans(): readonly Plan[] {
  const plans: Plan[] = []
  for (const upstream of ["stdio", "http", "package"] as const) {
    for (const era of ["legacy", "modern"] as const) {
      for (const upstreamAnswer of upstream === "http" ? (["json", "sse"] as const) : (["json"] as const)) {
        const answers: readonly Answer[] = upstreamAnswer === "sse" ? ["sse"] : ["json", "progress"]
        const points = [1, 8, 64, 256].flatMap((callers) =>
          [undefined, tenKilobytes, megabyte].flatMap((bytes) =>
            answers.map((answer) => ({ callers, answer, ...(bytes !== undefined && { bytes }) })),
          ),
        )
        const names = floors[upstream].filter((name) => name !== "byte")
        plans.push({ upstream, era, upstreamAnswer, names, points })
      }
    }
  }
  return plans
}

export async function runCalls(suite: Suite): Promise<CallResults> {
  return runPlans(suite, goalPlans(suite.options.full))
}

/** Short windows: there are 168 points of two or three targets. */
export function matrixOptions(options: SuiteOptions): SuiteOptions {
  const rounds = Math.min(5, options.rounds)
  return { ...options, rounds, seconds: 0.3, warmUp: 0.15, longest: 3, warmRound: false }
}

export async function runMatrix(suite: Suite): Promise<CallResults> {
  return runPlans(suite, matrixPlans())
}

async function runPlans(suite: Suite, plans: readonly Plan[]): Promise<CallResults> {
  const results: CallResults[] = []
  for (const plan of plans) {
    results.push(await runPlan(suite, plan))
    suite.keep(merge(results))
  }
  return merge(results)
}

/** The smallest thing the suite can do; its test runs it. */
export async function runSmallest(suite: Suite): Promise<CallResults> {
  const names: readonly TargetName[] = ["direct", "bare", "host"]
  const points = [small(4), { callers: 2, bytes: tenKilobytes, answer: "progress" as const }]
  const results: CallResults[] = []
  for (const era of ["legacy", "modern"] as const)
    results.push(await runPlan(suite, { upstream: "stdio", era, upstreamAnswer: "json", names, points }))
  return merge(results)
}

async function runPlan(suite: Suite, plan: Plan): Promise<CallResults> {
  const { upstream, era, upstreamAnswer, names, points } = plan
  const spec: UpstreamSpec = { key: "a", kind: upstream, answer: upstreamAnswer }
  suite.log(`${upstream} upstream, ${era} clients`)
  return withGroup(suite, { specs: [spec], names, era }, async ({ targets, failures }) => {
    const tables: CallTable[] = []
    for (const point of points) {
      const { callers, bytes, answer } = point
      const able = targets.filter(({ name }) => answer === "json" || name !== "byte")
      const measured = await measurePoint(suite, able, {
        ...{ era, callers, upstream: "a", progress: answer === "progress" },
        ...(bytes !== undefined && { bytes }),
      })
      tables.push({ point: { upstream, era, ...point }, targets: measured })
      suite.log(`  ${callers} callers, ${sizeName(bytes)}, ${answer}`)
      for (const each of measured) suite.log(`    ${lineOf(each)}`)
    }
    return { tables, failures: failures.map((failure) => ({ ...failure, upstream, era })) }
  })
}

export function sizeName(bytes: number | undefined): string {
  if (bytes === undefined) return "100 B"
  return bytes >= megabyte ? `${bytes / megabyte} MB` : `${bytes / 1_024} KB`
}

function merge(results: readonly CallResults[]): CallResults {
  return {
    tables: results.flatMap(({ tables }) => tables),
    failures: results.flatMap(({ failures }) => failures),
  }
}

function lineOf({ target, ratios, callsPerSecond, cpuUsPerCall, error, withoutProgress }: Measured): string {
  const figures = `calls/s × ${toRatio(ratios.callsPerSecond)} (${toFigure(callsPerSecond)}), p50 × ${toRatio(ratios.p50)}, p99 × ${toRatio(ratios.p99)}, CPU ${toFigure(cpuUsPerCall)} µs`
  const lost = withoutProgress === undefined ? "" : `, ${withoutProgress} without their progress`
  return `${titleOf(target)}: ${callsPerSecond === undefined ? "" : figures}${lost}${error === undefined ? "" : ` FAILS: ${error}`}`
}
