/** The host under test: the built program with a manifest, as a process of its own, watched from outside. */
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { askProbe, type Held, type Memory, probeArguments } from "../../../bench/lib/probe.ts"
import { freePort, residentBytes, type Started, start } from "../../../bench/lib/processes.ts"
import { closers, httpProgram, type ManifestText, until, writeManifest } from "../../e2e/rig.ts"
import type { Json } from "../../e2e/testClient.ts"
import { isAlive } from "../../fixtures/processes.ts"
import { secret } from "../servers/faults.mjs"
import { type Log, openLog } from "./log.ts"

export interface HostProcess {
  readonly url: string
  readonly pid: number
  readonly started: Started
  /** What its edge saw, where that was asked for. */
  readonly edge: Log | undefined
  readiness(): Promise<Json>
  /** Most the event loop was held up since this was last asked. */
  held(): Promise<Held>
  /** What is left after a collection. */
  memory(): Promise<Memory>
}

export interface HostOptions {
  /** A file for what its edge sees. */
  readonly edge?: string
  /** Servers whose state does not matter for it to be ready. */
  readonly broken?: readonly string[]
  readonly nodeArgs?: readonly string[]
}

const edgeModule = path.join(import.meta.dirname, "edge.mjs")

/** Resolves when all servers but the broken ones are ready. */
export async function startHost(manifest: ManifestText, options: HostOptions = {}): Promise<HostProcess> {
  const { edge, broken = [], nodeArgs = [] } = options
  const program = httpProgram(await writeManifest(manifest))
  const port = await freePort()
  const own = [...nodeArgs, ...probeArguments, ...(edge === undefined ? [] : ["--import", edgeModule])]
  const args = [...own, ...program.args, "--port", String(port), "--log-level", process.env["RIG_LOG"] ?? "error"]
  const started = start(program.command, args, {
    channel: true,
    env: { RIG_SECRET: secret, ...(edge !== undefined && { EDGE_LOG: edge }) },
  })
  closers.push(() => started.stop())
  const url = `http://127.0.0.1:${port}/mcp`
  const readiness = async (): Promise<Json> => (await (await fetch(new URL("/readyz", url))).json()) as Json
  const ready = async (): Promise<boolean> => {
    if (started.exited()) throw new Error(`the host ended: ${started.output()}`)
    const { servers } = await readiness().catch(() => ({ servers: { host: { state: "starting" } } }))
    const states = Object.entries(servers as Json)
    return states.every(([key, { state }]) => (broken.includes(key) ? state !== "starting" : state === "ready"))
  }
  await until("the host and its servers are ready", ready, 120_000).catch((error: unknown) => {
    throw new Error(`${error}\n${started.output()}`)
  })
  await askProbe(started, "watch")
  return {
    url,
    pid: started.pid,
    started,
    edge: edge === undefined ? undefined : openLog(edge),
    readiness,
    held: () => askProbe(started, "held"),
    memory: () => askProbe(started, "memory"),
  }
}

/** Most a process's memory grew over what it was, while something ran: sampled, in bytes. */
export async function growthDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(pid) ?? 0
  let most = before
  const look = (): void => {
    most = Math.max(most, residentBytes(pid) ?? 0)
  }
  const timer = setInterval(look, 10)
  try {
    await work()
  } finally {
    clearInterval(timer)
    look()
  }
  return most - before
}

/** Open descriptors of a process. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** All that descends from a process and is alive. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]))
    } catch {
      // It ended meanwhile.
    }
  }
  const below = (parent: number): number[] =>
    [...parents].flatMap(([child, its]) => (its === parent ? [child, ...below(child)] : []))
  return below(pid).filter(isAlive)
}
