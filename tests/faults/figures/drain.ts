/** SIGTERM with many calls in flight: all are answered, and the host ends well in time. */
import path from "node:path"
import { closeAll, until } from "../../e2e/rig.ts"
import { isAlive } from "../../fixtures/processes.ts"
import { connectHttp, type RigClient } from "../rig/client.ts"
import { type Finding, mustFail, type Run } from "../rig/finding.ts"
import { descendantsOf, startHost } from "../rig/host.ts"
import { openLog } from "../rig/log.ts"
import { Oracle, type Outcome, sayVerdict, settledVerdict } from "../rig/oracle.ts"
import { startWeb, stdioMount } from "../rig/upstreams.ts"

const promisedMs = 30_000

/** Once with calls that all end in time, once with some that never would. */
export async function drain(run: Run): Promise<readonly Finding[]> {
  const calls = run.full ? 1_000 : 200
  return [await drained(run, { calls, hopeless: 0 }), await drained(run, { calls, hopeless: calls / 10 })]
}

async function drained(run: Run, { calls, hopeless }: { calls: number; hopeless: number }): Promise<Finding> {
  const [longestMs, drainMs] = run.full ? [10_000, 20_000] : [1_500, 10_000]
  const name = `drain-${hopeless}`
  const log = openLog(path.join(run.folder, `${name}.log`))
  const oracle = new Oracle()
  try {
    const web = await startWeb(log.file)
    const servers = {
      child: { mount: stdioMount({ name: "child" }, log.file) },
      web: { mount: web.mount("http", { name: "web" }) },
      hang: { mount: stdioMount({ name: "hang", fault: "hang" }, log.file) },
    }
    const manifest = {
      endpoint: { drain: `${hopeless === 0 ? promisedMs : drainMs}ms` },
      defaults: { session: "shared", timeouts: { call: "60s" } },
      servers,
    }
    const host = await startHost(manifest, { edge: path.join(run.folder, `${name}-edge.log`) })
    const clients = await Promise.all(
      Array.from({ length: calls / 10 }, (_, nth) =>
        connectHttp(host.url, oracle, nth % 2 === 0 ? "legacy" : "modern"),
      ),
    )
    const all = startCalls(clients, { calls, hopeless, longestMs })
    await until(
      "all are in flight",
      () => log.lines().filter(({ what }) => what === "executed").length === calls,
      60_000,
    )
    const processes = [host.pid, ...descendantsOf(host.pid)]
    const began = performance.now()
    host.started.child.kill("SIGTERM")
    const outcomes = await all
    await until("the host has ended", () => host.started.exited(), run.within(promisedMs + 10_000))
    const ms = performance.now() - began
    await until("its processes are gone", () => !processes.some(isAlive), run.within(5_000))
    for (const outcome of outcomes.filter(({ error }) => error !== undefined))
      mustFail(outcome, "DRAINING", { sent: "maybe" })
    const verdict = await settledVerdict(() => oracle.judge(log.lines(), host.edge?.lines()))
    const code = host.started.child.exitCode
    const results = outcomes.filter(({ result }) => result !== undefined).length
    const good =
      verdict.violations.length === 0 && code === 0 && ms <= run.within(promisedMs) && results === calls - hopeless
    return {
      id: "drain",
      fault: `SIGTERM with ${calls.toLocaleString("en-US")} calls in flight${hopeless === 0 ? "" : `, ${hopeless} of which never end`}`,
      where: "HTTP",
      required: "all answered, exit 0 within 30 s, nothing left",
      observed: `exit ${code} after ${(ms / 1_000).toFixed(1)} s; ${sayVerdict(verdict)}`,
      verdict: good ? "met" : "not met",
    }
  } finally {
    await closeAll()
  }
}

interface Load {
  readonly calls: number
  readonly hopeless: number
  readonly longestMs: number
}

/** All at once; resolves when every one has ended. */
function startCalls(clients: readonly RigClient[], { calls, hopeless, longestMs }: Load): Promise<Outcome[]> {
  return Promise.all(
    Array.from({ length: calls }, (_, nth) => {
      const client = clients[nth % clients.length] as RigClient
      if (nth < hopeless) return client.call("hang_fault")
      const ms = longestMs / 2 + (longestMs / 2) * (nth / calls)
      return client.call(nth % 2 === 0 ? "child_work" : "web_work", { args: { ms } })
    }),
  )
}
