/** Where a component comes from: through the manifest of the host, and every manifest inside on the way to its server. */
import type { Component } from "../composition/types.ts"
import type { ServerEntry } from "../manifest/types.ts"
import type { Client } from "../protocol/messages.ts"
import type { Graph } from "./graph.ts"
import type { Member } from "./member.ts"

/** A component as one manifest shows it, with the entry of that manifest that it comes through. */
export interface Traced {
  readonly component: Component
  readonly entry: ServerEntry
}

/** The levels of a component that a client sees, the server's own first. Empty when its server has gone. */
export function traceOf({ members }: Graph, component: Component, client: Client): Traced[] {
  const member = members.get(component.origin.server)
  if (member === undefined) return []
  const { entry, nested } = member
  const inside = nested?.inside(client)
  const inner = inside && nested?.graph.catalogs.of(inside).visible.resolve(component.kind, component.origin.key)
  const deeper = inside && inner && nested ? traceOf(nested.graph, inner, inside) : []
  return [...deeper, { component, entry }]
}

/** Every server of a graph, those inside manifests included, with the graph it is in. */
export function placedIn(graph: Graph): { readonly graph: Graph; readonly member: Member }[] {
  return [...graph.members.values()].flatMap((member) => [
    { graph, member },
    ...(member.nested === undefined ? [] : placedIn(member.nested.graph)),
  ])
}
