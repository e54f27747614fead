/**
 * Watches the servers of `run`: while they start, a required server that fails or a clash of names ends the run; later
 * both are logged, because one server must not take the others down. Logs collisions and compiled names once each.
 */
import type { Logger } from "pino"
import { HostError } from "../errors.ts"
import type { Host } from "../host/host.ts"
import type { LevelCollision, ServerReport } from "../host/inspect.ts"
import { isServing } from "../host/member.ts"
import { collisionError, collisionText, isClash, isError, winnerText, withheldText } from "./collisions.ts"

/** Changes within this time are looked at together, in milliseconds. */
const gatherMs = 20

export interface StartWatch {
  /** Resolves when no server starts any more; rejects with what ends the run. */
  readonly settled: Promise<void>
  stop(): void
}

export interface Watched {
  readonly host: Host
  readonly log: Logger
}

export function watchStart({ host, log }: Watched): StartWatch {
  const told = new Set<string>()
  const once = (key: string, tell: () => void): void => {
    if (told.has(key)) return
    told.add(key)
    tell()
  }
  const wereReady = new Set<string>()
  let starting = true
  /** A server that starts may show what a cache remembers, which is no reason to refuse anything. */
  const collisions = (servers: readonly ServerReport[]): LevelCollision[] => {
    const unsure = new Set(servers.flatMap(({ entry, state }) => (state === "starting" ? [entry.key] : [])))
    return host.collisions().filter(({ kept, dropped }) => !unsure.has(kept.server) && !unsure.has(dropped.server))
  }
  const problem = (servers: readonly ServerReport[]): HostError | undefined => {
    for (const { entry, state, reason } of servers) {
      if (isServing(state)) wereReady.add(entry.key)
      if (!entry.required || isServing(state) || state === "starting" || wereReady.has(entry.key)) continue
      return new HostError("SERVER_REQUIRED", `The required server ${entry.key} did not start: ${reason ?? state}`)
    }
    const clash = collisions(servers).find(isError)
    return clash === undefined ? undefined : collisionError(clash)
  }
  const report = (servers: readonly ServerReport[]): void => {
    for (const collision of collisions(servers)) once(idOf(collision), () => logCollision(log, collision))
    for (const { server, kind, from, to } of host.renamed())
      once(`${server} ${kind} ${from}`, () => log.info({ server }, `${from} is shown as ${to}`))
    for (const withheld of host.withheld()) {
      const text = withheldText(withheld)
      once(text, () => log.error({ server: withheld.server, code: "OVERRIDE_IMPOSSIBLE" }, text))
    }
  }
  let unwatch = (): void => undefined
  let soon: NodeJS.Timeout | undefined
  const settled = new Promise<void>((resolve, reject) => {
    const look = (): void => {
      soon = undefined
      const servers = host.servers()
      const found = starting ? problem(servers) : undefined
      if (found !== undefined) {
        starting = false
        reject(found)
        return
      }
      report(servers)
      if (!starting || servers.some(({ state }) => state === "starting")) return
      starting = false
      resolve()
    }
    // A look composes the catalogue, so the changes of servers that start together share one.
    unwatch = host.onChange(() => {
      soon ??= setTimeout(look, gatherMs)
    })
    // Without servers nothing will change.
    if (host.manifest.servers.length === 0) look()
  })
  // Whoever waits for it hears of a failure; when nobody does any more the run is ending anyway.
  settled.catch(() => undefined)
  const stop = (): void => {
    unwatch()
    clearTimeout(soon)
  }
  return { settled, stop }
}

function idOf({ kind, key, kept, dropped }: LevelCollision): string {
  return [kind, key, kept.server, kept.key, dropped.server, dropped.key].join(" ")
}

function logCollision(log: Logger, collision: LevelCollision): void {
  const text = collisionText(collision)
  if (!isClash(collision)) log.warn(text)
  else if (isError(collision)) log.error({ code: "NAME_COLLISION" }, `${text}; ${winnerText(collision)}`)
  else log.warn(`${text}; ${winnerText(collision)}, as host.collisions says`)
}
