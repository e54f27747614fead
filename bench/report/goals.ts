/** The goals of the hot path, each with what was measured: the table at the top of docs/performance.md. */

import { toCount, toFigure, toRatio } from "../lib/report.ts"
import type { Results } from "../lib/results.ts"
import type { Measured } from "../lib/rounds.ts"
import { medianOf } from "../lib/statistics.ts"
import { roleOf, type TargetName } from "../lib/targets.ts"
import { type CallPoint, megabyte } from "../scenarios/calls.ts"
import { wholeChain } from "../scenarios/chain.ts"
import type { StartTable } from "../scenarios/coldStart.ts"

export interface Goal {
  readonly measure: string
  readonly prototype: string
  readonly peer: string
  readonly parts: readonly Part[]
}

export interface Part {
  readonly measured: string
  readonly goal: string
  readonly met?: boolean
}

type Wanted = Partial<CallPoint> & Pick<CallPoint, "upstream" | "callers">

export function goalsOf(results: Results): readonly Goal[] {
  return [
    ...callGoals(results),
    ...otherGoals(results),
    ...compositionGoals(results),
    ...crossingGoals(results),
    ...chainGoals(results),
  ]
}

function callGoals(results: Results): readonly Goal[] {
  const at = (wanted: Wanted, target: TargetName = "host") => find(results, wanted, target)
  const one = at({ upstream: "stdio", callers: 1 })
  const many = at({ upstream: "stdio", callers: 64 })
  const large = at({ upstream: "stdio", callers: 8, bytes: megabyte })
  const direct = at({ upstream: "stdio", callers: 1 }, "direct")
  const best = bestPeer(results, { upstream: "stdio", callers: 64 })
  const inProcess = at({ upstream: "package", callers: 64 })
  const http = (callers: number, key: "p50" | "callsPerSecond") =>
    quotient(at({ upstream: "http", callers })?.ratios[key], at({ upstream: "http", callers }, "undici")?.ratios[key])
  const added = addedP50(one, direct)
  const timesBest = quotient(many?.ratios.callsPerSecond, best?.ratios.callsPerSecond)
  const goal = (measure: string, prototype: string, peer: string, parts: readonly Part[]): Goal => ({
    ...{ measure, prototype, peer, parts },
  })
  return [
    goal("p50 at 1 caller, stdio upstream", "1.5–2.4 ×", "3.5 ×", [
      most(one?.ratios.p50, 2.0, times),
      most(added, 100, (value) => `${toCount(value)} µs added`),
    ]),
    goal("p50 · p99 at 64, stdio upstream", "1.4 · 2.4 ×", "8.6 · 5 ×", [
      most(many?.ratios.p50, 2.0, times),
      most(many?.ratios.p99, 3, times),
    ]),
    goal("calls/s at 64, stdio upstream", "0.61–0.87", "0.11", [
      least(many?.ratios.callsPerSecond, 0.55, times),
      least(timesBest, 5, (value) => `${toRatio(value)} × the best peer`),
    ]),
    goal("HTTP upstream against a raw undici proxy: p50 at 1 · calls/s at 64", "1.0 · 0.93–1.1", "3.4 · 0.08", [
      most(http(1, "p50"), 1.15, times),
      least(http(64, "callsPerSecond"), 0.8, times),
    ]),
    goal("in-process package, calls/s at 64", "0.9–1.15", "–", [least(inProcess?.ratios.callsPerSecond, 0.7, times)]),
    goal("host CPU per small call at 64", "38–44 µs", "340 µs", [
      most(many?.cpuUsPerCall, 60, (value) => `${toFigure(value)} µs`),
    ]),
    goal("1 MB results, 8 callers: calls/s · host CPU per MB", "0.9–1.4 · 1.0 ms", "0.35 · 14 ms", [
      least(large?.ratios.callsPerSecond, 0.85, times),
      most(thousandth(large?.cpuUsPerCall), 1.5, milliseconds),
    ]),
  ]
}

function otherGoals({ sections }: Results): readonly Goal[] {
  const { lists, start, beside, memory, commands } = sections
  const list = lists?.value.tables.find(({ tools }) => tools === 5_000)
  const hostList = list?.targets.find(({ target }) => target === "host")
  const tables = start?.value.tables ?? []
  const host = (id: StartTable["id"]) => tables.find((table) => table.id === id)?.rows.at(-1)?.ratio
  const cold = tables.find(({ id }) => id === "start-10")?.rows.find(({ name }) => name === "host")?.ratio
  const command = (name: string) => commands?.value.rows.find((row) => row.name === name)?.ratio
  const used = memory?.value
  const full = memory?.mode === "full"
  const p99 = beside?.value.rows.find(({ target }) => target === "host")?.p99Ms
  const goal = (measure: string, prototype: string, peer: string, parts: readonly Part[]): Goal => ({
    ...{ measure, prototype, peer, parts },
  })
  const kilobytes = (value: number): string => `${toFigure(value)} KB`
  const megabytes = (value: number): string => `${toFigure(value)} MB`
  return [
    goal("small-call p99 beside 1 MB traffic on another upstream", "3 ms", "20 ms", [most(p99, 6, milliseconds)]),
    goal("`tools/list` of 5,000: host CPU · calls/s with 5,000 tools against 10", "1.1 ms · ~1", "15 ms", [
      most(hostList?.cpuMsPerList, 2, milliseconds),
      least(lists?.value.callsRatio, 0.9, times),
    ]),
    goal(
      "cold start, 10 stdio servers, against a script that only spawns, initializes and lists them",
      "0.8–1.0",
      "0.9–1.2",
      [most(cold, 1.1, times)],
    ),
    goal("cold start from the catalogue cache, against `node -e 0`", "–", "–", [
      start?.value.cacheBuilt === false
        ? { measured: "no cache yet", goal: "≤ 2.5 ×" }
        : most(host("cache"), 2.5, times),
    ]),
    goal("one silent upstream of 10, against the time without it: healthy tools listed · called", "–", "300 s", [
      most(host("silent-list"), 1.2, times),
      most(host("silent-calls"), 1.2, times),
    ]),
    goal("memory at start with 10 servers", "49 MB", "86 MB", [
      most(used?.atStart.find(({ target }) => target === "host")?.megabytes, 70, megabytes),
    ]),
    goal(
      "memory per mounted stdio server · per idle session · with an open stream",
      "204 · 0.6 · 10 KB",
      "199 · 25 · 37 KB",
      [
        most(used?.kilobytesPerServer, 250, kilobytes),
        most(used?.heapKilobytesPerSession, 2, kilobytes),
        most(used?.residentKilobytesPerStream, 14, kilobytes),
      ],
    ),
    goal("memory with 10,000 sessions and their streams", "144 MB", "465 MB", [
      full ? most(used?.residentMegabytes, 220, megabytes) : { measured: "`--full` only", goal: "≤ 220 MB" },
    ]),
    goal("`mcp-host --version` · `check` of a 20-server manifest, against `node -e 0`", "–", "–", [
      most(command("version"), 1.5, times),
      most(command("check"), 4, times),
    ]),
  ]
}

function compositionGoals({ sections }: Results): readonly Goal[] {
  const catalogue = sections.catalogue?.value
  const reload = sections.reload?.value
  const goal = (measure: string, parts: readonly Part[]): Goal => ({ measure, prototype: "–", peer: "–", parts })
  const servers = (value: number): string => `${value} listed again`
  const failed = (value: number): string => `${value} failed`
  return [
    goal(
      "catalogue of 5,000 tools over 100 servers: anew · after one server changed · in a host, and how many it lists",
      [
        most(catalogue?.wholeMs, 50, milliseconds),
        most(catalogue?.changedMs, 50, milliseconds),
        most(catalogue?.rebuildMs, 50, milliseconds),
        most(catalogue?.relisted, 1, servers),
      ],
    ),
    goal("edits of the manifest under load, against without: calls that fail · calls/s of a server no edit concerns", [
      most(reload?.failed, 0, failed),
      least(reload?.callsRatio, 0.8, times),
    ]),
  ]
}

function crossingGoals({ sections }: Results): readonly Goal[] {
  const rows = sections.crossing?.value.rows ?? []
  const worst = (values: readonly number[], pick: (...values: number[]) => number) =>
    values.length === 0 ? undefined : pick(...values)
  const ratio = worst(
    rows.map(({ callsRatio }) => callsRatio),
    Math.min,
  )
  const added = worst(
    rows.map(({ addedCpuUs }) => addedCpuUs),
    Math.max,
  )
  return [
    {
      ...{
        measure: "a crossing of generations that asks nothing, against without: calls/s · host CPU",
        prototype: "–",
      },
      ...{ peer: "–", parts: [least(ratio, 0.8, times), most(added, 20, (value) => `${toFigure(value)} µs more`)] },
    },
  ]
}

function chainGoals({ sections }: Results): readonly Goal[] {
  const row = sections.chain?.value.rows.find(({ name }) => name === wholeChain)
  const chain = sections.chain?.value.chain.join(", ") ?? "errors, timing, logging, validate, rateLimit"
  const nobody = { prototype: "–", peer: "–" }
  const cached = most(sections.chain?.value.cachedUs, 20, (value) => `${toFigure(value)} µs`)
  return [
    {
      ...{ ...nobody, measure: `the default middleware chain (${chain}), against without: calls/s` },
      parts: [least(row?.callsRatio, 0.9, times)],
    },
    { ...nobody, measure: "an answer from the cache, CPU", parts: [cached] },
  ]
}

/** The figures of a target at a point; generation legacy, 100 bytes and JSON unless said. */
export function find(results: Results, wanted: Wanted, target: TargetName): Measured | undefined {
  return tableAt(results, wanted)?.find((measured) => measured.target === target)
}

export function tableAt(
  results: Results,
  { era = "legacy", bytes, answer = "json", ...wanted }: Wanted,
): readonly Measured[] | undefined {
  return results.sections.calls?.value.tables.find(
    ({ point }) =>
      point.upstream === wanted.upstream &&
      point.callers === wanted.callers &&
      point.era === era &&
      point.bytes === bytes &&
      point.answer === answer,
  )?.targets
}

function bestPeer(results: Results, wanted: Wanted): Measured | undefined {
  const peers = (tableAt(results, wanted) ?? []).filter(
    ({ target, ratios }) => roleOf(target) === "peer" && ratios.callsPerSecond !== undefined,
  )
  return [...peers].sort((a, b) => (b.ratios.callsPerSecond ?? 0) - (a.ratios.callsPerSecond ?? 0))[0]
}

function most(value: number | undefined, limit: number, show: (value: number) => string): Part {
  return part(value, `≤ ${plain(show(limit))}`, show, (known) => known <= limit)
}

function least(value: number | undefined, limit: number, show: (value: number) => string): Part {
  return part(value, `≥ ${plain(show(limit))}`, show, (known) => known >= limit)
}

function part(
  value: number | undefined,
  goal: string,
  show: (value: number) => string,
  met: (value: number) => boolean,
): Part {
  if (value === undefined || Number.isNaN(value)) return { measured: "not measured", goal }
  return { measured: show(value), goal, met: met(value) }
}

/** Without zeros that say nothing. */
function plain(figure: string): string {
  return figure.replace(/\.0+(?= |$)/, "").replace(/(\.\d*[1-9])0+(?= |$)/, "$1")
}

function times(value: number): string {
  return `${toRatio(value)} ×`
}

function milliseconds(value: number): string {
  return `${toFigure(value)} ms`
}

function quotient(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined ? undefined : value / by
}

/** The median of what a round added to the base of that round, in microseconds. */
function addedP50(measured: Measured | undefined, base: Measured | undefined): number | undefined {
  if (measured === undefined || base === undefined || measured.rounds.length !== base.rounds.length) return undefined
  return medianOf(
    measured.rounds.map(({ p50Us }, round) => {
      const from = base.rounds[round]?.p50Us
      return p50Us === undefined || from === undefined ? undefined : p50Us - from
    }),
  )
}

function thousandth(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value / 1_000
}
