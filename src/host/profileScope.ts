/** What a profile shows of a graph: fewer servers, and of their components those that its filters keep. */
import type { Catalog, ViewRules } from "../composition/types.ts"
import { admitsName, admitsServer, filterCatalog } from "../composition/view.ts"
import type { Client } from "../protocol/messages.ts"
import type { Composed } from "./catalogs.ts"
import { countsIn } from "./describe.ts"
import type { Graph } from "./graph.ts"
import { areStarting, createPrepare, type Scope } from "./scope.ts"

export function createProfileScope(graph: Graph, rules: ViewRules): Scope {
  const members = new Map([...graph.members].filter(([server]) => admitsServer(rules, server)))
  const filtered = new WeakMap<Catalog, Catalog>()
  const filter = (catalog: Catalog): Catalog => {
    const known = filtered.get(catalog) ?? filterCatalog(catalog, rules)
    filtered.set(catalog, known)
    return known
  }
  const composed = new WeakMap<Composed, Composed>()
  const of = (client: Client | undefined): Composed => {
    const whole = graph.catalogs.of(client)
    const known = composed.get(whole) ?? { visible: filter(whole.visible), known: filter(whole.known) }
    composed.set(whole, known)
    return known
  }
  return {
    members,
    chain: graph.chain,
    catalogs: {
      of,
      allows: ({ entry }, client, uri) =>
        of(client).known.sources.some(({ name, allowsUri }) => name === entry.key && allowsUri(uri)),
      // Of all servers: a list is good for no longer than the one it is a part of.
      hint: (client, kind) => graph.catalogs.hint(client, kind),
    },
    get starting() {
      return areStarting(members.values())
    },
    admits: (kind, key) => admitsName(rules, kind, key),
    offering(client) {
      const all = countsIn(graph.catalogs.of(client).known)
      const shown = countsIn(of(client).known)
      return [...members.values()].filter(({ entry: { key } }) => isNothing(all(key)) || !isNothing(shown(key)))
    },
    prepare: createPrepare([...members.values()]),
    onChange: (listener) => graph.onChange(listener),
  }
}

function isNothing(counts: Readonly<Record<string, number>>): boolean {
  return Object.values(counts).every((count) => count === 0)
}
