/**
 * Whose URI it is. The surest sign wins: a list shows it, a server's prefix marks it, a template makes it, and last a
 * server without prefix or one visible component under the server's own URI. What a filter hides has no owner.
 */
import { type CompiledTemplate, compileTemplate } from "../protocol/uriTemplate.ts"
import { isHttp } from "./namespace.ts"
import type { Table } from "./table.ts"
import type { Catalog, Component, ResolvedUri, Source } from "./types.ts"

export type UriRouter = Pick<Catalog, "resolveUri" | "resolveReference">

/** Routes by what is visible. */
export function createUriRouter(all: readonly Source[], resources: Table, templates: Table): UriRouter {
  const sources = all.filter(({ added }) => added !== true)
  const byName = new Map(sources.map((source) => [source.name, source]))
  const prefixed = sources.filter((source) => !source.namespace.unprefixed)
  const unprefixed = sources.filter((source) => source.namespace.unprefixed)
  const bare = createBareLookup(resources, templates, byName)
  const resolveUri = (uri: string): ResolvedUri | undefined => {
    const listed = resources.byKey.get(uri)
    if (listed !== undefined) return ownerOf(listed)
    const claims = claimsOf(prefixed, uri)
    if (claims.length > 0) return ownerOfClaim(claims, bare.templates())
    const made = bare.madeByExposed(uri)
    if (made !== undefined) return made
    // Only where nothing else could own an `http(s)` URI does it go to a server with a prefix.
    const heirs = isHttp(uri) && sources.length === 1 ? sources : unprefixed
    return onlyHeir(heirs.filter(hasResources), uri) ?? bare.byOwnUri(uri) ?? onlyHeir(heirs, uri)
  }
  return {
    resolveUri,
    resolveReference(reference) {
      const template = templates.byKey.get(reference)
      return template === undefined ? resolveUri(reference) : ownerOf(template)
    },
  }
}

function ownerOf({ origin }: Component): ResolvedUri {
  return { server: origin.server, uri: origin.key }
}

interface Claim {
  readonly source: Source
  /** The server's own URI. */
  readonly own: string
}

function claimsOf(sources: readonly Source[], uri: string): Claim[] {
  return sources.flatMap((source) => {
    const own = source.namespace.decodeUri(uri)
    return own === undefined ? [] : [{ source, own }]
  })
}

/** Servers may share a prefix: then it takes a visible template to tell whose the URI is. */
function ownerOfClaim(claims: readonly Claim[], templates: readonly OwnTemplate[]): ResolvedUri | undefined {
  const open = claims.filter(({ source, own }) => source.allowsUri(own))
  const made = ({ source, own }: Claim) =>
    templates.some((each) => each.origin.server === source.name && each.own.matches(own))
  const [owner, ...others] = open.length > 1 ? open.filter(made) : open
  return owner === undefined || others.length > 0 ? undefined : { server: owner.source.name, uri: owner.own }
}

/** A server without prefix may own any URI, if it is the only one. */
function onlyHeir(sources: readonly Source[], uri: string): ResolvedUri | undefined {
  const [heir, ...others] = sources.filter((source) => source.allowsUri(uri))
  return heir === undefined || others.length > 0 ? undefined : { server: heir.name, uri }
}

function hasResources({ listing }: Source): boolean {
  return listing.resource.length > 0 || listing.resourceTemplate.length > 0
}

interface OwnTemplate {
  readonly origin: Component["origin"]
  /** Whether clients see the template as the server wrote it. */
  readonly unchanged: boolean
  readonly own: CompiledTemplate
}

interface BareLookup {
  templates(): readonly OwnTemplate[]
  /** The first server with a visible, unrewritten template for the URI; the longest literal head wins. */
  madeByExposed(uri: string): ResolvedUri | undefined
  /** The only server with a visible resource, or else a visible template, for its own URI: texts cannot be rewritten. */
  byOwnUri(uri: string): ResolvedUri | undefined
}

function createBareLookup(resources: Table, templates: Table, sources: ReadonlyMap<string, Source>): BareLookup {
  let compiled: readonly OwnTemplate[] | undefined
  const all = () => {
    compiled ??= templates.list
      .map(({ key, origin }) => ({ origin, unchanged: key === origin.key, own: compileTemplate(origin.key) }))
      .sort((a, b) => b.own.head.length - a.own.head.length)
    return compiled
  }
  const makers = (uri: string) =>
    all().filter(({ origin, own }) => own.matches(uri) && sources.get(origin.server)?.allowsUri(uri) === true)
  return {
    templates: all,
    madeByExposed(uri) {
      const maker = makers(uri).find(({ unchanged }) => unchanged)
      return maker === undefined ? undefined : { server: maker.origin.server, uri }
    },
    byOwnUri(uri) {
      const listed = resources.byOwnKey(uri)
      const [only] = listed
      if (only !== undefined) return listed.length === 1 ? ownerOf(only) : undefined
      // A template without a scheme of its own would claim whatever nobody else does.
      const sure = makers(uri).filter(({ own }) => isHttp(uri) || own.head.includes(":"))
      return onlyOf(serversOf(sure), uri)
    },
  }
}

function serversOf(owned: readonly Pick<Component, "origin">[]): string[] {
  return [...new Set(owned.map(({ origin }) => origin.server))]
}

function onlyOf(servers: readonly string[], uri: string): ResolvedUri | undefined {
  const [server, ...others] = servers
  return server === undefined || others.length > 0 ? undefined : { server, uri }
}
