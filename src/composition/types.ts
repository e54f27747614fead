/**
 * The words composing uses. Pure data: no Node, no SDK, no protocol generation.
 * Transforms map forward; `origin` is the way back.
 */
import type { CacheHint } from "../protocol/cacheHint.ts"
import type { JsonObject, JsonValue } from "../protocol/json.ts"
import type { Kind } from "../protocol/methods.ts"

/** A tool, prompt, resource or resource template as clients see it. */
export interface Component {
  readonly kind: Kind
  /** What identifies it to clients: its exposed name, URI or URI template. */
  readonly key: string
  readonly tags: ReadonlySet<string>
  /** The object a list shows; verbatim but for names, URIs and what the manifest overrides. */
  readonly payload: JsonObject
  /** Where it comes from: the server's manifest key and the server's own name, URI or template. */
  readonly origin: { readonly server: string; readonly key: string }
  /** Its key before the prefix: the server's own, or the name the manifest gives it instead. */
  readonly local: string
  /** What its server itself calls it, however many manifests are between; undefined when one of them gave it another name. */
  readonly bare: string | undefined
  /** The way back of its arguments; absent where they pass as they are. */
  readonly args?: ArgumentMap
}

/** Maps the arguments clients give to those the server takes. */
export interface ArgumentMap {
  /** The server's own arguments: renamed back, defaults and fixed values filled in, hidden ones dropped. What is no object passes. */
  toOwn(args: JsonValue | undefined): JsonValue | undefined
  /** What the server calls an argument that clients name so; undefined for one they cannot reach. */
  ownName(name: string): string | undefined
}

/** Keeps, changes or (undefined) hides a component; keeps `kind` and `origin`. */
export type Transform = (component: Component) => Component | undefined

/** Maps a server's own names and URIs to those clients see. */
export interface Namespace {
  /** True when URIs pass unchanged (no prefix, or `uris: none`): any URI may then be of this namespace. */
  readonly unprefixed: boolean
  /** The exposed form of a name, URI or URI template. Always gives the same answer. */
  encode(kind: Kind, key: string): string
  /** The server's own URI behind an exposed one, or undefined when it is not of this namespace or `http(s)`, which its owner routes. Names have no inverse: the catalogue's tables map them. */
  decodeUri(uri: string): string | undefined
  /** Whether the exposed form of a name is compiled, because prefix and name together are too long or hold other characters than names may. */
  isCompiled(kind: Kind, key: string): boolean
}

/** What one server offers: its own payloads, in its own order; and how long each list is good for, where it says so. */
export type Listing = Readonly<Record<Kind, readonly JsonObject[]>> & {
  readonly hints?: Readonly<Partial<Record<Kind, CacheHint>>>
  /** Tags that components have besides those in their payloads: what a manifest inside gave them. */
  readonly tags?: ReadonlyMap<JsonObject, ReadonlySet<string>>
  /** What servers inside call components: the names before all prefixes. Without it, the keys of the payloads. */
  readonly bare?: ReadonlyMap<JsonObject, string | undefined>
  /** What the server itself listed, where this is a form of it for another generation. */
  readonly own?: Listing
}

/** Where exposed URIs put the prefix: `scheme://<prefix>/rest`, `<prefix>+scheme://rest`, or nowhere. */
export type UriFormat = "path" | "protocol" | "none"

export interface GlobFilter {
  /** Keep what matches any of these; undefined keeps all. */
  readonly include?: readonly string[] | undefined
  /** Drop what matches any of these; wins over `include`. */
  readonly exclude?: readonly string[] | undefined
}

/** What the manifest says differently about one argument of a tool or prompt. */
export interface ArgumentOverride {
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** Shown in the schema, and sent when the client leaves the argument out. */
  readonly default?: JsonValue | undefined
  readonly required?: boolean | undefined
  /** Clients neither see nor reach the argument. */
  readonly hide?: boolean | undefined
  /** What a hidden argument always is; without it the argument is left out. */
  readonly value?: JsonValue | undefined
}

/** What the manifest says differently about one component. */
export interface ComponentOverride {
  /** The name before the prefix; of resources and templates the display name. */
  readonly name?: string | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
  /** Added to the tags it has. */
  readonly tags?: readonly string[] | undefined
  /** Laid over the server's own, member by member. */
  readonly annotations?: JsonObject | undefined
  /** The component does not exist for clients. */
  readonly hide?: boolean | undefined
  /** By the server's own name of the argument. */
  readonly args?: Readonly<Record<string, ArgumentOverride>> | undefined
}

/** What of one kind to show, and how. */
export interface ComponentRules extends GlobFilter {
  /** By the server's own name, URI or template. */
  readonly override?: Readonly<Record<string, ComponentOverride>> | undefined
}

export interface TagRules extends GlobFilter {
  /** Tags given to components by globs over the server's own names and URIs. */
  readonly assign?: Readonly<Record<string, readonly string[]>> | undefined
}

/** How one server takes part in the composition; comes from its section of the manifest. */
export interface SourceRules {
  /** Manifest key. */
  readonly server: string
  /** Prefix of names and URIs; "" for none. */
  readonly prefix: string
  /** Between prefix and name. */
  readonly separator: string
  /** Longest exposed tool or prompt name, in characters. */
  readonly nameBudget: number
  readonly uris: UriFormat
  readonly tags: TagRules
  readonly tools: ComponentRules
  readonly prompts: ComponentRules
  /** Applies to resources by URI and to templates by template. */
  readonly resources: ComponentRules
  /** Components, by the server's own keys, that are not as they were locked and must not be seen. */
  readonly isQuarantined?: (kind: Kind, key: string) => boolean
}

/** Accepted definitions by kind and own key, each by its canonical JSON. Clients may be shown different ones. */
export type LockedComponents = Readonly<Record<Kind, ReadonlyMap<string, ReadonlyMap<string, JsonObject>>>>

/** What was locked of one server. */
export interface LockedServer {
  /** Its `serverInfo`. */
  readonly name?: string
  readonly version?: string
  readonly instructions?: string
  readonly components: LockedComponents
}

/** A component that is not as it was locked: new without `before`, gone without `after`. */
export interface LockChange {
  readonly kind: Kind
  readonly key: string
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
}

/** What of a composed catalogue a profile shows. Globs go by the names and URIs that clients see. */
export interface ViewRules {
  /** Manifest keys of the servers to show; undefined shows all. */
  readonly servers?: readonly string[] | undefined
  readonly tags: GlobFilter
  readonly tools: GlobFilter
  readonly prompts: GlobFilter
  /** Applies to resources by URI and to templates by template. */
  readonly resources: GlobFilter
}

/** One server ready to be composed. */
export interface Source {
  readonly name: string
  readonly namespace: Namespace
  readonly transforms: readonly Transform[]
  readonly listing: Listing
  /** Whether a URI of this server that no list shows may be reached: false when a filter hides it. Takes the server's own URI. */
  readonly allowsUri: (uri: string) => boolean
  /** Components that no client is offered because an override cannot be applied to them. */
  readonly withheld: readonly Withheld[]
  /** True of tools that the host adds: no URI is of this source, and every profile may show it. */
  readonly added?: boolean
}

/** A component that clients do not get although no filter hides it. */
export interface Withheld {
  readonly server: string
  readonly kind: Kind
  /** The server's own name. */
  readonly key: string
  /** Why, in words that follow the name. */
  readonly reason: string
  /** The place of the override below the server's section of the manifest. */
  readonly path: RulePath
}

/** A place below a server's section of the manifest, `["tools", "exclude", 0]`. */
export type RulePath = readonly (string | number)[]

/** Which of two components with one exposed key wins: none (an error), the first or the last in manifest order. */
export type CollisionPolicy = "error" | "first" | "last"

export interface Collision {
  readonly kind: Kind
  /** The exposed name or URI both claim. */
  readonly key: string
  /** The component that is exposed. With policy `error` it is the first, and the collision is a problem. */
  readonly kept: Component["origin"]
  /** Of the same server as `kept` when a server lists one name twice. */
  readonly dropped: Component["origin"]
}

/** A name that clients see in a compiled form. */
export interface Renaming {
  readonly server: string
  readonly kind: Kind
  /** The name before the prefix. */
  readonly from: string
  /** The exposed name. */
  readonly to: string
}

/** A URI as the router needs it: whose it is and what that server calls it. */
export interface ResolvedUri {
  readonly server: string
  /** The server's own URI. */
  readonly uri: string
}

/** What one group of clients sees: an immutable value with exact tables. */
export interface Catalog {
  /** Changes exactly when what clients see changes. */
  readonly revision: string
  readonly collisions: readonly Collision[]
  /** What it is made of, in manifest order. */
  readonly sources: readonly Source[]
  /** Names that were shortened or made legal. */
  readonly renamed: readonly Renaming[]
  readonly withheld: readonly Withheld[]
  /** Changes exactly when the list of this kind changes; part of pagination cursors. */
  revisionOf(kind: Kind): string
  /** Components in manifest order of the servers, each server's in its own order. */
  list(kind: Kind): readonly Component[]
  /** The component clients call `key`, by exact match. */
  resolve(kind: Kind, key: string): Component | undefined
  /** Whose URI this is: a listed resource, one a visible template makes, one under a server's prefix, or the server's own URI when exactly one visible resource or template has it. */
  resolveUri(uri: string): ResolvedUri | undefined
  /** What a completion reference means: an exposed template, or else a URI. The result carries the server's own form. */
  resolveReference(reference: string): ResolvedUri | undefined
  /** The component exposed under this name or, when there is none, every visible one whose server calls it so and the manifest does not rename (MCP Apps call tools by bare names): none is unknown, several are ambiguous. */
  resolveBareName(kind: Kind, name: string): readonly Component[]
}
