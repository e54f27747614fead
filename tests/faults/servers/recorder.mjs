// The upstream's side of the oracle: a line in the rig's log for everything a server starts, executes or gives up.
import { appendFileSync } from "node:fs"

/** `note` returns how often it was said here. Written at once: what is in the log has happened, whatever happens next. */
export function createRecorder(file, server) {
  const times = new Map()
  const note = (what, facts = {}) => {
    times.set(what, (times.get(what) ?? 0) + 1)
    const line = { at: Date.now(), server, pid: process.pid, what, ...facts }
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
    return times.get(what)
  }
  return { note, executed: (call) => note("executed", { call }) }
}
