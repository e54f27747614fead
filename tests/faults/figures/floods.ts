/** Peers that send more than anybody could take, and one that takes nothing: what each costs the host. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { request as httpRequest, type IncomingMessage } from "node:http"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { cpuOf } from "../../../bench/lib/cpu.ts"
import { closeAll, closers, stdioProgram, until, writeManifest } from "../../e2e/rig.ts"
import { connectHttp, type RigClient, versions } from "../rig/client.ts"
import { codes, type Finding, quantile, type Run, said } from "../rig/finding.ts"
import { growthDuring, type HostProcess, startHost } from "../rig/host.ts"
import { type Log, openLog } from "../rig/log.ts"
import { Oracle } from "../rig/oracle.ts"
import { startWeb, stdioMount } from "../rig/upstreams.ts"

const MiB = 1024 * 1024
const promised = { growth: 64 * MiB, heldMs: 100 }
/** What decides in little time: half of what a host that keeps a flood grows by. */
const kept = { growth: 200 * MiB, bytes: 400 * MiB }

interface Flooded {
  readonly host: HostProcess
  readonly client: RigClient
  readonly log: Log
}

interface Flood {
  readonly name: string
  readonly fault: string
  readonly where: string
  /** Sends the flood; says how it ended, and throws when it ended badly. */
  send(flooded: Flooded): Promise<string>
}

const big = (server: string, bytes: number, piece: number, error?: keyof typeof codes) => {
  return async ({ client }: Flooded): Promise<string> => {
    const outcome = await client.call(`${server}_fault`, { args: { bytes, piece } })
    const wanted = error === undefined ? undefined : codes[error]
    if (wanted !== undefined && outcome.error?.["code"] !== wanted) throw new Error(said(outcome))
    return said(outcome)
  }
}

const notifications = 200_000
/** Bytes of text in each; all of them are `kept.bytes` where memory is looked at coarsely. */
const sizeOf = ({ strict }: Run): number => (strict ? 1_000 : Math.ceil(kept.bytes / notifications))
/** What may wait for a client that does not read: 1 MiB in the host, and what the kernel takes for both ends. */
const mostWaiting = 12 * MiB

const floodsOf = (run: Run): readonly Flood[] => [
  {
    name: "events",
    fault: "An event of 400 MB on one line",
    where: "events",
    send: big("events", 400 * MiB, MiB, "LIMIT"),
  },
  { name: "json", fault: "An answer of 400 MB", where: "http", send: big("http", 400 * MiB, MiB, "LIMIT") },
  { name: "sse", fault: "An event of 400 MB on one line", where: "sse", send: big("sse", 400 * MiB, MiB, "LIMIT") },
  {
    name: "drip",
    fault: "10 MiB without a newline, 1 KiB at a time",
    where: "stdio",
    // It never becomes a message: the call ends at its deadline.
    send: big("stdio", 10 * MiB, 1024, "TIMEOUT"),
  },
  {
    name: "line",
    fault: `A line of ${run.strict ? 100 : 400} MB`,
    where: "stdio",
    send: big("stdio", run.strict ? 100 * MiB : kept.bytes, MiB, "LIMIT"),
  },
  ...(["stdio", "http", "sse"] as const).map((where) => ({
    name: "storm",
    fault: "10,000 `list_changed` a second, for 3 s",
    where,
    send: async ({ client }: Flooded): Promise<string> => {
      const outcome = await client.call(`${where}Storm_fault`, { args: { ms: 3_000 } })
      await delay(3_500)
      return said(outcome)
    },
  })),
  {
    name: "progress",
    fault: `${notifications.toLocaleString("en-US")} notifications to a client that never reads its answer`,
    where: "HTTP client",
    send: ({ host, log }) => neverReads(run, host.url, log),
  },
]

export async function flood(run: Run, only?: RegExp): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const chosen = floodsOf(run).filter(({ name }) => only === undefined || only.test(name))
  // What one leaves behind is not the next one's, where figures decide.
  const groups = run.strict || chosen.length === 0 ? chosen.map((each) => [each]) : [chosen]
  for (const group of groups) findings.push(...(await onOneHost(run, group)))
  if (only === undefined || only.test("stdio")) findings.push(await stdioNeverReads(run))
  return findings
}

async function onOneHost(run: Run, floods: readonly Flood[]): Promise<readonly Finding[]> {
  const log = openLog(path.join(run.folder, `flood-${floods.map(({ name }) => name).join("-")}.log`))
  try {
    const host = await startFlooded(log)
    const client = await connectHttp(host.url, new Oracle())
    await warmUp(client)
    const findings: Finding[] = []
    for (const each of floods) {
      run.print(`  ${each.name}, ${each.where}`)
      findings.push(await one(run, each, { host, client, log }))
    }
    return findings
  } finally {
    await closeAll()
  }
}

async function one(run: Run, { fault, where, send }: Flood, flooded: Flooded): Promise<Finding> {
  const { host } = flooded
  const stop = probe(host)
  await delay(300)
  await host.held()
  let end = ""
  let failed = false
  const cpu = cpuOf(host.pid) ?? 0
  const growth = await growthDuring(host.pid, async () => {
    end = await send(flooded).catch((error: Error) => {
      failed = true
      return error.message
    })
  })
  const spent = ((cpuOf(host.pid) ?? 0) - cpu) / 1_000
  const held = await host.held()
  const { latency, failed: unanswered } = await stop()
  const light = !run.strict || held.workMs <= promised.heldMs
  const good = !failed && growth <= mostGrowth(run) && light && unanswered === 0
  const parts = [
    end,
    `memory +${Math.round(growth / MiB)} MiB`,
    `event loop held up ${Math.round(held.workMs)} ms (${Math.round(held.wallMs)} by the clock)`,
    `/healthz every 10 ms: p99 ${latency.toFixed(0)} ms, ${unanswered} unanswered`,
    `${Math.round(spent)} ms of CPU`,
  ]
  return { id: "floods", fault, where, required, observed: parts.join("; "), verdict: good ? "met" : "not met" }
}

const required = "memory grows by 64 MiB at most, the event loop is never held up for more than 100 ms"

const mostGrowth = ({ strict }: Run): number => (strict ? promised.growth : kept.growth)

async function startFlooded(log: Log): Promise<HostProcess> {
  const web = await startWeb(log.file)
  const faulty = { fault: "F10" }
  return startHost({
    defaults: { timeouts: { call: "60s" } },
    servers: {
      healthy: { mount: stdioMount({ name: "healthy" }, log.file) },
      stdio: { mount: stdioMount({ name: "stdio", ...faulty }, log.file), timeouts: { call: "3s" } },
      http: { mount: web.mount("http", { name: "http", ...faulty }) },
      events: { mount: web.mount("events", { name: "events", ...faulty }) },
      sse: { mount: web.mount("sse", { name: "sse", ...faulty }) },
      stdioStorm: { mount: stdioMount({ name: "stdioStorm", fault: "F19" }, log.file) },
      httpStorm: { mount: web.mount("http", { name: "httpStorm", fault: "F19" }) },
      sseStorm: { mount: web.mount("sse", { name: "sseStorm", fault: "F19" }) },
      flood: { mount: stdioMount({ name: "flood", fault: "flood" }, log.file) },
    },
  })
}

/** What a host at work has compiled and allocated once is not the flood's. */
async function warmUp(client: RigClient): Promise<void> {
  const names = ["healthy", "stdio", "http", "events", "sse", "stdioStorm", "httpStorm", "sseStorm", "flood"]
  const text = "x".repeat(MiB)
  for (let time = 0; time < 12; time += 1)
    await Promise.all(names.map((name) => client.call(`${name}_work`, { args: time % 3 === 0 ? { text } : {} })))
}

/** Asks /healthz every 10 ms; the function it returns ends that and says how long the answers took. */
function probe({ url }: HostProcess): () => Promise<{ latency: number; failed: number }> {
  const times: number[] = []
  let failed = 0
  const asking = new Set<Promise<void>>()
  const ask = async (): Promise<void> => {
    const began = performance.now()
    await fetch(new URL("/healthz", url)).then(
      async (response) => void (await response.text()),
      () => {
        failed += 1
      },
    )
    times.push(performance.now() - began)
  }
  const timer = setInterval(() => {
    const asked: Promise<void> = ask().finally(() => asking.delete(asked))
    asking.add(asked)
  }, 10)
  return async () => {
    clearInterval(timer)
    await Promise.all(asking)
    return { latency: quantile(times, 0.99), failed }
  }
}

/** A call that is told of without end, on a connection whose other side reads nothing after the headers. */
async function neverReads(run: Run, url: string, log: Log): Promise<string> {
  const { headers, id } = await openSession(url)
  const request = httpRequest(url, { method: "POST", headers })
  request.on("error", () => undefined)
  request.end(JSON.stringify(floodingCall(run, id)))
  const [response] = (await once(request, "response")) as [IncomingMessage]
  response.pause()
  await until("the server has sent all", () => log.of("flood", "flooded").length > 0, 120_000)
  // What waits for it now is all that was kept: a closed connection ends after that.
  let bytes = 0
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length
  })
  const ended = new Promise<true>((resolve) => {
    response.once("close", () => resolve(true)).once("error", () => resolve(true))
  })
  response.resume()
  const over = await Promise.race([ended, delay(60_000, false, { ref: false })])
  const waited = `${(bytes / MiB).toFixed(1)} MiB waited for it, in the host and in the kernel's buffers`
  if (!over || bytes > mostWaiting) throw new Error(`${over ? "" : "never ended; "}${waited}`)
  return waited
}

const floodingCall = (run: Run, id: number) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: {
    name: "flood_fault",
    arguments: { call: "flood", count: notifications, size: sizeOf(run) },
    _meta: { progressToken: "p" },
  },
})

async function openSession(url: string): Promise<{ headers: Record<string, string>; id: number }> {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" }
  const params = { protocolVersion: versions.legacy, capabilities: {}, clientInfo: { name: "deaf", version: "1" } }
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })
  const response = await fetch(url, { method: "POST", headers, body })
  await response.text()
  return { headers: { ...headers, "mcp-session-id": response.headers.get("mcp-session-id") ?? "" }, id: 2 }
}

/** The same on standard output: nobody reads the pipe. */
async function stdioNeverReads(run: Run): Promise<Finding> {
  const log = openLog(path.join(run.folder, "flood-pipe.log"))
  const fault = `${notifications.toLocaleString("en-US")} notifications to a client that never reads the host's output`
  try {
    const servers = { flood: { mount: stdioMount({ name: "flood", fault: "flood" }, log.file) } }
    const { command, args, env } = stdioProgram(await writeManifest({ servers }))
    const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "ignore"] })
    closers.push(() => child.kill("SIGKILL"))
    child.stdin.on("error", () => undefined)
    const send = (message: object): void =>
      void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    const params = { protocolVersion: versions.legacy, capabilities: {}, clientInfo: { name: "deaf", version: "1" } }
    send({ id: 1, method: "initialize", params })
    await until("its server runs", () => log.of("flood", "listed").length > 0, 60_000)
    await delay(500)
    const exited = once(child, "exit")
    const began = performance.now()
    let end = "still there after 15 s"
    const growth = await growthDuring(child.pid ?? 0, async () => {
      send(floodingCall(run, 2))
      const code = await Promise.race([exited, delay(15_000)])
      if (code !== undefined) end = `gave the client up and ended after ${Math.round(performance.now() - began)} ms`
    })
    return {
      id: "floods",
      fault,
      where: "stdio client",
      required: "memory grows by 64 MiB at most",
      observed: `${end}; memory +${Math.round(growth / MiB)} MiB`,
      verdict: growth <= mostGrowth(run) ? "met" : "not met",
    }
  } finally {
    await closeAll()
  }
}
