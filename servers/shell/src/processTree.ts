/** A child process together with everything it started: its own process group on POSIX, its tree on Windows. */
import { type ChildProcess, spawn } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"

/** SIGTERM to the whole group, then SIGKILL to what is left after `graceMs`. Resolves when nothing is left to signal. */
export async function killTree(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.pid === undefined) return
  if (process.platform === "win32") return killWindowsTree(child.pid)
  const group = -child.pid
  if (!signal(group, "SIGTERM")) return
  const deadline = Date.now() + graceMs
  while (Date.now() < deadline) {
    if (!signal(group, 0)) return
    await delay(POLL_MS)
  }
  signal(group, "SIGKILL")
}

const POLL_MS = 20

/** False when the group is gone. */
function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(group, name)
    return true
  } catch (error) {
    // EPERM (macOS: only zombies left) and ESRCH both mean that there is nothing for us to end.
    if (error instanceof Error && "code" in error) return false
    throw error
  }
}

async function killWindowsTree(pid: number): Promise<void> {
  const killer = spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true })
  await new Promise<void>((resolve) => {
    killer.once("error", () => resolve())
    killer.once("close", () => resolve())
  })
}
