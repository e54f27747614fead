/**
 * Memory of the host: at start with ten servers, per mounted stdio server, per idle legacy session, with an open GET
 * stream, and with all sessions open. What is left after a collection where a difference is taken; at start as it is.
 */

import { cpuOf } from "../lib/cpu.ts"
import type { Failure } from "../lib/group.ts"
import { askProbe, type Memory, probeArguments } from "../lib/probe.ts"
import { freePort, residentBytes, type Started, sleep, start } from "../lib/processes.ts"
import { messageOf, toFigure } from "../lib/report.ts"
import { rotated } from "../lib/rounds.ts"
import { median, ratioOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { hostLaunch, startTarget, type TargetName, titleOf, writeManifest } from "../lib/targets.ts"
import { openUpstreams } from "../lib/upstreams.ts"

export interface MemoryResults {
  readonly atStart: readonly { readonly target: TargetName; readonly megabytes: number }[]
  readonly failures: readonly Failure[]
  readonly kilobytesPerServer: number
  readonly heapKilobytesPerServer: number
  readonly sessions: number
  readonly heapKilobytesPerSession: number
  readonly residentKilobytesPerSession: number
  readonly residentKilobytesPerStream: number
  /** With all sessions and streams open. */
  readonly residentMegabytes: number
  /** CPU time of the host with all sessions idle, as a share of one core. */
  readonly idleCpuShare?: number
  /** Calls/s at 64 with all streams open, to that before. */
  readonly callsRatio: number
}

const kilobyte = 1_024
const mega = 1_024 * 1_024

export async function runMemory(suite: Suite): Promise<MemoryResults> {
  const sessions = suite.options.full ? 10_000 : 2_000
  suite.log("memory")
  const { atStart, failures } = await measureAtStart(suite)
  const perServer = await measurePerServer(suite)
  const { kilobytesPerServer, heapKilobytesPerServer } = perServer
  suite.log(
    `  per mounted stdio server: ${toFigure(kilobytesPerServer)} KB, on the heap ${toFigure(heapKilobytesPerServer)} KB`,
  )
  const idle = await measureSessions(suite, sessions)
  suite.log(
    `  per idle session: ${toFigure(idle.heapKilobytesPerSession)} KB on the heap, ${toFigure(idle.residentKilobytesPerSession)} KB resident`,
  )
  const streams = await measureStreams(suite, sessions).finally(() => suite.load.close())
  suite.log(
    `  with a stream: ${toFigure(streams.residentKilobytesPerStream)} KB, ${sessions} of them ${toFigure(streams.residentMegabytes)} MB, calls/s × ${toFigure(streams.callsRatio)}`,
  )
  return { atStart, failures, ...perServer, sessions, ...idle, ...streams }
}

/** Ten servers of 54 tools, a second after the first complete list. */
async function measureAtStart(suite: Suite): Promise<Pick<MemoryResults, "atStart" | "failures">> {
  const names: readonly TargetName[] = [
    "host",
    ...(suite.options.full ? (["sdk", "mcp-hub", "fastmcp", "mcp-use"] as const) : []),
  ]
  const specs = Array.from({ length: 10 }, (_, at) => ({ key: `s${at}`, kind: "stdio" as const, tools: 54 }))
  const { upstreams } = await openUpstreams(specs)
  const failures: Failure[] = []
  const atStart: { target: TargetName; megabytes: number }[] = []
  for (const name of names) {
    try {
      const samples: number[] = []
      for (let time = 0; time < 3; time += 1) {
        const target = await startTarget(name, upstreams, suite)
        await sleep(1_000)
        samples.push((residentBytes(target.pid) ?? Number.NaN) / mega)
        await target.stop()
      }
      atStart.push({ target: name, megabytes: median(samples) })
      suite.log(`  ${titleOf(name)} at start: ${toFigure(median(samples))} MB`)
    } catch (error) {
      failures.push({ target: name, error: messageOf(error) })
    }
  }
  return { atStart, failures }
}

async function measurePerServer(
  suite: Suite,
): Promise<Pick<MemoryResults, "kilobytesPerServer" | "heapKilobytesPerServer">> {
  const [few, many] = [10, 50]
  const size = (servers: number): Promise<Memory> => withHost(suite, { servers, tools: 24 }, ({ memory }) => memory())
  const resident: number[] = []
  const heap: number[] = []
  for (let time = 0; time < 3; time += 1) {
    const [small, large] = [await size(few), await size(many)]
    resident.push((large.rss - small.rss) / (many - few) / kilobyte)
    heap.push((heapOf(large) - heapOf(small)) / (many - few) / kilobyte)
  }
  return { kilobytesPerServer: median(resident), heapKilobytesPerServer: median(heap) }
}

async function measureSessions(
  suite: Suite,
  count: number,
): Promise<Pick<MemoryResults, "heapKilobytesPerSession" | "residentKilobytesPerSession">> {
  return withHost(suite, { servers: 1, tools: 24 }, async ({ memory, url }) => {
    await suite.load.open({ url, count: 1_000, streams: false })
    const before = await memory()
    await suite.load.open({ url, count, streams: false })
    const after = await memory()
    return {
      heapKilobytesPerSession: (heapOf(after) - heapOf(before)) / count / kilobyte,
      residentKilobytesPerSession: (after.rss - before.rss) / count / kilobyte,
    }
  })
}

async function measureStreams(
  suite: Suite,
  count: number,
): Promise<Pick<MemoryResults, "residentKilobytesPerStream" | "residentMegabytes" | "idleCpuShare" | "callsRatio">> {
  return withHost(suite, { servers: 1, tools: 24 }, (other) =>
    withHost(suite, { servers: 1, tools: 24 }, async (host) => {
      const { memory, url, started } = host
      // Both have served before anything is counted.
      await callsRatio(suite, other, host)
      await suite.load.open({ url, count: 200, streams: false })
      const before = await memory()
      await suite.load.open({ url, count, streams: true })
      const after = await memory()
      const idleCpuShare = await idleShare(started.pid)
      // A forced collection also drops compiled code: the other has one too, and both run again before they count.
      await other.memory()
      await callsRatio(suite, other, host)
      return {
        residentKilobytesPerStream: (after.rss - before.rss) / count / kilobyte,
        residentMegabytes: after.rss / mega,
        ...(idleCpuShare !== undefined && { idleCpuShare }),
        callsRatio: await callsRatio(suite, other, host),
      }
    }),
  )
}

/** Calls/s of the second host to that of the first, both alive. */
async function callsRatio(suite: Suite, first: ProbedHost, second: ProbedHost): Promise<number> {
  const { rounds, seconds } = suite.options
  const rates = new Map<ProbedHost, number[]>([
    [first, []],
    [second, []],
  ])
  for (let round = 0; round < rounds; round += 1) {
    for (const host of rotated([first, second], round)) {
      const call = { url: host.url, protocol: "streamable", era: "legacy", tool: "s0_echo", callers: 64 } as const
      const result = await suite.load.calls({ ...call, seconds, warmUp: 0.3 })
      rates.get(host)?.push(result.calls / result.seconds)
    }
  }
  return ratioOf(rates.get(second) ?? [], rates.get(first) ?? []) ?? Number.NaN
}

async function idleShare(pid: number): Promise<number | undefined> {
  await sleep(1_000)
  const [before, began] = [cpuOf(pid), performance.now()]
  await sleep(4_000)
  const after = cpuOf(pid)
  return after === undefined || before === undefined
    ? undefined
    : (after - before) / 1_000 / (performance.now() - began)
}

interface ProbedHost {
  readonly url: string
  readonly started: Started
  memory(): Promise<Memory>
}

/** The host with the probe in it. */
async function withHost<T>(
  suite: Suite,
  { servers, tools }: { readonly servers: number; readonly tools: number },
  work: (host: ProbedHost) => Promise<T>,
): Promise<T> {
  const specs = Array.from({ length: servers }, (_, at) => ({ key: `s${at}`, kind: "stdio" as const, tools }))
  const { upstreams } = await openUpstreams(specs)
  const port = await freePort()
  const { file, args } = hostLaunch(writeManifest(`${suite.folder}/memory-${port}`, upstreams), port, probeArguments)
  const started = start(file, args, { channel: true })
  const url = `http://127.0.0.1:${port}/mcp`
  try {
    await suite.load.ready({ url, protocol: "streamable", tools: servers * tools })
    const memory = async (): Promise<Memory> => {
      await sleep(500)
      await askProbe(started, "memory")
      await sleep(300)
      return askProbe(started, "memory")
    }
    return await work({ url, started, memory })
  } finally {
    await started.stop()
  }
}

function heapOf({ heapUsed, external }: Memory): number {
  return heapUsed + external
}
