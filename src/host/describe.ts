/** What the composed server says of itself: capabilities and instructions of all its servers as one, and how much each shows. */
import type { Catalog, Collision } from "../composition/types.ts"
import type { Readiness, ServerStatus } from "../endpoints/served.ts"
import type { Manifest } from "../manifest/types.ts"
import { type JsonObject, objectAt } from "../protocol/json.ts"
import type { Client } from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import { tasksExtension } from "../protocol/tasks.ts"
import { relayableExtensions } from "../wire/bridge.ts"
import { tasksOffered } from "../wire/tasks.ts"
import type { ServerReport } from "./inspect.ts"
import { isServing, isUp, type Member, titleOf } from "./member.ts"
import type { Quarantine } from "./quarantine.ts"

/** Its own `serverInfo`. */
export function serverInfoOf({ host }: Manifest): JsonObject {
  const { name, title, version, websiteUrl, icons } = host
  return {
    name,
    version,
    ...(title !== undefined && { title }),
    ...(websiteUrl !== undefined && { websiteUrl }),
    ...(icons !== undefined && { icons }),
  }
}

/** While a server has not been seen at this start, it may offer anything. */
const anything: JsonObject = {
  tools: {},
  resources: { subscribe: true },
  prompts: {},
  completions: {},
  logging: {},
  tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
}

/** The union of the servers' capabilities; lists always announce changes, because the host can. */
export function capabilitiesOf(members: readonly Member[], client: Client, addsTools = false): JsonObject {
  const seen = members.map(({ upstream }) => {
    const capabilities = upstream.info(client)?.capabilities
    const isSeen = capabilities !== undefined && upstream.state.state !== "starting"
    if (isSeen) return capabilities
    const known = objectAt(capabilities ?? {}, "extensions")
    return { ...capabilities, ...anything, extensions: { ...known, [tasksExtension]: {} } }
  })
  const has = (name: string): boolean => seen.some((capabilities) => name in capabilities)
  const subscribe = seen.some((capabilities) => objectAt(capabilities, "resources")?.["subscribe"] === true)
  const extensions: JsonObject = Object.assign(
    {},
    ...seen.map((capabilities) => relayableExtensions(capabilities, client.era) ?? {}),
  )
  const tasks = tasksOffered(seen, client)
  return {
    ...((addsTools || members.some(({ chain }) => chain.tools.size > 0) || has("tools")) && {
      tools: { listChanged: true },
    }),
    ...(has("resources") && { resources: { ...(subscribe && { subscribe: true }), listChanged: true } }),
    ...(has("prompts") && { prompts: { listChanged: true } }),
    ...(has("completions") && { completions: {} }),
    ...(has("logging") && { logging: {} }),
    ...(tasks !== undefined && { tasks }),
    ...(Object.keys(extensions).length > 0 && { extensions }),
  }
}

export interface Instructed {
  /** The host's own. */
  readonly own: string | undefined
  readonly members: readonly Member[]
  readonly quarantine: Quarantine
  /** What all names begin with: those of a manifest inside another. */
  readonly before?: string
}

/** The host's instructions, then each server's under its name and naming rule. */
export function instructionsOf(
  { own, members, quarantine, before = "" }: Instructed,
  client: Client,
): string | undefined {
  const parts = members.flatMap((member) => {
    const text = isUp(member) ? member.upstream.info(client)?.instructions : undefined
    if (text === undefined || text.trim() === "" || !quarantine.allowsInstructions(member.entry.key, text)) return []
    const { prefix, separator } = member.entry.rules
    const start = before + (prefix === "" ? "" : prefix + separator)
    const names = start === "" ? "" : ` (its tools and prompts start with ${start})`
    return [`## ${titleOf(member)}${names}\n\n${text.trim()}`]
  })
  const all = [...(own === undefined ? [] : [own.trim()]), ...parts]
  return all.length === 0 ? undefined : all.join("\n\n")
}

/** What `/readyz` says of the servers and their collisions. */
export function readinessOf(reports: readonly ServerReport[], collisions: readonly Collision[]): Readiness {
  const servers = reports.map((report): [string, ServerStatus] => [report.entry.key, statusOf(report)])
  const blocked = reports.some(({ entry, state }) => state === "starting" || (entry.required && !isServing(state)))
  return {
    ready: !blocked,
    servers: Object.fromEntries(servers),
    ...(collisions.length > 0 && { collisions }),
  }
}

function statusOf({ state, since, reason, counts, changes }: ServerReport): ServerStatus {
  const changed = changes.length === 0 ? {} : { changed: changes.length }
  return { state, since, ...(reason !== undefined && { reason }), counts, ...changed }
}

type Counts = ServerStatus["counts"]

const none: Counts = { tools: 0, resources: 0, templates: 0, prompts: 0 }
const counted: readonly (readonly [Kind, keyof Counts])[] = [
  ["tool", "tools"],
  ["resource", "resources"],
  ["resourceTemplate", "templates"],
  ["prompt", "prompts"],
]
/** A catalogue never changes, and every change of a server asks for the counts of all. */
const known = new WeakMap<Catalog, ReadonlyMap<string, Counts>>()

/** How many components of each server a catalogue shows. */
export function countsIn(catalog: Catalog): (server: string) => Counts {
  const counts = known.get(catalog) ?? count(catalog)
  known.set(catalog, counts)
  return (server) => counts.get(server) ?? none
}

function count(catalog: Catalog): Map<string, Counts> {
  const counts = new Map<string, { -readonly [Each in keyof Counts]: number }>()
  for (const [kind, member] of counted) {
    for (const { origin } of catalog.list(kind)) {
      const own = counts.get(origin.server) ?? { ...none }
      own[member] += 1
      counts.set(origin.server, own)
    }
  }
  return counts
}
