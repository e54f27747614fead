/**
 * What a profile shows of a catalogue: another catalogue, with the same names for the same things. A filter can only take
 * away: what it hides is unknown in the result, whatever way a client names it.
 */
import { kinds } from "../protocol/methods.ts"
import { toCatalog } from "./compose.ts"
import { createGate, isVisible, passesFilter } from "./filter.ts"
import { createTable } from "./table.ts"
import type { Catalog, Component, Source, ViewRules } from "./types.ts"

export function filterCatalog(catalog: Catalog, rules: ViewRules): Catalog {
  const added = new Set(catalog.sources.filter((source) => source.added === true).map(({ name }) => name))
  const shows = (component: Component): boolean =>
    (added.has(component.origin.server) || admitsServer(rules, component.origin.server)) &&
    isVisible(rules, component, component.key)
  const tables = kinds.map((kind) => {
    const components = catalog.list(kind).filter(shows)
    // Every name has one owner already.
    return [kind, createTable(kind, { components, doubled: [] }, "first")] as const
  })
  const sources = catalog.sources
    .filter(({ name, added }) => added === true || admitsServer(rules, name))
    .map((source) => narrowed(source, catalog, { rules, shows }))
  return toCatalog(sources, Object.fromEntries(tables) as Parameters<typeof toCatalog>[1])
}

/** Whether a profile shows anything of a server. */
export function admitsServer({ servers }: ViewRules, server: string): boolean {
  return servers === undefined || servers.includes(server)
}

/** Whether a profile might show a component of this name, if there were one. */
export const admitsName = passesFilter

interface View {
  readonly rules: ViewRules
  readonly shows: (component: Component) => boolean
}

/** The source, whose URIs that no list shows have to pass the profile too. */
function narrowed(source: Source, catalog: Catalog, { rules, shows }: View): Source {
  const verdicts = (kind: "resource" | "resourceTemplate") =>
    new Map(
      catalog
        .list(kind)
        .filter(({ origin }) => origin.server === source.name)
        .map((component) => [component.key, shows(component)]),
    )
  const gate = createGate(rules, () => ({ resources: verdicts("resource"), templates: verdicts("resourceTemplate") }))
  const allowsUri = (uri: string) => source.allowsUri(uri) && gate(source.namespace.encode("resource", uri))
  return { ...source, allowsUri }
}
