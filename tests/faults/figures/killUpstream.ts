/**
 * `kill -9` of upstreams under load: children over stdio, and processes behind URLs. Every call ends in exactly one result
 * or typed error, and none that is not a read is executed twice.
 */
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { closeAll, stdioProgram, until, writeManifest } from "../../e2e/rig.ts"
import { connectHttp, connectStdio, type RigClient } from "../rig/client.ts"
import type { Finding, Run } from "../rig/finding.ts"
import { type HostProcess, startHost } from "../rig/host.ts"
import { type Log, openLog } from "../rig/log.ts"
import { Oracle, sayVerdict, settledVerdict } from "../rig/oracle.ts"
import { killed, startWeb, stdioMount, type Web } from "../rig/upstreams.ts"

interface Size {
  readonly kills: number
  readonly calls: number
  /** Servers over stdio. */
  readonly children: number
  /** Servers behind URLs, each a process. */
  readonly webs: number
}

/** Calls take up to this long, so that some are in flight whenever a server dies. */
const longestMs = 40
/** Longest wait for a server to be back: its longest time between attempts, and some to start. */
const backMs = 120_000

/** Nine tenths with clients over HTTP, one tenth with a client on the host's standard input and output. */
export async function killUpstream(run: Run): Promise<readonly Finding[]> {
  const [many, few] = run.full
    ? [
        { kills: 900, calls: 90_000, children: 48, webs: 12 },
        { kills: 100, calls: 10_000, children: 12, webs: 4 },
      ]
    : [
        { kills: 24, calls: 2_400, children: 9, webs: 3 },
        { kills: 8, calls: 800, children: 3, webs: 1 },
      ]
  return [await underLoad(run, many, "http"), await underLoad(run, few, "stdio")]
}

async function underLoad(run: Run, size: Size, by: "http" | "stdio"): Promise<Finding> {
  const log = openLog(path.join(run.folder, `kill-${by}.log`))
  const oracle = new Oracle()
  try {
    const webs = await Promise.all(Array.from({ length: size.webs }, () => startWeb(log.file)))
    const manifest = manifestOf(size, webs, log)
    const host = by === "http" ? await startHost(manifest, { edge: path.join(run.folder, "kill-edge.log") }) : undefined
    const clients = host === undefined ? [await connectHere(manifest, oracle)] : await connectAll(host, oracle)
    const began = performance.now()
    const load = startLoad(clients, Object.keys(manifest.servers), host === undefined ? 12 : 1)
    const killing = { run, size, log, webs, by }
    const inFlight = await killAll(killing)
    await until("the calls are made", () => oracle.size >= size.calls, 3_600_000)
    await load()
    const seconds = Math.round((performance.now() - began) / 1_000)
    const verdict = await settledVerdict(() => oracle.judge(log.lines(), host?.edge?.lines()))
    // How much comes through, and how often a kill meets a call, depends on the machine.
    const much = run.strict ? verdict.results > verdict.calls / 4 && inFlight > 0 : verdict.results > size.kills
    const enough = verdict.calls >= size.calls && much
    return {
      id: "kill-upstream",
      fault: `\`kill -9\` of an upstream ${size.kills} times under load, ${size.calls.toLocaleString("en-US")} calls`,
      where: by === "http" ? "clients over HTTP" : "client over stdio",
      required:
        "each ends in exactly one result or typed error; none lost, none answered twice, none executed twice but reads",
      observed: `${size.kills} kills (${Math.round(size.kills * webShare(size))} of them behind URLs), ${inFlight} with calls in flight; ${sayVerdict(verdict)}; ${seconds} s`,
      verdict: verdict.violations.length === 0 && enough ? "met" : "not met",
    }
  } finally {
    await closeAll()
  }
}

const webShare = ({ webs, children }: Size): number => webs / (webs + children)

function manifestOf({ children }: Size, webs: readonly Web[], log: Log) {
  const mounts = [
    ...Array.from(
      { length: children },
      (_, at) => [`child${at}`, stdioMount({ name: `child${at}` }, log.file)] as const,
    ),
    ...webs.map((web, at) => [`web${at}`, web.mount("http", { name: `web${at}` })] as const),
  ]
  return {
    defaults: { session: "shared", timeouts: { call: "30s", start: "60s" } },
    servers: Object.fromEntries(mounts.map(([key, mount]) => [key, { mount }])),
  }
}

function connectAll({ url }: HostProcess, oracle: Oracle): Promise<RigClient[]> {
  // One in three is of the modern generation.
  return Promise.all(
    Array.from({ length: 24 }, (_, nth) => connectHttp(url, oracle, nth % 3 === 0 ? "modern" : "legacy")),
  )
}

async function connectHere(manifest: ReturnType<typeof manifestOf>, oracle: Oracle): Promise<RigClient> {
  const client = await connectStdio(stdioProgram(await writeManifest(manifest)), oracle)
  // It answers when its servers have started.
  await client.request("tools/list")
  return client
}

/** Calls and reads at random until the function it returns is called, which waits for those in flight. */
function startLoad(clients: readonly RigClient[], keys: readonly string[], lanes: number): () => Promise<void> {
  let going = true
  const lane = async (client: RigClient): Promise<void> => {
    while (going) {
      const key = keys[Math.floor(Math.random() * keys.length)] ?? ""
      const ms = Math.ceil(Math.random() * longestMs)
      const read = Math.random() < 0.1
      const { error } = await (read ? client.read(key) : client.call(`${key}_work`, { args: { ms } }))
      // A server that is down answers at once: whoever asks it in a row gets nothing done.
      if (error !== undefined) await delay(100)
    }
  }
  const all = Promise.all(clients.flatMap((client) => Array.from({ length: lanes }, () => lane(client))))
  return async () => {
    going = false
    await all
  }
}

interface Killing {
  readonly run: Run
  readonly size: Size
  readonly log: Log
  readonly webs: readonly Web[]
  readonly by: string
}

/** Kills every server in turn, each as soon as it executes calls again. Resolves with how many died with a call in flight. */
async function killAll({ run, size, log, webs, by }: Killing): Promise<number> {
  let [done, inFlight] = [0, 0]
  const names = [...Array.from({ length: size.children }, (_, at) => `child${at}`), ...webs.map((_, at) => `web${at}`)]
  const processes = new Map(webs.map((web, at) => [`web${at}`, web]))
  const lane = async (name: string, kills: number): Promise<void> => {
    for (let nth = 0; nth < kills; nth += 1) {
      const before = log.of(name, "executed").length
      await until(`${name} executes calls`, () => log.of(name, "executed").length > before + 1, backMs)
      // At any moment of its life.
      await delay(Math.random() * longestMs)
      const last = log.of(name, "executed").at(-1)
      if (last === undefined) throw new Error(`${name} executed nothing`)
      if (Date.now() - last.at < longestMs) inFlight += 1
      const web = processes.get(name)
      if (web === undefined) process.kill(last.pid, "SIGKILL")
      else {
        await killed(web.started)
        processes.set(name, await startWeb(log.file, web.port))
      }
      done += 1
      if (done % Math.ceil(size.kills / 10) === 0) run.print(`  ${by}: ${done} of ${size.kills} kills`)
    }
  }
  const [each, more] = [Math.floor(size.kills / names.length), size.kills % names.length]
  await Promise.all(names.map((name, at) => lane(name, at < more ? each + 1 : each)))
  return inFlight
}
