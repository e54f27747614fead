/** Rows about the host's own process: descriptors, event loop, heap, and code of packages that runs in it. Each has a host of its own. */
import { execFileSync } from "node:child_process"
import { connect, type Socket } from "node:net"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { until } from "../../e2e/rig.ts"
import { connectHttp, type RigClient } from "../rig/client.ts"
import { must, mustFail, mustSucceed, type Run, said } from "../rig/finding.ts"
import { descriptorsOf, type HostOptions, type HostProcess, startHost } from "../rig/host.ts"
import { Oracle, type Outcome } from "../rig/oracle.ts"

export interface HostRow {
  readonly id: string
  readonly fault: string
  readonly required: string
  readonly where: string
  check(run: Run): Promise<string>
}

const unruly = path.resolve(import.meta.dirname, "../servers/unruly")

interface Opened {
  readonly host: HostProcess
  readonly client: RigClient
}

/** A host with two packages in its process: one that misbehaves when told to, and one that does not. */
async function open(options: HostOptions = {}): Promise<Opened> {
  const host = await startHost({ servers: { unruly: { mount: unruly }, calm: { mount: unruly } } }, options)
  return { host, client: await connectHttp(host.url, new Oracle()) }
}

export const hostRows: readonly HostRow[] = [
  {
    id: "F42",
    fault: "No descriptors are left",
    required: "the host lives; it serves again within 5 s of getting some back",
    where: "host",
    async check(run) {
      const { host, client } = await open()
      mustSucceed(await client.call("calm_work"))
      const limit = descriptorsOf(host.pid) + 16
      execFileSync("prlimit", ["--pid", String(host.pid), `--nofile=${limit}:${limit}`])
      const { hostname, port } = new URL(host.url)
      const sockets: Socket[] = Array.from({ length: 200 }, () =>
        connect(Number(port), hostname).on("error", () => undefined),
      )
      await delay(1_000)
      must(!host.started.exited(), "the host ended")
      for (const socket of sockets) socket.destroy()
      const began = performance.now()
      await until(
        "it serves again",
        async () => (await client.call("calm_work")).result !== undefined,
        run.within(5_000),
      )
      return `${limit} descriptors, 200 connections: serves again after ${Math.round(performance.now() - began)} ms`
    },
  },
  {
    id: "F43",
    fault: "The event loop stands still for 1.5 s",
    required: "not ready, and the cause is named",
    where: "package",
    async check() {
      const { host, client } = await open()
      mustSucceed(await client.call("unruly_work"))
      const seen: string[] = []
      const watching = setInterval(() => {
        fetch(new URL("/readyz", host.url))
          .then(async (response) => seen.push(`${response.status} ${await response.text()}`))
          .catch(() => undefined)
      }, 50)
      await client.call("unruly_block", { args: { ms: 1_500 } })
      const refusal = (): string | undefined => seen.find((text) => text.startsWith("503"))
      const notReady = await until("/readyz says so", refusal).finally(() => clearInterval(watching))
      const { reason } = JSON.parse(notReady?.slice(4) ?? "{}")
      must(/loop/.test(String(reason)), `the cause is not named: ${reason}`)
      return `503: ${reason}`
    },
  },
  {
    id: "F44",
    fault: "The heap is nearly full",
    required: "from 85 % calls are refused with -31006, from 95 % the host drains",
    where: "package",
    async check() {
      const { host, client } = await open({ nodeArgs: ["--max-old-space-size=128"] })
      const outcomes: Outcome[] = []
      for (let step = 0; step < 60 && !host.started.exited(); step += 1) {
        const outcome = await client.call("unruly_keep", { args: { megabytes: 4 } })
        outcomes.push(outcome)
        if (outcome.result === undefined) break
        await delay(20)
      }
      const last = outcomes.at(-1) as Outcome
      mustFail(last, "BUSY", { sent: "no" })
      return `after ${outcomes.length * 4} MiB of 128: ${said(last)}`
    },
  },
  {
    id: "F45",
    fault: "A package throws where nobody waits",
    required: "that call alone fails; the host and the other servers go on",
    where: "package",
    async check(run) {
      const { host, client } = await open()
      const beside = client.call("calm_work", { args: { ms: 500 } })
      const outcome = await Promise.race([client.call("unruly_throwLater"), delay(run.within(3_000))])
      const alive = !host.started.exited()
      must(alive, `the host ended: ${host.started.output().trim().split("\n").slice(0, 3).join(" ").slice(0, 120)}`)
      mustSucceed(await beside)
      mustSucceed(await client.call("calm_work"))
      must(outcome !== undefined, "the call was not answered")
      must(outcome?.error?.["code"] === -32603, said(outcome as Outcome))
      return `${said(outcome as Outcome)}; the others go on`
    },
  },
]
