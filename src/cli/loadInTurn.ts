/**
 * Where a process may open few files (`ulimit -n 64`), loads what `run` stands on room by room: Node opens all files at
 * once that a module leads to, and what is loaded already is not opened again. Costs some 30 ms, so not where it need not.
 */
import { readFileSync } from "node:fs"

/** With as many descriptors there is no need. */
const enough = 192

export async function loadInTurn(): Promise<void> {
  if (descriptorLimit() >= enough) return
  await import("../manifest/load.ts")
  await import("../wire/open.ts")
  await import("../upstreams/sessionOpener.ts")
  await import("../upstreams/createUpstream.ts")
  await import("../middleware/chain.ts")
  await import("../endpoints/http/httpEndpoint.ts")
  await import("../host/build.ts")
  await import("../host/host.ts")
}

/** What the system allows; where it does not say so (proc(5), Linux only) it is taken for enough. */
function descriptorLimit(): number {
  try {
    const [, limit = "unlimited"] = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? []
    return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
