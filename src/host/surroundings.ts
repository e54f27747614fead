/** What middleware may know of the manifest it is in, whichever graph of it serves. */
import type { Component } from "../composition/types.ts"
import type { CatalogueEvent, Subject } from "../middleware/types.ts"
import { type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import type { Client, McpRequest, Unsubscribe } from "../protocol/messages.ts"
import type { Graph } from "./graph.ts"

export class Surroundings {
  /** The graph that serves now. */
  graph: Graph | undefined
  readonly #listeners = new Map<(event: CatalogueEvent) => void, string | undefined>()
  readonly #byName = new WeakMap<readonly JsonObject[], ReadonlyMap<string, JsonObject>>()

  /** What a request is about; `server` says whose names it is in, if not those of clients. */
  subject(request: McpRequest, client: Client, server: string | undefined): Subject | undefined {
    if (this.graph === undefined) return undefined
    const { visible } = this.graph.catalogs.of(client)
    const named = nameIn(request)
    if (server !== undefined) {
      const listing = visible.sources.find(({ name }) => name === server)?.listing
      const definition = named && listing && this.#named(listing[named.kind]).get(named.name)
      return { server, definition }
    }
    if (named !== undefined) return ofComponent(visible.resolveBareName(named.kind, named.name))
    const uri = uriIn(request)
    const owner = uri === undefined ? undefined : visible.resolveReference(uri)
    return owner && { server: owner.server, definition: undefined }
  }

  /** Hears what concerns `server`, by its own URIs; without one everything, by those of clients. */
  on(listener: (event: CatalogueEvent) => void, server: string | undefined): Unsubscribe {
    this.#listeners.set(listener, server)
    return () => void this.#listeners.delete(listener)
  }

  changed(server?: string): void {
    for (const [listener, only] of this.#listeners)
      if (only === undefined || server === undefined || only === server) listener({ type: "changed", server })
  }

  updated(server: string, { own, shown }: { readonly own: string; readonly shown: string }): void {
    for (const [listener, only] of this.#listeners) {
      if (only === undefined) listener({ type: "updated", server, uri: shown })
      else if (only === server) listener({ type: "updated", server, uri: own })
    }
  }

  #named(payloads: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
    const known = this.#byName.get(payloads) ?? new Map(payloads.map((each) => [String(each["name"]), each]))
    this.#byName.set(payloads, known)
    return known
  }
}

function ofComponent([only, ...others]: readonly Component[]): Subject | undefined {
  return only === undefined || others.length > 0 ? undefined : { server: only.origin.server, definition: only.payload }
}

function nameIn({
  method,
  params,
}: McpRequest): { readonly kind: "tool" | "prompt"; readonly name: string } | undefined {
  const kind = method === "tools/call" ? "tool" : "prompt"
  const named = method === "tools/call" || method === "prompts/get"
  const name = stringAt(named ? params : (objectAt(params, "ref") ?? {}), "name")
  return name === undefined || (!named && method !== "completion/complete") ? undefined : { kind, name }
}

function uriIn({ method, params }: McpRequest): string | undefined {
  return stringAt(method === "completion/complete" ? (objectAt(params, "ref") ?? {}) : params, "uri")
}
