/**
 * npm run bench:profile [-- stdio|http|package] [--bytes N] [--callers N] [--era legacy|modern] [--seconds N] — where the
 * host's time goes during calls: a CPU profile of the command, its modules one by one, under the suite's load, by kind of
 * work, or with `--functions` or `--lines` (nothing inlined then) by those. Microseconds are shares of the CPU time per call
 * of the same run; the profiler itself costs a part of them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Era } from "./lib/load.ts"
import { freePort, type Started, start, stopOnSignals } from "./lib/processes.ts"
import { emitModules } from "./lib/program.ts"
import { openSuite, type Suite } from "./lib/suite.ts"
import { writeManifest } from "./lib/targets.ts"
import { openUpstreams, type UpstreamSpec } from "./lib/upstreams.ts"

interface Frame {
  readonly functionName: string
  readonly url: string
}

/** The members used of the format of `--cpu-prof`. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: Frame
    readonly hitCount: number
    readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bytes: { type: "string" },
    callers: { type: "string", default: "64" },
    era: { type: "string", default: "legacy" },
    seconds: { type: "string", default: "5" },
    functions: { type: "boolean", default: false },
    lines: { type: "boolean", default: false },
  },
})

const kinds: readonly (readonly [test: RegExp, kind: string])[] = [
  [/^node:_http/, "node: http"],
  [/^node:(net|internal\/stream)/, "node: sockets and streams"],
  [/^node:internal\/(async_hooks|process\/task_queues)|^node:async_hooks/, "node: promises and async context"],
  [/^node:internal\/modules|\/esm\/|\/cjs\//, "node: loading modules"],
  [/^node:/, "node: other"],
  [/undici|^wasm:.*llhttp/, "undici"],
  [/\/zod\//, "zod"],
  [/modelcontextprotocol/, "MCP SDK"],
  [/^wasm:/, "WebAssembly"],
]

/** Of the files whose lines are shown. */
const texts = new Map<string, readonly string[]>()

stopOnSignals()
await main()

async function main(): Promise<void> {
  const kind = (positionals[0] ?? "stdio") as UpstreamSpec["kind"]
  const suite = openSuite({ full: false, rounds: 1, seconds: 1, warmUp: 0.2 }, () => undefined)
  const opened = await openUpstreams([{ key: "a", kind }])
  const folder = mkdtempSync(path.join(tmpdir(), "mcp-host-profile-"))
  const port = await freePort()
  const manifest = writeManifest(path.join(suite.folder, "profile"), opened.upstreams)
  const profiler = ["--cpu-prof", "--cpu-prof-dir", folder, "--cpu-prof-interval", "200"]
  const inlining = flags.lines ? ["--no-turbo-inlining"] : []
  const started = start(process.execPath, [
    ...inlining,
    ...profiler,
    emitModules(),
    "run",
    manifest,
    "--port",
    String(port),
  ])
  try {
    const cpuUs = await load(suite, started, `http://127.0.0.1:${port}/mcp`)
    await started.stop()
    const profile = longest(folder)
    const rows = flags.lines ? lines(profile) : shares(profile, flags.functions ? nameOf : kindOf)
    process.stdout.write(`${cpuUs.toFixed(1)} µs CPU per call, profiled\n`)
    for (const [name, share] of rows.slice(0, 40))
      process.stdout.write(
        `${(share * cpuUs).toFixed(1).padStart(9)} µs ${(share * 100).toFixed(1).padStart(5)} %  ${name}\n`,
      )
  } finally {
    await started.stop()
    await opened.stop()
    suite.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** CPU microseconds per call. */
async function load(suite: Suite, started: Started, url: string): Promise<number> {
  await suite.load.ready({ url, protocol: "streamable", tools: 2 })
  const bytes = flags.bytes === undefined ? {} : { bytes: Number(flags.bytes) }
  const call = {
    ...{
      url,
      protocol: "streamable" as const,
      era: flags.era as Era,
      tool: flags.bytes === undefined ? "a_echo" : "a_blob",
    },
    ...{ callers: Number(flags.callers), warmUp: 0.2, pid: started.pid, ...bytes },
  }
  await suite.load.calls({ ...call, seconds: 1.5 })
  const { cpuUs, calls, error } = await suite.load.calls({ ...call, seconds: Number(flags.seconds) })
  await suite.load.close()
  if (error !== undefined || cpuUs === undefined)
    throw new Error(error ?? "CPU time per process is known on Linux only")
  return cpuUs / calls
}

/** The profile of the host's own process; helpers of its start have short ones. */
function longest(folder: string): Profile {
  const profiles = readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(path.join(folder, name), "utf8")) as Profile,
  )
  const [first] = profiles.sort((a, b) => b.samples.length - a.samples.length)
  if (first === undefined) throw new Error("the host left no profile")
  return first
}

/** The share of the busy time of everything `name` tells apart, largest first. */
function shares({ nodes, samples, timeDeltas }: Profile, name: (frame: Frame) => string): [string, number][] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, number>()
  let busy = 0
  for (const [at, id] of samples.entries()) {
    const frame = frames.get(id)
    if (frame === undefined || frame.functionName === "(idle)") continue
    const time = timeDeltas[at] ?? 0
    busy += time
    times.set(name(frame), (times.get(name(frame)) ?? 0) + time)
  }
  return [...times].map(([key, time]): [string, number] => [key, time / busy]).sort((a, b) => b[1] - a[1])
}

/** The share of the busy time of every line of a file, largest first: what a line calls that is built in counts for it. */
function lines({ nodes }: Profile): [string, number][] {
  const times = new Map<string, number>()
  let busy = 0
  for (const { callFrame, hitCount, positionTicks = [] } of nodes) {
    if (callFrame.functionName === "(idle)") continue
    busy += hitCount
    if (!callFrame.url.startsWith("file:")) continue
    for (const { line, ticks } of positionTicks) {
      const name = `${nameOf(callFrame)}:${line}  ${textOf(callFrame.url, line)}`
      times.set(name, (times.get(name) ?? 0) + ticks)
    }
  }
  return [...times].map(([key, time]): [string, number] => [key, time / busy]).sort((a, b) => b[1] - a[1])
}

function textOf(url: string, line: number): string {
  const known = texts.get(url) ?? readFileSync(fileURLToPath(url), "utf8").split("\n")
  texts.set(url, known)
  return (known[line - 1] ?? "").trim().slice(0, 100)
}

function nameOf({ functionName, url }: Frame): string {
  return `${functionName === "" ? "(anonymous)" : functionName} ${url.split("/").slice(-3).join("/")}`
}

function kindOf({ functionName, url }: Frame): string {
  if (functionName === "(garbage collector)") return "garbage collection"
  if (functionName === "(program)") return "node: native code"
  if (url === "")
    return /^(writev|write\w*String|writeBuffer)$/.test(functionName) ? "system calls: write" : "built-in functions"
  const known = kinds.find(([test]) => test.test(url))
  if (known !== undefined) return known[1]
  const own = /\/build\/(.*)$/.exec(url)?.[1]
  return own === undefined || url.includes("node_modules")
    ? "other packages"
    : `host: ${own.split("/").slice(0, -1).join("/")}`
}
