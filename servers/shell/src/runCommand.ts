/**
 * Runs one program without a shell, within a time and an output limit, and leaves nothing behind: when it returns, every
 * process of the program's group has ended or been killed.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"
import type { CommandLimits } from "./config.ts"
import { createOutput, type Output } from "./output.ts"
import { killTree } from "./processTree.ts"

export interface CommandLine extends CommandLimits {
  readonly run: string
  readonly argv: readonly string[]
  readonly cwd: string
  /** The whole environment of the program: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
}

export interface RunOptions {
  /** Aborting kills the program and what it started. */
  readonly signal: AbortSignal
  /** Called for each complete line of output, up to the output limit. */
  readonly onLine?: ((line: string) => void) | undefined
}

export interface CommandResult {
  /** Null when a signal ended the program. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly timedOut: boolean
  readonly durationMs: number
}

/** Rejects only when the program could not be started, with Node's error. */
export async function runCommand(line: CommandLine, options: RunOptions): Promise<CommandResult> {
  options.signal.throwIfAborted()
  const startedAt = performance.now()
  const output = createOutput(line.maxOutputBytes, options.onLine)
  const child = spawn(line.run, line.argv, {
    cwd: line.cwd,
    env: line.env,
    shell: false,
    detached: process.platform !== "win32",
    windowsHide: true,
    stdio: ["ignore", "pipe", "pipe"],
  })
  const streams = drain(child, output)
  let timedOut = false
  let killing: Promise<void> | undefined
  const kill = (): void => {
    killing ??= killTree(child, GRACE_MS)
  }
  const timer = setTimeout(() => {
    timedOut = true
    kill()
  }, line.timeoutMs)
  options.signal.addEventListener("abort", kill, { once: true })
  try {
    const { exitCode, signal } = await exitOf(child)
    // What the program left running in the background ends with it; an output pipe it kept open is then closed too.
    kill()
    await killing
    await Promise.race([streams, delay(CLOSE_MS, undefined, { ref: false })])
    const durationMs = Math.round(performance.now() - startedAt)
    return { exitCode, signal, ...output.end(), timedOut, durationMs }
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener("abort", kill)
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
}

/** How long a program may take to end after SIGTERM. */
const GRACE_MS = 2_000
/** How long the pipes may take to close after everything was killed; only a process that left the group holds them. */
const CLOSE_MS = 500

interface Exit {
  readonly exitCode: number | null
  readonly signal: string | null
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }))
  })
}

/** Reads both pipes to their end: past the limit the output is dropped, and the program never blocks on a full pipe. */
function drain(child: ChildProcess, output: Output): Promise<void> {
  child.stdout?.on("data", (chunk: Buffer) => output.add("stdout", chunk))
  child.stderr?.on("data", (chunk: Buffer) => output.add("stderr", chunk))
  return new Promise((resolve) => child.once("close", () => resolve()))
}
