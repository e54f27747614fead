/** CPU time of all threads of a process, without its children, in microseconds; undefined where /proc is missing. */
import { readdirSync, readFileSync } from "node:fs"

export function cpuOf(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const times = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
    )
    return times.reduce((sum, time) => sum + time, 0) / 1_000
  } catch {
    return undefined
  }
}
