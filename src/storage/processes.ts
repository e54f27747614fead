/** Which process wrote something, and whether it still runs. Used by the file store to tell live owners from dead ones. */
import { randomBytes } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

export interface ProcessFacts {
  readonly pid: number
  /** When it started, where the system tells: process numbers are used again. */
  readonly started: string
  /** The machine, since it booted, and its table of processes (a container has its own). */
  readonly space: string
}

export function thisProcess(): ProcessFacts {
  const boot = fromSystem(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())
  const table = fromSystem(() => readlinkSync("/proc/self/ns/pid"))
  return { pid: process.pid, started: startOf(process.pid), space: [hostname(), boot, table].join(" ") }
}

/** True or false; undefined for a process of another machine or container, of which nothing can be known. */
export function isRunning(facts: ProcessFacts, here: ProcessFacts): boolean | undefined {
  if (facts.space !== here.space) return undefined
  try {
    process.kill(facts.pid, 0)
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false
  }
  return startOf(facts.pid) === facts.started
}

export function randomId(): string {
  return randomBytes(12).toString("hex")
}

/** Field 22 of proc(5)'s `stat`: the name before it may hold spaces and brackets. Empty where there is no /proc. */
function startOf(pid: number): string {
  const stat = fromSystem(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  // It has ended; only its parent has not looked yet.
  if (state === "Z" || state === "X") return "ended"
  return fields[18] ?? ""
}

/** Linux only; elsewhere the fact is left open. */
function fromSystem(read: () => string): string {
  try {
    return read()
  } catch {
    return ""
  }
}
