/** Runs the built command line as users do. `npm test` builds it; locally run `npm run build` first. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { stringify } from "yaml"
import { isAlive } from "../fixtures/processes.ts"
import { programFile } from "../fixtures/programs.ts"

export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))
const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url))

const cleanups: Array<() => void> = []

export function cleanUp(): void {
  for (const each of cleanups.splice(0).reverse()) each()
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout(): string
  stderr(): string
  /** Resolves with the match once standard error shows it. */
  shows(pattern: RegExp): Promise<RegExpMatchArray>
}

export interface StartOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArgs?: readonly string[]
  /** How many files it may have open, from the start. */
  readonly descriptors?: number
}

export function start(args: readonly string[], { cwd, env, nodeArgs = [], descriptors }: StartOptions = {}): Running {
  const own = [process.execPath, ...nodeArgs, main, ...args]
  const limited = ["/bin/sh", "-c", `ulimit -n ${descriptors}; exec "$0" "$@"`, ...own]
  const [command = "", ...rest] = descriptors === undefined ? own : limited
  const child = spawn(command, rest, {
    cwd: cwd ?? temporaryFolder(),
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  })
  cleanups.push(() => void child.kill("SIGKILL"))
  let stdout = ""
  let stderr = ""
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk
  })
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk
  })
  child.stdin?.on("error", () => undefined)
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async shows(pattern) {
      for (const until = Date.now() + 60_000; Date.now() < until; await delay(20)) {
        const match = stderr.match(pattern)
        if (match !== null) return match
        if (child.exitCode !== null) break
      }
      throw new Error(`never showed ${pattern}:\n${stderr}`)
    },
  }
}

/** Runs to the end, with nothing on standard input. */
export async function cli(args: readonly string[], options?: StartOptions): Promise<Ended> {
  const running = start(args, options)
  running.child.stdin?.end()
  const ended = await running.ended
  if (/^\s+at /m.test(ended.stdout + ended.stderr)) throw new Error(`a stack trace:\n${ended.stdout}${ended.stderr}`)
  return ended
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "mcp-host-cli-"))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A folder with a manifest; returns the folder. */
export function project(manifest: object | string, files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder()
  const all = { "mcp-host.yaml": typeof manifest === "string" ? manifest : stringify(manifest), ...files }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  return folder
}

/** A stdio server entry over a fixture. */
export function stdioServer(file: string, env: Readonly<Record<string, string>> = {}, more: object = {}): object {
  return { mount: { command: process.execPath, args: [programFile(file)], env }, ...more }
}

export function packageServer(name: string, more: object = {}): object {
  return { mount: path.join(fixtures, "packages", name), ...more }
}

/** The processes that fixtures wrote to their PID_FILE. */
export function pidsIn(file: string): number[] {
  let text = ""
  try {
    text = readFileSync(file, "utf8")
  } catch {
    // Not written yet.
  }
  return text
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => Object.values(JSON.parse(line) as Record<string, unknown>))
    .filter((value) => typeof value === "number")
}

/** Waits until none of the processes lives. */
export async function allGone(pids: readonly number[], withinMs = 20_000): Promise<boolean> {
  for (const until = Date.now() + withinMs; Date.now() < until; await delay(20)) if (!pids.some(isAlive)) return true
  return false
}

/** A manifest whose endpoint lets the system choose its port. */
export function served(servers: object, more: object = {}): object {
  return { host: { name: "bench" }, endpoint: { http: { port: 0 } }, servers, ...more }
}

/** Starts `run` over HTTP and waits for its URL and table. */
export async function startHttp(
  folder: string,
  args: readonly string[] = [],
  options: StartOptions = {},
): Promise<Running & { readonly url: string }> {
  const running = start(["run", ...args], { cwd: folder, ...options })
  const [, url = ""] = await running.shows(/"url": "(http:[^"]+)"/)
  return { ...running, url }
}
