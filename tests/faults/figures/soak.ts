/** A hundred clients and random faults for as long as asked: memory, descriptors and processes do not grow. */
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { residentBytes } from "../../../bench/lib/processes.ts"
import { closeIdleConnections } from "../../e2e/httpWire.ts"
import { closeAll } from "../../e2e/rig.ts"
import { connectHttp } from "../rig/client.ts"
import type { Finding, Run } from "../rig/finding.ts"
import { descendantsOf, descriptorsOf, type HostProcess, startHost } from "../rig/host.ts"
import { openLog } from "../rig/log.ts"
import { Oracle, sayVerdict, settledVerdict } from "../rig/oracle.ts"
import { startWeb, stdioMount } from "../rig/upstreams.ts"

const clients = 100
const MiB = 1024 * 1024
/** Growth of the live heap that is taken for none, in bytes: two of the largest messages may be on their way to collection. */
const noise = 40 * MiB
/** The same for descriptors: connections that are about to be closed. */
const idle = 10

interface Sample {
  readonly seconds: number
  readonly resident: number
  /** What is left after a collection. */
  readonly heap: number
  readonly descriptors: number
  readonly processes: number
}

/** Faults that leave their server usable, by key of the server. */
const faults: Readonly<Record<string, { readonly fault: string; readonly args?: () => object }>> = {
  dies: { fault: "F1" },
  dull: { fault: "F6" },
  noisy: { fault: "F9" },
  long: { fault: "F10", args: () => ({ bytes: 17 * MiB }) },
  twice: { fault: "F13" },
  late: { fault: "F15" },
  storm: { fault: "F19", args: () => ({ ms: 500 }) },
}

export async function soak(run: Run): Promise<readonly Finding[]> {
  const log = openLog(path.join(run.folder, "soak.log"))
  const oracle = new Oracle()
  try {
    const host = await startSoaked(log.file)
    const samples: Sample[] = []
    // With all servers there: in a later quiet moment some may rest.
    const whole = await lookAt(host, performance.now())
    // The first round compiles and fills what is kept on purpose.
    await loadFor(host, oracle, Math.min(run.soakMs / 4, 60_000))
    const began = performance.now()
    // A server that has ended too often rests for a minute.
    const patienceMs = run.full ? 70_000 : 5_000
    samples.push(await quiet(host, began, patienceMs))
    const rounds = Math.max(1, Math.min(12, Math.round(run.soakMs / 20_000)))
    for (let round = 0; round < rounds; round += 1) {
      await loadFor(host, oracle, run.soakMs / rounds)
      samples.push(await quiet(host, began, patienceMs))
      run.print(`  ${say(samples.at(-1) as Sample)}`)
    }
    const first = samples[0] as Sample
    const isSteady = (last: Sample): boolean =>
      last.heap - first.heap <= noise &&
      last.descriptors <= Math.max(first.descriptors, whole.descriptors) + idle &&
      last.processes <= Math.max(first.processes, whole.processes)
    // What has grown stays so; what is about to go has gone by then.
    for (let more = 0; more < 5 && !isSteady(samples.at(-1) as Sample); more += 1)
      samples.push(await quiet(host, began, patienceMs))
    const last = samples.at(-1) as Sample
    const verdict = await settledVerdict(() => oracle.judge(log.lines(), host.edge?.lines()))
    const slope = (what: "heap" | "resident"): string => `${(slopeOf(samples, what) / MiB).toFixed(2)} MiB/h`
    const good = isSteady(last) && verdict.violations.length === 0
    return [
      {
        id: "soak",
        fault: `${clients} clients and random faults`,
        where: "HTTP",
        required: "no growth of memory, descriptors or processes; each call ends once",
        observed: `${Math.round(run.soakMs / 1_000)} s under load; quiet moments, first → last: heap ${mib(first.heap)} → ${mib(last.heap)} MiB (slope ${slope("heap")}), resident ${mib(first.resident)} → ${mib(last.resident)} MiB (${slope("resident")}), descriptors ${first.descriptors} → ${last.descriptors}, processes ${first.processes} → ${last.processes}; ${sayVerdict(verdict)}`,
        verdict: good ? "met" : "not met",
      },
    ]
  } finally {
    await closeAll()
  }
}

async function startSoaked(log: string): Promise<HostProcess> {
  const web = await startWeb(log)
  const servers = Object.entries(faults).flatMap(([key, { fault }]) => [
    [`${key}Child`, stdioMount({ name: `${key}Child`, fault }, log)] as const,
    ...(fault === "F1" || fault === "F9"
      ? []
      : [[`${key}Web`, web.mount("events", { name: `${key}Web`, fault })] as const]),
  ])
  const manifest = {
    defaults: { session: "shared", timeouts: { call: "2s", start: "60s" } },
    servers: Object.fromEntries(
      [...servers, ["healthy", stdioMount({ name: "healthy" }, log)] as const].map(([key, mount]) => [key, { mount }]),
    ),
  }
  return startHost(manifest, { edge: `${log}-edge` })
}

/** Clients that come, call at random, cause faults at random, and go. */
async function loadFor(host: HostProcess, oracle: Oracle, ms: number): Promise<void> {
  const keys = Object.keys((await host.readiness())["servers"])
  const until = performance.now() + ms
  const one = async (nth: number): Promise<void> => {
    while (performance.now() < until) {
      const client = await connectHttp(host.url, oracle, nth % 2 === 0 ? "legacy" : "modern")
      for (let call = 0; call < 20 && performance.now() < until; call += 1) {
        const key = keys[Math.floor(Math.random() * keys.length)] ?? ""
        const fault = faults[key.replace(/(Child|Web)$/, "")]
        if (fault !== undefined && Math.random() < 0.02)
          await client.call(`${key}_fault`, { args: fault.args?.() ?? {} })
        else await client.call(`${key}_work`, { args: { ms: Math.random() * 20 } })
        await delay(Math.random() * 100)
      }
      await leave(client)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, nth) => one(nth)))
}

async function leave(client: Awaited<ReturnType<typeof connectHttp>>): Promise<void> {
  await client.leave()
  client.close()
}

/** After everybody has left and all servers are back, or have had time to. */
async function quiet(host: HostProcess, began: number, patienceMs: number): Promise<Sample> {
  closeIdleConnections()
  // Connections of the host to servers that nobody calls are closed after some seconds.
  await delay(4_000)
  for (let waited = 0; waited < patienceMs; waited += 500) {
    const { servers } = await host.readiness()
    if (Object.values(servers as Record<string, { state: string }>).every(({ state }) => state === "ready")) break
    await delay(500)
  }
  return lookAt(host, began)
}

async function lookAt(host: HostProcess, began: number): Promise<Sample> {
  const { heapUsed, external } = await host.memory()
  return {
    seconds: (performance.now() - began) / 1_000,
    resident: residentBytes(host.pid) ?? 0,
    heap: heapUsed + external,
    descriptors: descriptorsOf(host.pid),
    processes: descendantsOf(host.pid).length,
  }
}

/** Growth an hour by least squares. */
function slopeOf(samples: readonly Sample[], what: "heap" | "resident"): number {
  const hours = samples.map(({ seconds }) => seconds / 3_600)
  const values = samples.map((sample) => sample[what])
  const [x, y] = [meanOf(hours), meanOf(values)]
  const above = hours.reduce((sum, hour, at) => sum + (hour - x) * ((values[at] ?? 0) - y), 0)
  return above / hours.reduce((sum, hour) => sum + (hour - x) ** 2, 0)
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const mib = (bytes: number): string => (bytes / MiB).toFixed(1)

function say({ seconds, resident, heap, descriptors, processes }: Sample): string {
  return `${Math.round(seconds)} s: heap ${mib(heap)} MiB, resident ${mib(resident)} MiB, ${descriptors} descriptors, ${processes} processes`
}
