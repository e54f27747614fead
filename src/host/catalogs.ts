/**
 * The catalogue each client sees. Composed once for every distinct combination of what the servers show, and again only
 * after one of them has changed; a request costs two look-ups.
 */
import { composeCatalog, createAddedSource, createSource } from "../composition/compose.ts"
import type { Catalog, CollisionPolicy, Listing, Source } from "../composition/types.ts"
import type { HostSection } from "../manifest/types.ts"
import type { Chain } from "../middleware/chain.ts"
import { type CacheHint, strictest, uncacheable } from "../protocol/cacheHint.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Client } from "../protocol/messages.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"
import { isUp, type Member } from "./member.ts"
import type { Quarantine } from "./quarantine.ts"

/** Whose the tools are that middleware around a whole manifest adds; no server can be called so. */
export const ownTools = "(host)"

export interface Composed {
  /** What the client lists and reaches. */
  readonly visible: Catalog
  /** The same with the servers that `onDown: skip` leaves out: their names are unavailable, not unknown. */
  readonly known: Catalog
}

export interface CatalogsOptions {
  readonly host: HostSection
  readonly quarantine: Quarantine
  /** The middleware around the manifest, which may change and add what is listed. */
  readonly chain: Chain
}

export class Catalogs {
  readonly #members: readonly Member[]
  readonly #collisions: CollisionPolicy
  readonly #chain: Chain
  /** Tools that the middleware adds. */
  readonly #added: readonly Source[]
  readonly #quarantine: Quarantine
  readonly #sources = new WeakMap<Listing, Source>()
  readonly #ids = new WeakMap<Listing, number>()
  #composed = new Map<string, Composed>()
  /** Those of before the last change: often it is one that no list shows, such as a server's state. */
  #before: ReadonlyMap<string, Composed> = new Map()
  #perClient = new WeakMap<object, Composed>()
  #hints = new WeakMap<Client, Readonly<Record<Kind, CacheHint>>>()
  #lastId = 0

  constructor(members: readonly Member[], { host, quarantine, chain }: CatalogsOptions) {
    this.#members = members
    this.#collisions = host.collisions
    this.#chain = chain
    const added = [...chain.tools.values()].map(({ definition }) => definition)
    this.#added = added.length === 0 ? [] : [createAddedSource(ownTools, added, host.nameBudget)]
    this.#quarantine = quarantine
  }

  /** What a client sees now; without one, what the first look at every server showed. */
  of(client: Client | undefined): Composed {
    const owner = client ?? this
    const memo = this.#perClient.get(owner)
    if (memo !== undefined) return memo
    const composed = this.#compose(client)
    this.#perClient.set(owner, composed)
    return composed
  }

  /** Whether a URI of a server that no list shows may be reached; `uri` is the server's own. */
  allows(member: Member, client: Client, uri: string): boolean {
    const listing = member.upstream.listing(client)
    return listing !== undefined && this.#source(member, listing).allowsUri(uri)
  }

  /** What a server lists, before filters, with what middleware adds and changes. */
  offered(member: Member): Listing | undefined {
    const listing = member.upstream.listing(undefined)
    return listing && this.#source(member, listing).listing
  }

  /** How long a client may take its list for current: as long as all servers say, of which none is missing in it. */
  hint(client: Client, kind: Kind): CacheHint {
    const memo = this.#hints.get(client)
    if (memo !== undefined) return memo[kind]
    const hints = Object.fromEntries(kinds.map((each) => [each, this.#hint(client, each)])) as Record<Kind, CacheHint>
    this.#hints.set(client, hints)
    return hints[kind]
  }

  /** A server's state or catalogue has changed. */
  invalidate(): void {
    this.#perClient = new WeakMap()
    this.#hints = new WeakMap()
    // Several changes may come before anybody looks again.
    if (this.#composed.size > 0) this.#before = this.#composed
    this.#composed = new Map()
  }

  #hint(client: Client, kind: Kind): CacheHint {
    const hints = this.#members.flatMap(({ upstream }): CacheHint[] => {
      const capabilities = upstream.info(client)?.capabilities
      const listing = upstream.listing(client)
      if (upstream.state.state !== "ready" || capabilities === undefined) return [uncacheable]
      return kindWords[kind].capability in capabilities ? [listing?.hints?.[kind] ?? uncacheable] : []
    })
    return strictest(hints)
  }

  #compose(client: Client | undefined): Composed {
    const known = this.#members.flatMap((member) => {
      const listing = member.upstream.listing(client)
      return listing === undefined
        ? []
        : [{ member, listing, skipped: member.entry.onDown === "skip" && !isUp(member) }]
    })
    const key = known
      .map(({ member, listing, skipped }) => `${member.entry.key}:${this.#idOf(listing)}${skipped ? "-" : ""}`)
      .join(" ")
    const memo = this.#composed.get(key) ?? this.#before.get(key)
    if (memo !== undefined) {
      this.#composed.set(key, memo)
      return memo
    }
    const options = { collisions: this.#collisions }
    const source = ({ member, listing }: (typeof known)[number]): Source => this.#source(member, listing)
    const visible = composeCatalog([...known.filter((each) => !each.skipped).map(source), ...this.#added], options)
    const all = known.some((each) => each.skipped)
      ? composeCatalog([...known.map(source), ...this.#added], options)
      : visible
    const composed = { visible, known: all }
    this.#composed.set(key, composed)
    return composed
  }

  #source(member: Member, listing: Listing): Source {
    const memo = this.#sources.get(listing)
    if (memo !== undefined) return memo
    const { entry, chain } = member
    const shown = this.#chain.list(withAdded(chain.list(listing, entry.key), chain), entry.key)
    const source = createSource(this.#quarantine.apply(entry.rules, listing), shown)
    this.#sources.set(listing, source)
    return source
  }

  #idOf(listing: Listing): number {
    const known = this.#ids.get(listing)
    if (known !== undefined) return known
    this.#lastId += 1
    this.#ids.set(listing, this.#lastId)
    return this.#lastId
  }
}

/** A server's listing with the tools that its middleware adds. Of one name, the added one counts: it is what calls reach. */
function withAdded(listing: Listing, { tools }: Chain): Listing {
  if (tools.size === 0) return listing
  const isBeaten = (tool: JsonObject): boolean => tools.has(String(tool["name"]))
  const added = [...tools.values()].map(({ definition }) => definition)
  return {
    ...listing,
    tool: [...listing.tool.filter((tool) => !isBeaten(tool)), ...added, ...listing.tool.filter(isBeaten)],
  }
}
