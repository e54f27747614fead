/**
 * Children in process groups of their own, ended whole: wrappers such as `npx` leave no grandchild behind.
 * Groups that still live when this process exits are killed on the way out; when it is killed itself, by the reaper.
 */
import { type ChildProcess, type SpawnOptions, spawn as spawnChild } from "node:child_process"
import { forgetGroup, watchGroup } from "./reaper.ts"

export interface ChildCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Record<string, string>
}

/** Time a child has to end by itself after its input closed, and again after SIGTERM, in milliseconds. */
const graceMs = 1_500

/** `cross-spawn` finds `.cmd` files on Windows; elsewhere it passes on what it is given, and is not worth loading. */
const spawn: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess =
  process.platform === "win32" ? (await import("cross-spawn")).default : spawnChild

const groups = new Set<number>()
let watching = false

let lastTurn = Promise.resolve()

/** Starting a child blocks for milliseconds: between any two, whatever waits in the event loop has its turn. */
export function turnToStart(): Promise<void> {
  lastTurn = lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)))
  return lastTurn
}

/** Starts a child as leader of its own group, with all three streams piped. */
export function startChild({ command, args, cwd, env }: ChildCommand): ChildProcess {
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: process.platform !== "win32",
    windowsHide: true,
  })
  if (child.pid !== undefined) {
    const { pid } = child
    groups.add(pid)
    watchGroup(pid)
    // The leader's end leaves the group to its other members: end them too.
    child.once("exit", () => signalGroup(pid, "SIGKILL"))
  }
  if (!watching) {
    watching = true
    process.once("exit", () => {
      for (const pid of groups) signalGroup(pid, "SIGKILL")
    })
  }
  return child
}

/** Ends a child and everything it started: closes its input, then SIGTERM, then SIGKILL. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  const { pid } = child
  const exited =
    child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise<void>((resolve) => child.once("exit", () => resolve()))
  child.stdin?.end()
  if (!(await within(exited, graceMs))) {
    signalGroup(pid, "SIGTERM")
    if (!(await within(exited, graceMs))) signalGroup(pid, "SIGKILL")
    await exited
  }
  // What left the group may still hold the other ends. The last words are read by then.
  setImmediate(() => {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
  })
  groups.delete(pid)
  forgetGroup(pid)
}

function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  if (process.platform === "win32") {
    spawnChild("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true })
    return
  }
  try {
    process.kill(-pid, signal)
  } catch (error) {
    // ESRCH: the whole group is gone, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

async function within(done: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const result = await Promise.race([done.then(() => true), late])
  clearTimeout(timer)
  return result
}
