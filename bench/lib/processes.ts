/**
 * Processes of the suite: each in a group of its own, so that whatever a target starts ends with it. Ends them all when
 * the suite is interrupted.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { createServer } from "node:net"

export interface Started {
  readonly pid: number
  readonly child: ChildProcess
  /** The end of what it wrote to standard output and error. */
  output(): string
  exited(): boolean
  stop(): Promise<void>
}

export interface StartOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Opens a process channel, for the probe. */
  readonly channel?: boolean
}

const running = new Set<Started>()
const keptOutput = 8_192

export function start(file: string, args: readonly string[], options: StartOptions = {}): Started {
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: options.channel === true ? ["ignore", "pipe", "pipe", "ipc"] : ["ignore", "pipe", "pipe"],
    detached: true,
  })
  let output = ""
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-keptOutput)
  }
  child.stdout?.on("data", keep)
  child.stderr?.on("data", keep)
  const gone = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += error.message
      resolve()
    })
    child.once("exit", () => resolve())
  })
  const exited = (): boolean => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
  const started: Started = {
    pid: child.pid ?? 0,
    child,
    output: () => output,
    exited,
    async stop() {
      if (!exited()) {
        child.kill("SIGTERM")
        await Promise.race([gone, sleep(3_000)])
      }
      killGroup(child)
      await Promise.race([gone, sleep(1_000)])
      running.delete(started)
    },
  }
  running.add(started)
  return started
}

export function stopAll(): void {
  for (const { child } of running) killGroup(child)
}

process.once("exit", stopAll)

/** For the suite's own commands: an interrupted run leaves nothing behind. */
export function stopOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130))
}

/** The end of a process that is expected to end by itself: its output, its code and how long it took. */
export async function runToEnd(
  file: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<{ readonly code: number | null; readonly output: string; readonly ms: number }> {
  const began = performance.now()
  const started = start(file, args, options)
  await new Promise<void>((resolve) => started.child.once("close", () => resolve()))
  const ms = performance.now() - began
  running.delete(started)
  return { code: started.child.exitCode, output: started.output(), ms }
}

/** Resident memory of a process in bytes; undefined where /proc is missing. */
export function residentBytes(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
    return found === null ? undefined : Number(found[1]) * 1_024
  } catch {
    return undefined
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, "SIGKILL")
  } catch {
    // The group is empty.
  }
}
