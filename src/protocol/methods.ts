/** The four kinds of component a server offers, with the words each list uses on the wire. */
export type Kind = "tool" | "prompt" | "resource" | "resourceTemplate"

export interface KindWords {
  /** The list method, `tools/list`. */
  readonly list: string
  /** The member of its result that holds the components. */
  readonly member: string
  /** The member of a component that identifies it. */
  readonly id: string
  /** The capability a server declares to offer it. */
  readonly capability: string
  /** The notification that announces a change of the list. */
  readonly changed: string
}

export const kinds: readonly Kind[] = ["tool", "prompt", "resource", "resourceTemplate"]

export const kindWords: Readonly<Record<Kind, KindWords>> = {
  tool: {
    list: "tools/list",
    member: "tools",
    id: "name",
    capability: "tools",
    changed: "notifications/tools/list_changed",
  },
  prompt: {
    list: "prompts/list",
    member: "prompts",
    id: "name",
    capability: "prompts",
    changed: "notifications/prompts/list_changed",
  },
  resource: {
    list: "resources/list",
    member: "resources",
    id: "uri",
    capability: "resources",
    changed: "notifications/resources/list_changed",
  },
  resourceTemplate: {
    list: "resources/templates/list",
    member: "resourceTemplates",
    id: "uriTemplate",
    capability: "resources",
    changed: "notifications/resources/list_changed",
  },
}

/** Tells that a subscribed resource has changed. */
export const updatedMethod = "notifications/resources/updated"

/** Severities of log messages, least severe first (RFC 5424 section 6.2.1). */
export const logLevels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const

/** True when a message of `level` passes a threshold; an unknown level or no threshold passes. */
export function passesLogLevel(level: unknown, threshold: string | undefined): boolean {
  if (threshold === undefined) return true
  const at = logLevels.indexOf(level as (typeof logLevels)[number])
  return at === -1 || at >= logLevels.indexOf(threshold as (typeof logLevels)[number])
}

/** The requests of clients that the host serves, in either generation. */
export const requestMethods: ReadonlySet<string> = new Set([
  "initialize",
  "server/discover",
  "ping",
  ...Object.values(kindWords).map(({ list }) => list),
  "tools/call",
  "prompts/get",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "subscriptions/listen",
  "completion/complete",
  "logging/setLevel",
  "tasks/get",
  "tasks/result",
  "tasks/list",
  "tasks/update",
  "tasks/cancel",
])
