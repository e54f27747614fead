/**
 * From spawning a gateway to the first list with every tool in it, for 10 and 50 stdio servers of 54 tools each, against a
 * script that only spawns, initializes and lists them; from the catalogue cache, against `node -e 0`; and with one of ten
 * servers silent, against the nine without it.
 */
import { execFile } from "node:child_process"
import path from "node:path"
import { promisify } from "node:util"
import { freePort, runToEnd, sleep, start } from "../lib/processes.ts"
import { messageOf, toFigure, toRatio } from "../lib/report.ts"
import { rotated } from "../lib/rounds.ts"
import { medianOf, ratioOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { hostEntry, hostLaunch, launchTarget, type TargetName, titleOf, writeManifest } from "../lib/targets.ts"
import { openUpstreams, type Upstream, type UpstreamSpec } from "../lib/upstreams.ts"

export interface StartRow {
  readonly name: string
  readonly title: string
  readonly ms?: number
  /** To the base, the first row of the table. */
  readonly ratio?: number
  readonly error?: string
}

export interface StartTable {
  readonly id: "start-10" | "start-50" | "cache" | "silent-list" | "silent-calls" | "commands"
  readonly title: string
  readonly rows: readonly StartRow[]
}

export interface StartResults {
  readonly tables: readonly StartTable[]
  /** Whether the host has a catalogue cache to start from. */
  readonly cacheBuilt: boolean
}

interface Contestant {
  readonly name: string
  readonly title: string
  /** Milliseconds from its start to what is waited for. */
  run(): Promise<number>
}

const tools = 54
const peers: readonly TargetName[] = ["sdk", "mcp-hub", "fastmcp", "mcp-use"]
const node: Contestant = {
  name: "node",
  title: "node -e 0",
  run: async () => (await runToEnd(process.execPath, ["-e", "0"])).ms,
}

export async function runColdStart(suite: Suite): Promise<StartResults> {
  const { full, rounds } = suite.options
  const tables: StartTable[] = []
  for (const count of [10, 50] as const) {
    const upstreams = await stdioServers(count)
    const gateways: readonly TargetName[] = ["host", ...(full && count === 10 ? peers : [])]
    const contestants = [
      bareScript(upstreams),
      ...gateways.map((name) => gateway(suite, name, { upstreams, listed: count * tools })),
      ...(count === 10 ? [node] : []),
    ]
    const times = count === 50 && !full ? Math.min(3, rounds) : rounds
    tables.push(await contest(suite, { id: `start-${count}`, title: `${count} stdio servers`, contestants, times }))
  }
  const nine = await stdioServers(9)
  const silent: UpstreamSpec = { key: "silent", kind: "silent" }
  const { upstreams: ten } = await openUpstreams([...nine, silent])
  const called = nine.map(({ key }) => `${key}_echo`)
  const listed = 9 * tools
  for (const [id, title, what] of [
    ["silent-list", "One of ten servers never answers: until the nine are listed", { listed }],
    ["silent-calls", "One of ten servers never answers: until each of the nine has answered a call", { called }],
  ] as const) {
    const contestants = [
      gateway(suite, "host", { upstreams: nine, ...what, title: "mcp-host, nine servers" }),
      gateway(suite, "host", { upstreams: ten, ...what, title: "mcp-host, nine and a silent one" }),
    ]
    tables.push(await contest(suite, { id, title, contestants, times: Math.min(5, rounds) }))
  }
  const cacheBuilt = await hasCache()
  if (cacheBuilt) tables.push(await fromCache(suite))
  else suite.log("from the catalogue cache: the host has none yet")
  return { tables, cacheBuilt }
}

/** How long `node -e 0` and other commands take, for comparison with what is waited for. */
export async function contest(
  suite: Suite,
  {
    id,
    title,
    contestants,
    times,
  }: Pick<StartTable, "id" | "title"> & { contestants: readonly Contestant[]; times: number },
): Promise<StartTable> {
  suite.log(title)
  const taken = contestants.map(() => [] as (number | undefined)[])
  const errors = new Map<Contestant, string>()
  for (let round = 0; round < times; round += 1) {
    for (const contestant of rotated(contestants, round)) {
      if (errors.has(contestant)) continue
      try {
        const into = taken[contestants.indexOf(contestant)] as (number | undefined)[]
        into[round] = await contestant.run()
      } catch (error) {
        errors.set(contestant, messageOf(error))
      }
    }
  }
  const rows = contestants.map((contestant, at) => {
    const [base, own] = [taken[0] ?? [], taken[at] ?? []]
    const [ms, ratio, error] = [medianOf(own), ratioOf(own, base), errors.get(contestant)]
    suite.log(`  ${contestant.title}: ${toFigure(ms)} ms, × ${toRatio(ratio)} ${error ?? ""}`)
    return {
      ...{ name: contestant.name, title: contestant.title },
      ...(ms !== undefined && { ms }),
      ...(ratio !== undefined && { ratio }),
      ...(error !== undefined && { error }),
    }
  })
  return { id, title, rows }
}

function bareScript(upstreams: readonly Upstream[]): Contestant {
  const program = path.resolve(import.meta.dirname, "../programs/spawnAll.mjs")
  return {
    name: "bare",
    title: "a script that spawns, initializes and lists",
    async run() {
      const since = epochNow()
      const { output } = await runToEnd(process.execPath, [program, "--upstreams", JSON.stringify(upstreams)])
      const { at, tools: found } = JSON.parse(output) as { at: number; tools: number }
      if (found !== upstreams.length * tools) throw new Error(`the script listed ${found} tools`)
      return at - since
    },
  }
}

interface GatewayStart {
  readonly upstreams: readonly Upstream[]
  /** Waited for: a list of so many tools, or an answer of each of these. */
  readonly listed?: number
  readonly called?: readonly string[]
  readonly title?: string
}

function gateway(suite: Suite, name: TargetName, wanted: GatewayStart): Contestant {
  const { upstreams, listed = 0, called, title = titleOf(name) } = wanted
  return {
    name,
    title,
    async run() {
      const since = epochNow()
      const { target } = await launchTarget(name, upstreams, suite.folder)
      try {
        const { url, protocol } = target
        const { load } = suite
        const reached =
          called === undefined
            ? load.ready({ url, protocol, tools: listed, timeoutMs: 60_000 })
            : load.served({ url, protocol, names: called })
        return (await reached).at - since
      } finally {
        await target.stop()
      }
    },
  }
}

/** Whether manifests of the built host know `host.cache`. */
async function hasCache(): Promise<boolean> {
  const { stdout } = await promisify(execFile)(process.execPath, [hostEntry, "schema"], { maxBuffer: 2 ** 24 })
  // Its own schema, of which one path is looked at.
  const schema = JSON.parse(stdout) as { properties?: { host?: { properties?: object } } }
  return "cache" in (schema.properties?.host?.properties ?? {})
}

async function fromCache(suite: Suite): Promise<StartTable> {
  const upstreams = await stdioServers(10)
  const folder = path.join(suite.folder, "cached")
  const manifest = writeManifest(folder, upstreams, { host: { name: "bench", cache: "./cache" } })
  const host: Contestant = {
    name: "host",
    title: "mcp-host, its catalogue cached",
    async run() {
      const port = await freePort()
      const { file, args } = hostLaunch(manifest, port)
      const since = epochNow()
      const started = start(file, args, { cwd: folder })
      try {
        const url = `http://127.0.0.1:${port}/mcp`
        const { at } = await suite.load.ready({ url, protocol: "streamable", tools: 10 * tools })
        // The cache is checked and written behind the list: not part of it, but of the next start's.
        await sleep(2_000)
        return at - since
      } finally {
        await started.stop()
      }
    },
  }
  // The first start fills the cache.
  await host.run()
  const title = "10 stdio servers, from the catalogue cache"
  return contest(suite, { id: "cache", title, contestants: [node, host], times: suite.options.rounds })
}

async function stdioServers(count: number): Promise<readonly Upstream[]> {
  const specs = Array.from({ length: count }, (_, at) => ({ key: `s${at}`, kind: "stdio" as const, tools }))
  return (await openUpstreams(specs)).upstreams
}

function epochNow(): number {
  return performance.timeOrigin + performance.now()
}
