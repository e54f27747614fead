/** What `check --connect` finds in the servers of a manifest once each has started or failed. */
import { unmatchedPatterns } from "../composition/filter.ts"
import { type HostErrorCode, hostErrors, type SourcePlace } from "../errors.ts"
import { ownTools } from "../host/catalogs.ts"
import type { ServerReport } from "../host/inspect.ts"
import type { Manifest, ServerEntry } from "../manifest/types.ts"
import { pathText } from "../manifest/words.ts"
import { kindsIn, sanitizeComponent } from "../middleware/sanitize/components.ts"
import { visibleText } from "../middleware/sanitize/hidden.ts"
import { kinds, kindWords } from "../protocol/methods.ts"
import { collisionHelp, collisionText, isClash, isError, winnerText, withheldText } from "./collisions.ts"
import { masked } from "./failure.ts"
import { kindNames } from "./kinds.ts"
import { type LocalHost, withHost } from "./localHost.ts"

export interface Finding {
  readonly severity: "error" | "warning" | "info"
  readonly code: HostErrorCode
  readonly message: string
  readonly help: string
  readonly place: SourcePlace
}

export async function findInServers(
  manifest: Manifest,
  logLevel: string,
): Promise<{ findings: Finding[]; servers: readonly ServerReport[] }> {
  return withHost(manifest, { logLevel }, async (local) => {
    await local.host.settled()
    const servers = local.host.servers()
    const findings = [
      ...servers.flatMap((server) => notReady(server)),
      ...servers.flatMap((server) => unlocked(manifest, server)),
      ...collisions(local),
      ...renamed(local),
      ...withheld(local),
      ...unmatched(local),
      ...hidden(local),
    ]
    return { findings: findings.map((each) => ({ ...each, message: masked(each.message) })), servers }
  })
}

function notReady({ entry, state, reason }: ServerReport): Finding[] {
  if (state === "ready" || state === "disabled") return []
  const code = entry.required ? "SERVER_REQUIRED" : "SERVER_UNAVAILABLE"
  const message = `the ${entry.required ? "required " : ""}server ${entry.key} is not ready: ${reason ?? state}`
  return [{ severity: "error", code, message, help: "Fix the server as its reason says.", place: entry.place }]
}

function unlocked({ security }: Manifest, { entry, changes }: ServerReport): Finding[] {
  const isHidden = security.lock === "enforce"
  return changes.map(({ kind, key, before }) => ({
    severity: isHidden ? "error" : "warning",
    code: "LOCK_CHANGED",
    message: `the ${kind} ${key} of ${entry.key} ${before === undefined ? "is not in" : "differs from"} the lock${isHidden ? ", so clients do not see it" : ""}`,
    help: hostErrors.LOCK_CHANGED.help,
    place: entry.place,
  }))
}

function collisions(local: LocalHost): Finding[] {
  const { manifest, host } = local
  return host.collisions().map((collision) => {
    const refused = isError(collision)
    const winner = `; ${winnerText(collision)}`
    const { kept, dropped } = collision
    return {
      severity: refused ? "error" : "warning",
      code: "NAME_COLLISION",
      message: `${collisionText(collision)}${refused || !isClash(collision) ? "" : winner}`,
      help: isClash(collision)
        ? collisionHelp(collision)
        : "Correct the server: names and URIs are given once. A tool that its middleware adds can have another name.",
      // Of two sides, the manifest says more of a server.
      place: placeOf(manifest, dropped.server === ownTools ? kept.server : dropped.server),
    }
  })
}

function renamed({ manifest, host }: LocalHost): Finding[] {
  return host.renamed().map(({ server, kind, from, to }) => ({
    severity: "info",
    code: "NAME_SHORTENED",
    message: `the ${kind} ${from} of ${server} is shown as ${to}`,
    help: hostErrors.NAME_SHORTENED.help,
    place: placeOf(manifest, server),
  }))
}

function withheld({ manifest, host }: LocalHost): Finding[] {
  return host.withheld().map((each) => ({
    severity: "error",
    code: "OVERRIDE_IMPOSSIBLE",
    message: withheldText(each),
    help: hostErrors.OVERRIDE_IMPOSSIBLE.help,
    place: entryOf(manifest, each.server)?.placeOf(each.path) ?? placeOf(manifest, each.server),
  }))
}

function unmatched({ manifest, host }: LocalHost): Finding[] {
  return entriesOf(manifest).flatMap(({ key, rules, placeOf }) => {
    const listing = host.offered(key)
    if (listing === undefined) return []
    return unmatchedPatterns(rules, listing).map(
      ({ path, pattern }): Finding => ({
        severity: "warning",
        code: "FILTER_UNMATCHED",
        message: `${pathText(["servers", key.split("/").at(-1) ?? key, ...path.slice(0, -1)])}: ${JSON.stringify(pattern)} matches nothing that ${key} offers`,
        help: hostErrors.FILTER_UNMATCHED.help,
        place: placeOf(path),
      }),
    )
  })
}

/** What people do not see in what servers list, whether or not middleware looks for it. */
function hidden({ manifest, host }: LocalHost): Finding[] {
  return entriesOf(manifest).flatMap(({ key, place, target }) => {
    const listing = target.kind === "manifest" ? undefined : host.listing(key)
    if (listing === undefined) return []
    return kinds.flatMap((kind) =>
      listing[kind].flatMap((component): Finding[] => {
        const sanitized = sanitizeComponent(component)
        if (sanitized === undefined) return []
        const name = visibleText(String(component[kindWords[kind].id]))
        const at = sanitized.found.map((each) => visibleText(each.at)).join(", ")
        return [
          {
            severity: "warning",
            code: "HIDDEN_CHARACTERS",
            message: `the ${kindNames[kind].one} ${name} of ${key} hides characters (${kindsIn(sanitized.found).join(", ")}) in ${at}`,
            help: hostErrors.HIDDEN_CHARACTERS.help,
            place,
          },
        ]
      }),
    )
  })
}

/** Those of manifests inside included. */
function entriesOf({ servers }: Manifest): ServerEntry[] {
  return servers.flatMap((entry) => [
    entry,
    ...(entry.target.kind === "manifest" ? entriesOf(entry.target.manifest) : []),
  ])
}

function placeOf(manifest: Manifest, server: string): SourcePlace {
  return entryOf(manifest, server)?.place ?? { file: manifest.file, line: 1, column: 1 }
}

function entryOf(manifest: Manifest, server: string): ServerEntry | undefined {
  return entriesOf(manifest).find(({ key }) => key === server)
}
