/**
 * Runs the rows: one host with a server for each row and transport, a healthy server beside them that is called all the
 * time, and the oracle over all of it. Rows that need the host's own process have hosts of their own.
 */
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { messageOf } from "../../../bench/lib/report.ts"
import { closeAll, closers, type ManifestText } from "../../e2e/rig.ts"
import { connectHttp } from "../rig/client.ts"
import { type Finding, quantile, type Run } from "../rig/finding.ts"
import { type HostProcess, startHost } from "../rig/host.ts"
import { type Log, openLog } from "../rig/log.ts"
import { Oracle, type Outcome, sayVerdict, settledVerdict, type Verdict } from "../rig/oracle.ts"
import { startWeb, stdioMount, type Transport, type Web } from "../rig/upstreams.ts"
import { clientRows } from "./clientRows.ts"
import { hostRows } from "./hostRows.ts"
import { httpRows } from "./httpRows.ts"
import { laterRows } from "./laterRows.ts"
import { messageRows } from "./messageRows.ts"
import { processRows } from "./processRows.ts"
import type { Cell, Row } from "./row.ts"

const rows: readonly Row[] = [...processRows, ...messageRows, ...httpRows, ...clientRows, ...laterRows]
/** Rows under way at once. */
const lanes = 6

interface Planned {
  readonly row: Row
  readonly transport: Transport
  readonly key: string
  readonly mount: unknown
  readonly web: Web | undefined
}

/** All rows, or those whose id is wanted. */
export async function runRows(run: Run, wanted: (id: string) => boolean = () => true): Promise<readonly Finding[]> {
  const chosen = rows.filter(({ id }) => wanted(id))
  const later = chosen.flatMap(({ id, fault, required, later: reason }): Finding[] =>
    reason === undefined ? [] : [{ id, fault, where: "–", required, observed: reason, verdict: "later" }],
  )
  const findings = [...(await runCells(run, chosen)), ...(await runHostRows(run, wanted)), ...later]
  return findings.sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))
}

async function runCells(run: Run, chosen: readonly Row[]): Promise<Finding[]> {
  const log = openLog(path.join(run.folder, "rows.log"))
  const planned = await plan(run, log, chosen)
  if (planned.length === 0) return []
  const oracle = new Oracle()
  try {
    const host = await startRowHost(run, log, planned)
    const under = new Set<string>()
    const beside = callHealthy(host, oracle, under)
    const work = async (each: Planned): Promise<Finding> => {
      under.add(each.key)
      const finding = await runCell(each, { run, log, oracle, host })
      under.delete(each.key)
      return tell(run, finding)
    }
    const findings = await inLanes(
      planned.filter(({ row }) => row.alone !== true),
      work,
    )
    for (const each of planned.filter(({ row }) => row.alone === true)) findings.push(await work(each))
    findings.push(tell(run, await beside()))
    findings.push(tell(run, toFinding(await settledVerdict(() => oracle.judge(log.lines(), host.edge?.lines())))))
    return findings
  } finally {
    await closeAll()
  }
}

function toFinding(verdict: Verdict): Finding {
  return {
    id: "F0",
    fault: "The oracle over all rows",
    where: "all",
    required: "each call comes once to the edge, ends once, and is executed once at most unless it is a read",
    observed: sayVerdict(verdict),
    verdict: verdict.violations.length === 0 ? "met" : "not met",
  }
}

async function plan(run: Run, log: Log, chosen: readonly Row[]): Promise<Planned[]> {
  const web = await startWeb(log.file)
  const planned: Planned[] = []
  for (const [index, row] of chosen.entries()) {
    for (const transport of row.on ?? []) {
      const key = `r${index}${row.id.toLowerCase()}${transport}`
      const own = row.ownWeb === true ? await startWeb(log.file) : undefined
      const server = {
        name: key,
        fault: row.id,
        ...(row.era !== undefined && { era: row.era }),
        ...(row.nodeArgs !== undefined && { nodeArgs: row.nodeArgs }),
      }
      const mount =
        row.mount !== undefined
          ? await row.mount({ transport, run })
          : transport === "stdio"
            ? stdioMount(server, log.file)
            : (own ?? web).mount(transport, server)
      const headers = row.headers === undefined ? {} : { headers: row.headers }
      planned.push({ row, transport, key, mount: Object.assign({}, mount, headers), web: own })
    }
  }
  return planned
}

function startRowHost(run: Run, log: Log, planned: readonly Planned[]): Promise<HostProcess> {
  const entries = planned.map(({ row, key, mount }) => [key, { mount, ...row.entry }])
  const manifest: ManifestText = {
    defaults: { timeouts: { start: "40s", list: "20s", call: "20s", total: "60s" } },
    servers: {
      healthy: { mount: stdioMount({ name: "healthy" }, log.file), session: "shared" },
      ...Object.fromEntries(entries),
    },
  }
  const broken = planned.filter(({ row }) => row.broken === true).map(({ key }) => key)
  return startHost(manifest, { edge: path.join(run.folder, "rows-edge.log"), broken })
}

type Beside = Pick<Cell, "run" | "log" | "oracle" | "host">

async function runCell({ row, transport, key, web }: Planned, beside: Beside): Promise<Finding> {
  const { host, oracle } = beside
  const { id, fault, required } = row
  const finding = (observed: string, verdict: Finding["verdict"]): Finding => {
    return { id, fault, where: transport, required, observed, verdict }
  }
  const opened: { close(): void }[] = []
  try {
    const connect: Cell["connect"] = async (era) => {
      const client = await connectHttp(host.url, oracle, era)
      opened.push(client)
      return client
    }
    const state: Cell["state"] = async () => (await host.readiness())["servers"][key]
    const cell: Cell = { ...beside, key, transport, client: await connect("legacy"), connect, state, web }
    return finding((await row.check?.(cell)) ?? "", "met")
  } catch (error) {
    return finding(messageOf(error).replace(/\s+/g, " ").slice(0, 300), "not met")
  } finally {
    for (const client of opened) client.close()
  }
}

async function runHostRows(run: Run, wanted: (id: string) => boolean): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { id, fault, required, where, check } of hostRows.filter((row) => wanted(row.id))) {
    const finding = await check(run).then(
      (observed): Finding => ({ id, fault, where, required, observed, verdict: "met" }),
      (error: unknown): Finding => ({
        id,
        fault,
        where,
        required,
        observed: messageOf(error).replace(/\s+/g, " ").slice(0, 300),
        verdict: "not met",
      }),
    )
    await closeAll()
    findings.push(finding)
    tell(run, finding)
  }
  return findings
}

/** Calls the healthy server all the time, and watches the loop; the function it returns ends that and says how it went. */
function callHealthy(host: HostProcess, oracle: Oracle, under: ReadonlySet<string>): () => Promise<Finding> {
  const outcomes: Outcome[] = []
  let longest = { workMs: 0, wallMs: 0, during: "" }
  const ended = new AbortController()
  const calling = (async () => {
    const client = await connectHttp(host.url, oracle)
    while (!ended.signal.aborted) {
      outcomes.push(await client.call("healthy_work"))
      await delay(10)
    }
    client.close()
  })()
  const watching = (async () => {
    while (!ended.signal.aborted) {
      const during = [...under].join(" ")
      await delay(200)
      const held = await host.held()
      if (held.workMs > longest.workMs) longest = { ...held, during }
    }
  })()
  closers.push(() => {
    ended.abort()
    return Promise.all([calling, watching])
  })
  return async () => {
    ended.abort()
    await Promise.all([calling, watching])
    const failed = outcomes.filter(({ result }) => result === undefined)
    const times = outcomes.map(({ ms }) => ms)
    const { workMs, wallMs, during } = longest
    const held = `event loop held up ${workMs.toFixed(0)} ms at most (${wallMs.toFixed(0)} ms by the clock, during ${during})`
    return {
      id: "F0",
      fault: "A healthy server beside all rows",
      where: "stdio",
      required: "no call fails",
      observed: `${outcomes.length} calls, ${failed.length} failed, p99 ${quantile(times, 0.99).toFixed(1)} ms; ${held}`,
      verdict: failed.length === 0 && outcomes.length > 0 ? "met" : "not met",
    }
  }
}

async function inLanes<Item, Made>(items: readonly Item[], work: (item: Item) => Promise<Made>): Promise<Made[]> {
  const made: Made[] = []
  const left = [...items]
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) made.push(await work(next))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return made
}

function tell(run: Run, finding: Finding): Finding {
  const { id, where, verdict, fault, observed } = finding
  const mark = verdict === "met" ? "  met    " : "  NOT MET"
  run.print(`${mark} ${id.padEnd(4)} ${where.padEnd(7)} ${fault}: ${observed}`)
  return finding
}
