/** `kill -9` of the host, again and again: nothing it started is there two seconds later. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { closeAll, closers, httpProgram, until, writeManifest } from "../../e2e/rig.ts"
import { isAlive } from "../../fixtures/processes.ts"
import type { Finding, Run } from "../rig/finding.ts"
import { stdioMount } from "../rig/upstreams.ts"

/** Hosts at once. */
const lanes = 4
const promisedMs = 2_000
/** Processes of one host: a wrapper and its server, an npx-like pair, and two that take no SIGTERM with a grandchild each. */
const processes = 8

export async function killHost(run: Run): Promise<readonly Finding[]> {
  const rounds = run.full ? 500 : 12
  const times: number[] = []
  let left = rounds
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      times.push(await round(run, left))
      if (times.length % 50 === 0) run.print(`  ${times.length} of ${rounds} rounds`)
    }
  }
  try {
    await Promise.all(Array.from({ length: lanes }, lane))
  } finally {
    await closeAll()
  }
  const late = times.filter((ms) => ms > run.within(promisedMs)).length
  return [
    {
      id: "kill-host",
      fault: `${rounds} rounds of \`kill -9\` of the host, with wrappers, grandchildren and children that ignore SIGTERM`,
      where: "stdio servers",
      required: "no process is left after 2 s",
      observed: `${times.length * processes} processes, ${late} rounds later than 2 s; the slowest took ${Math.round(Math.max(...times))} ms`,
      verdict: late === 0 && times.length === rounds ? "met" : "not met",
    },
  ]
}

/** How long what one host had started lived on. */
async function round(run: Run, nth: number): Promise<number> {
  const folder = await mkdtemp(path.join(run.folder, "killed-"))
  const file = path.join(folder, "pids")
  const own = stdioMount({ name: "wrapped" }, file) as { command: string; args: string[] }
  const servers = {
    deafOne: { mount: deaf(file) },
    deafTwo: { mount: deaf(file) },
    shell: {
      mount: { command: "/bin/sh", args: ["-c", `${said("$$", file)}; "$0" "$@"; :`, own.command, ...own.args] },
    },
    npx: { mount: { command: process.execPath, args: ["-e", npx, own.command, ...own.args], env: { PIDS: file } } },
  }
  const { command, args, env } = httpProgram(await writeManifest({ servers }))
  const child = spawn(command, args, { env, stdio: "ignore" })
  closers.push(() => child.kill("SIGKILL"))
  const pids = (): number[] => pidsIn(file)
  const started = (await until("its servers run", () => pids().length >= processes && pids(), 120_000)) as number[]
  closers.push(() => started.filter(isAlive).forEach((pid) => void process.kill(pid, "SIGKILL")))
  // At every moment of its life.
  await delay((nth % 5) * 40)
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
  const began = performance.now()
  await until("its servers are gone", () => pids().every((pid) => !isAlive(pid)), 25_000)
  return performance.now() - began
}

const said = (pid: string, file: string): string => `echo "{\\"pid\\":${pid}}" >> '${file}'`

/** Waits like a server that hangs, whatever it is told, beside a child of its own that does. */
const deaf = (file: string) => ({
  command: "/bin/sh",
  args: ["-c", `trap '' TERM HUP INT; sleep 30 & ${said("$$", file)}; ${said("$!", file)}; while :; do sleep 30; done`],
})

/** Starts the real server as its child, as npx does, and passes its streams on. */
const npx = `
  const { spawn } = require("node:child_process")
  require("node:fs").appendFileSync(process.env.PIDS, JSON.stringify({ pid: process.pid }) + "\\n")
  spawn(process.argv[1], process.argv.slice(2), { stdio: "inherit" }).on("exit", (code) => process.exit(code ?? 1))
`

function pidsIn(file: string): number[] {
  let text = ""
  try {
    text = readFileSync(file, "utf8")
  } catch {
    // Nothing has started yet.
  }
  const lines = text.split("\n").filter((line) => line.endsWith("}"))
  return [...new Set(lines.map((line) => Number(JSON.parse(line).pid)))]
}
