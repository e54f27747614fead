/**
 * Ends the groups of children when this process vanishes without ending them itself, as after `kill -9`: a shell that
 * reads which groups there are from a pipe, and kills those that are left when the pipe breaks. A shell, because it costs
 * a megabyte where another Node costs forty. Not on Windows, where there is none.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process"

/** Groups as arguments, then `+ pid` and `- pid` on its input; at the end of that SIGTERM to what is left, and half a second later SIGKILL. */
const script = `
trap '' HUP INT TERM
groups="$*"
while read -r change group; do
  others=''
  for known in $groups; do
    if [ "$known" != "$group" ]; then others="$others $known"; fi
  done
  groups="$others"
  if [ "$change" = '+' ]; then groups="$others $group"; fi
done
if [ -n "$groups" ]; then
  for group in $groups; do kill -s TERM -- "-$group"; done 2>/dev/null
  sleep 0.5
  for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
fi
`

/** A reaper that lasted less is not started again until there is another group, in milliseconds. */
const leastLifeMs = 1_000

let reaper: ChildProcess | undefined
/** What a reaper that is started now has to know. */
const groups = new Set<number>()

/** Tells the reaper of a group that must not outlive this process; starts it with the first. */
export function watchGroup(pid: number): void {
  if (process.platform === "win32") return
  groups.add(pid)
  if (reaper === undefined) reaper = start()
  else reaper.stdin?.write(`+ ${pid}\n`)
}

/** The group has ended; its number may soon be somebody else's. */
export function forgetGroup(pid: number): void {
  groups.delete(pid)
  reaper?.stdin?.write(`- ${pid}\n`)
}

function start(): ChildProcess {
  // A group of its own: what ends this process's group must not end the reaper.
  const options: SpawnOptions = { stdio: ["pipe", "ignore", "ignore"], detached: true, env: {} }
  // What it has to know from the start is there with it: this process may be killed before it writes anything.
  const child = spawn("/bin/sh", ["-c", script, "reaper", ...[...groups].map(String)], options)
  const began = performance.now()
  const lost = (): void => {
    if (reaper !== child) return
    reaper = groups.size > 0 && performance.now() - began > leastLifeMs ? start() : undefined
  }
  child.once("exit", lost)
  child.on("error", lost)
  // Its end is told by `exit`.
  child.stdin?.on("error", () => undefined)
  child.unref()
  // Sockets of children keep the event loop alive, too.
  const input = child.stdin as unknown as { unref?: () => void } | null
  input?.unref?.()
  return child
}
