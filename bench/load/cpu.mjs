// What Linux says about another process. Elsewhere everything is undefined.
import { readdirSync, readFileSync } from "node:fs"

/** CPU time of all threads of a process, without its children, in microseconds. */
export function cpuMicroseconds(pid) {
  if (pid === undefined) return undefined
  try {
    let nanoseconds = 0
    for (const thread of readdirSync(`/proc/${pid}/task`)) nanoseconds += threadTime(pid, thread)
    return nanoseconds / 1_000
  } catch {
    return undefined
  }
}

function threadTime(pid, thread) {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0])
  } catch {
    // The thread ended while it was being looked at.
    return 0
  }
}
