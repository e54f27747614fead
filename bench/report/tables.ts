/** The generated tables of docs/performance.md. */
import { toCount, toFigure, toRatio } from "../lib/report.ts"
import type { Results, Section } from "../lib/results.ts"
import type { Measured } from "../lib/rounds.ts"
import { titleOf } from "../lib/targets.ts"
import { type CallPoint, type CallTable, sizeName } from "../scenarios/calls.ts"
import { wholeChain } from "../scenarios/chain.ts"
import type { StartTable } from "../scenarios/coldStart.ts"
import { type Goal, goalsOf } from "./goals.ts"

/** Name of a generated part → its Markdown. */
export function tablesOf(results: Results): Readonly<Record<string, string>> {
  return {
    machine: machineOf(results),
    goals: goalTable(goalsOf(results)),
    calls: callTables(results),
    matrix: matrixTable(results),
    lists: listTables(results),
    start: startTables(results),
    beside: besideTable(results),
    memory: memoryTable(results),
    catalogue: catalogueTable(results),
    reload: reloadTable(results),
    crossing: crossingTable(results),
    chain: chainTable(results),
    failures: failureList(results),
  }
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`
  const rule = header.map((_, at) => (at === 0 ? "---" : "--:"))
  return [line(header), line(rule), ...rows.map(line)].join("\n")
}

function machineOf({ machine, sections }: Results): string {
  const { cpu, cores, memoryGigabytes, platform, node } = machine
  const rows = Object.entries(sections).flatMap(([name, section]: [string, Section<unknown> | undefined]) =>
    section === undefined
      ? []
      : [[name, section.date, `\`${section.commit}\``, section.mode, `${section.rounds} × ${section.seconds} s`]],
  )
  const facts = `${cpu}, ${cores} cores, ${memoryGigabytes} GB, ${platform}, Node ${node.slice(1)}.`
  return `${facts}\n\n${table(["scenario", "measured", "commit", "mode", "rounds"], rows)}`
}

function chainTable({ sections }: Results): string {
  const { chain = [], rows = [] } = sections.chain?.value ?? {}
  const shown = rows.map((row) => [
    row.name === wholeChain ? `all: ${chain.join(", ")}` : row.name,
    toRatio(row.callsRatio),
    toFigure(row.addedCpuUs),
    toFigure(row.addedInProcessUs),
    toCount(row.callsPerSecond),
    toFigure(row.cpuUsPerCall),
  ])
  const more = ["CPU µs/call more", "the same in process"]
  const header = ["64 callers, 100 B, stdio", "calls/s × without", ...more, "calls/s", "CPU µs/call"]
  if (rows.length === 0) return "Not measured."
  const cached = `An answer from the cache takes ${toFigure(sections.chain?.value.cachedUs ?? Number.NaN)} µs of CPU, all told.`
  return `${table(header, shown)}\n\n${cached}`
}

function crossingTable({ sections }: Results): string {
  const rows = (sections.crossing?.value.rows ?? []).map((row) => [
    `${row.client} client → ${row.server} server`,
    toRatio(row.callsRatio),
    toFigure(row.addedCpuUs),
    toCount(row.callsPerSecond),
    toFigure(row.cpuUsPerCall),
  ])
  const header = [
    "64 callers, 100 B, stdio",
    "calls/s × without crossing",
    "CPU µs/call more",
    "calls/s",
    "CPU µs/call",
  ]
  return rows.length === 0 ? "Not measured." : table(header, rows)
}

function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ measure, prototype, peer, parts }) => [
    measure,
    prototype,
    peer,
    `**${parts.map(({ measured }) => measured).join(" · ")}**`,
    parts.map(({ goal }) => goal).join(" · "),
    parts.map(({ met }) => (met === undefined ? "–" : met ? "yes" : "**no**")).join(" · "),
  ])
  return table(["measure", "prototype", "best peer then", "measured", "goal", "met"], rows)
}

function callTables(results: Results): string {
  const tables = results.sections.calls?.value.tables ?? []
  if (tables.length === 0) return "Not measured."
  return tables.map((each) => `### ${pointName(each.point)}\n\n${callTable(each)}`).join("\n\n")
}

function callTable({ point, targets }: CallTable): string {
  const megabytes = (point.bytes ?? 0) >= 1_048_576
  const rows = targets.map((measured) => [
    measured.target === "host" ? `**${titleOf(measured.target)}**` : titleOf(measured.target),
    ...(measured.callsPerSecond === undefined ? ["fails", "", "", "", "", ""] : figures(measured, megabytes)),
  ])
  const cpu = megabytes ? "CPU ms/call" : "CPU µs/call"
  return table(["", "calls/s ×", "p50 ×", "p99 ×", cpu, "calls/s", "p50 µs"], rows)
}

function figures({ ratios, cpuUsPerCall, callsPerSecond, p50Us }: Measured, megabytes: boolean): string[] {
  const cpu = megabytes && cpuUsPerCall !== undefined ? cpuUsPerCall / 1_000 : cpuUsPerCall
  return [
    toRatio(ratios.callsPerSecond),
    toRatio(ratios.p50),
    toRatio(ratios.p99),
    toFigure(cpu),
    toCount(callsPerSecond),
    toCount(p50Us),
  ]
}

function pointName({ upstream, era, callers, bytes, answer }: CallPoint): string {
  const names = {
    stdio: "Stdio",
    http: "HTTP",
    package: "In-process (McpServer)",
    "package-low": "In-process (Server)",
  }
  return `${names[upstream]} upstream, ${era} clients, ${callers} ${callers === 1 ? "caller" : "callers"}, ${sizeName(bytes)}, ${answerName(answer)}`
}

function answerName(answer: CallPoint["answer"]): string {
  if (answer === "json") return "JSON"
  return answer === "sse" ? "upstream answers by event stream" : "progress before the result (event stream)"
}

/** One line per point of the matrix: the host, and the floor of its upstream. */
function matrixTable(results: Results): string {
  const tables = results.sections.matrix?.value.tables ?? []
  if (tables.length === 0) return "Not measured."
  const rows = tables.map(({ point, targets }) => {
    const host = targets.find(({ target }) => target === "host")
    const floor = targets.find(({ target }) => target === "bare" || target === "undici")
    return [
      `${point.upstream}, ${point.era}, ${sizeName(point.bytes)}, ${point.answer}`,
      String(point.callers),
      host?.callsPerSecond === undefined ? "fails" : toRatio(host.ratios.callsPerSecond),
      toRatio(host?.ratios.p50),
      toRatio(host?.ratios.p99),
      toFigure(host?.cpuUsPerCall),
      toRatio(floor?.ratios.callsPerSecond),
      toFigure(floor?.cpuUsPerCall),
    ]
  })
  return table(
    [
      "upstream, clients, size, answer",
      "callers",
      "calls/s ×",
      "p50 ×",
      "p99 ×",
      "CPU µs",
      "floor calls/s ×",
      "floor CPU µs",
    ],
    rows,
  )
}

function listTables({ sections }: Results): string {
  const lists = sections.lists?.value
  if (lists === undefined) return "Not measured."
  const rows = lists.tables.flatMap(({ tools, targets }) =>
    targets.map(({ target, p50Ms, cpuMsPerList, error }) => [
      `${toCount(tools)} tools, ${titleOf(target)}`,
      error === undefined ? toFigure(p50Ms) : "fails",
      toFigure(cpuMsPerList),
    ]),
  )
  const calls = `Calls/s at 64 callers with 5,000 tools in the catalogue, against 10: **${toRatio(lists.callsRatio)}**.`
  return `${table(["", "p50 ms", "CPU ms per list"], rows)}\n\n${calls}`
}

function startTables({ sections }: Results): string {
  const tables = [
    ...(sections.start?.value.tables ?? []),
    ...(sections.commands === undefined ? [] : [{ title: "Commands", rows: sections.commands.value.rows }]),
  ]
  if (tables.length === 0) return "Not measured."
  return tables.map((each) => `### ${each.title}\n\n${startTable(each.rows)}`).join("\n\n")
}

function startTable(rows: StartTable["rows"]): string {
  return table(
    ["", "ms", "×"],
    rows.map(({ title, ms, ratio, error }) => [title, error === undefined ? toCount(ms) : "fails", toRatio(ratio)]),
  )
}

function besideTable({ sections }: Results): string {
  const rows = sections.beside?.value.rows
  if (rows === undefined) return "Not measured."
  return table(
    ["", "p50 ms", "p99 ms", "p99 ms alone", "1 MB results/s beside"],
    rows.map(({ target, error, ...row }) => [
      titleOf(target),
      error === undefined ? toFigure(row.p50Ms) : "fails",
      toFigure(row.p99Ms),
      toFigure(row.aloneP99Ms),
      toFigure(row.megabytesPerSecond),
    ]),
  )
}

function memoryTable({ sections }: Results): string {
  const used = sections.memory?.value
  if (used === undefined) return "Not measured."
  const share = used.idleCpuShare
  const rows: string[][] = [
    ...used.atStart.map(({ target, megabytes }) => [
      `${titleOf(target)}, 10 servers × 54 tools, at start`,
      `${toFigure(megabytes)} MB`,
    ]),
    ["per mounted stdio server of 24 tools (resident, 10 → 50 servers)", `${toFigure(used.kilobytesPerServer)} KB`],
    ["per mounted stdio server of 24 tools (heap)", `${toFigure(used.heapKilobytesPerServer)} KB`],
    ["per idle session (heap)", `${toFigure(used.heapKilobytesPerSession)} KB`],
    ["per idle session (resident)", `${toFigure(used.residentKilobytesPerSession)} KB`],
    ["per session with an open GET stream (resident)", `${toFigure(used.residentKilobytesPerStream)} KB`],
    [
      `${toCount(used.sessions)} sessions with streams (resident, whole process)`,
      `${toFigure(used.residentMegabytes)} MB`,
    ],
    ["CPU with all of them idle, of one core", share === undefined ? "–" : `${(share * 100).toFixed(2)} %`],
    ["calls/s with all of them open, against without", toRatio(used.callsRatio)],
  ]
  return table(["", ""], rows)
}

function catalogueTable({ sections }: Results): string {
  const found = sections.catalogue?.value
  if (found === undefined) return "Not measured."
  return table(
    [`${toCount(found.tools)} tools over ${found.servers} servers`, "ms"],
    [
      ["composed anew", toFigure(found.wholeMs)],
      ["composed again after one server's listing changed", toFigure(found.changedMs)],
      ["the same in a host whose clients are connected", toFigure(found.rebuildMs)],
    ],
  )
}

function reloadTable({ sections }: Results): string {
  const found = sections.reload?.value
  if (found === undefined) return "Not measured."
  const { applied, refused, calls, failed, callsRatio, p99Ratio, visibleMs } = found
  const header = ["edits applied", "refused", "calls", "failed", "calls/s × without edits", "p99 ×", "visible after ms"]
  const figures = [applied, refused, calls, failed].map(toCount)
  return table(header, [[...figures, toRatio(callsRatio), toRatio(p99Ratio), toFigure(visibleMs)]])
}

/** What failed, with its error: targets that did not start, and targets that answered wrongly. */
function failureList({ sections }: Results): string {
  const failures = new Map<string, string>()
  const add = (name: string, error: string): void => void (failures.has(name) || failures.set(name, error))
  for (const { target, upstream, era, error } of sections.calls?.value.failures ?? [])
    add(`${titleOf(target)}, ${upstream} upstream, ${era} clients: did not start`, error)
  for (const { point, targets } of sections.calls?.value.tables ?? []) {
    for (const { target, errors, error, withoutProgress } of targets) {
      if (error !== undefined) add(`${titleOf(target)}: ${pointName(point)}: ${errors} wrong answers`, error)
      if (withoutProgress !== undefined)
        add(
          `${titleOf(target)}: ${pointName(point)}`,
          `${withoutProgress} answers without the progress notification asked for`,
        )
    }
  }
  for (const section of [sections.lists, sections.beside, sections.memory])
    for (const { target, error } of section?.value.failures ?? []) add(`${titleOf(target)}: did not start`, error)
  if (failures.size === 0) return "None: every target started, and every answer was right."
  const line = (text: string): string => text.split("\n")[0]?.slice(0, 200).replaceAll("|", "\\|") ?? ""
  return [...failures].map(([name, error]) => `- ${name}: \`${line(error).replaceAll("`", "'")}\``).join("\n")
}
