/** One hung server of fifty: what it costs those who list tools and call the others. */
import path from "node:path"
import { closeAll, until } from "../../e2e/rig.ts"
import { connectHttp, type RigClient } from "../rig/client.ts"
import { type Finding, quantile, type Run } from "../rig/finding.ts"
import { type HostProcess, startHost } from "../rig/host.ts"
import { openLog } from "../rig/log.ts"
import { Oracle } from "../rig/oracle.ts"
import { startWeb, stdioMount } from "../rig/upstreams.ts"

const servers = 50
/** What one hung server may add to a list at p99, and what a call may vary by, in milliseconds. */
const mostMs = 50

export async function hung(run: Run): Promise<readonly Finding[]> {
  return [await hungLater(run), await hungFromTheStart(run)]
}

/** One that stopped in the middle of its work, calls in flight. */
async function hungLater(run: Run): Promise<Finding> {
  const { host, oracle, stop } = await open(run, "later", "")
  try {
    const stuck = await connectHttp(host.url, oracle)
    await stuck.call("odd_work")
    await measure(run, host, oracle)
    const before = await measure(run, host, oracle)
    const resume = stop()
    let ended = 0
    const calls = Array.from({ length: 20 }, () => stuck.call("odd_work").finally(() => (ended += 1)))
    const after = await measure(run, host, oracle)
    // All of it was done while the hung server's calls waited; one that did not wait counts as failed.
    const failed = after.failed + ended
    resume()
    await Promise.all(calls)
    return toFinding(run, "one of 50 servers stops in the middle of its work", before, { ...after, failed })
  } finally {
    await closeAll()
  }
}

/** One that never answered `initialize`, after its time to start is over. */
async function hungFromTheStart(run: Run): Promise<Finding> {
  try {
    const well = await open(run, "well", "")
    const ill = await open(run, "ill", "F4")
    await until("it is given up", async () => {
      const { servers: states } = await ill.host.readiness()
      return states.odd.state !== "starting"
    })
    await measure(run, well.host, well.oracle)
    await measure(run, ill.host, ill.oracle)
    const before = await measure(run, well.host, well.oracle)
    const after = await measure(run, ill.host, ill.oracle)
    return toFinding(run, "one of 50 servers never answers `initialize`", before, after)
  } finally {
    await closeAll()
  }
}

interface Times {
  readonly list: readonly number[]
  /** First lists of clients that have just come. */
  readonly firstList: readonly number[]
  readonly call: readonly number[]
  readonly failed: number
}

async function measure(run: Run, host: HostProcess, oracle: Oracle): Promise<Times> {
  const rounds = run.full ? 1_000 : 200
  const client = await connectHttp(host.url, oracle)
  const [list, firstList, call]: [number[], number[], number[]] = [[], [], []]
  let failed = 0
  for (let round = 0; round < rounds; round += 1) {
    const outcome = await client.call(`s${round % (servers - 1)}_work`)
    if (outcome.result === undefined) failed += 1
    call.push(outcome.ms)
    list.push(await timeOf(client))
    if (round % 10 > 0) continue
    const fresh = await connectHttp(host.url, oracle, round % 20 === 0 ? "modern" : "legacy")
    firstList.push(await timeOf(fresh))
    fresh.close()
  }
  client.close()
  return { list, firstList, call, failed }
}

async function timeOf(client: RigClient): Promise<number> {
  const began = performance.now()
  const { tools } = await client.request("tools/list")
  if (tools.length < 2 * (servers - 1)) throw new Error(`only ${tools.length} tools are listed`)
  return performance.now() - began
}

function toFinding(run: Run, fault: string, before: Times, after: Times): Finding {
  const p99 = (times: readonly number[]): number => quantile(times, 0.99)
  const added = (["list", "firstList", "call"] as const).map((what) => p99(after[what]) - p99(before[what]))
  const ms = (what: "list" | "firstList" | "call"): string =>
    `${p99(before[what]).toFixed(1)} → ${p99(after[what]).toFixed(1)} ms`
  const good = added.every((each) => each <= run.within(mostMs)) && after.failed === 0
  return {
    id: "hung",
    fault,
    where: "HTTP",
    required: `\`tools/list\` of the others at most ${mostMs} ms more at p99, calls to the others unaffected`,
    observed: `p99 without → with: list ${ms("list")}, first list of a client ${ms("firstList")}, call ${ms("call")}; ${after.failed} of ${after.call.length} calls failed`,
    verdict: good ? "met" : "not met",
  }
}

/** A host with 49 healthy servers and an odd one; `stop` freezes that and returns what wakes it. */
async function open(run: Run, name: string, fault: string) {
  const log = openLog(path.join(run.folder, `hung-${name}.log`))
  const oracle = new Oracle()
  const web = await startWeb(log.file)
  const healthy = Array.from({ length: servers - 1 }, (_, at) => {
    const server = { name: `s${at}` }
    // A process each where there is time to start them.
    return [server.name, { mount: at < (run.full ? 24 : 4) ? stdioMount(server, log.file) : web.mount("http", server) }]
  })
  const manifest = {
    defaults: { session: "shared", timeouts: { start: "60s", call: "60s" } },
    servers: {
      ...Object.fromEntries(healthy),
      odd: {
        mount: stdioMount({ name: "odd", fault }, log.file),
        timeouts: { start: fault === "" ? "60s" : "1s", call: "10m" },
      },
    },
  }
  const host = await startHost(manifest, fault === "" ? {} : { broken: ["odd"] })
  const stop = (): (() => void) => {
    const pid = log.of("odd", "started").at(-1)?.pid
    // Signal to process 0 would go to the rig itself.
    if (pid === undefined) throw new Error("the odd server was never started")
    process.kill(pid, "SIGSTOP")
    return () => process.kill(pid, "SIGCONT")
  }
  return { host, oracle, stop }
}
