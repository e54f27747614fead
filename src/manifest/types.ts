/** The manifest as the rest of the host reads it: checked, defaulted, interpolated, frozen. Made by `loadManifest`. */
import type { CollisionPolicy, LockedServer, RulePath, SourceRules, ViewRules } from "../composition/types.ts"
import type { HostErrorCode, SourcePlace } from "../errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { StoreConfig } from "../storage/types.ts"
import type { TelemetryConfig } from "../telemetry/types.ts"

export interface Manifest {
  /** Absolute path of the file. */
  readonly file: string
  /** Its folder; relative paths of the manifest start here. */
  readonly directory: string
  readonly host: HostSection
  readonly endpoint: EndpointSection
  readonly security: SecuritySection
  /** The stores it describes, by name. `default` may be missing: then the host chooses it. */
  readonly storage: Readonly<Record<string, StoreConfig>>
  /** Around every request, outermost first. */
  readonly middleware: readonly MiddlewareEntry[]
  readonly telemetry: TelemetryConfig
  /** In the order of the file. */
  readonly servers: readonly ServerEntry[]
  /** In the order of the file. */
  readonly profiles: readonly ProfileEntry[]
  /** Texts that came through `${VAR}` or `${file:…}` and may be confidential: never to be shown. */
  readonly secrets: readonly string[]
  /** What is in the file, or in a manifest inside, and has no effect. */
  readonly warnings: readonly ManifestWarning[]
}

export interface ManifestWarning {
  readonly code: HostErrorCode
  readonly message: string
  readonly help: string
  readonly place: SourcePlace
}

/** What was locked, by server. */
export type Lock = ReadonlyMap<string, LockedServer>

export interface SecuritySection {
  /** What happens to components that are not as they were locked. */
  readonly lock: "enforce" | "warn" | "off"
  /** What was locked; undefined when there is no lock file or it does not count. */
  readonly locked?: Lock
}

/** A middleware of the manifest, or of one server. */
export interface MiddlewareEntry {
  /** One of the host's own, or what `use` says. */
  readonly name: string
  /** The absolute path or npm package of a module; undefined for the host's own. */
  readonly module?: string
  /** The absolute path or npm package of a module that the options of the host's own name. */
  readonly imported?: string
  /** As the manifest has them, interpolated. Those of the host's own are checked. */
  readonly options: JsonObject
  /** Where something below it is written; where it would be, when it is not. */
  readonly placeOf: (path: RulePath) => SourcePlace
}

export interface HostSection {
  readonly name: string
  readonly title?: string
  readonly version: string
  /** Placed before the instructions of the servers. */
  readonly instructions?: string
  readonly websiteUrl?: string
  /** As `serverInfo.icons` shows them; local files are `data:` URIs by now. */
  readonly icons?: JsonObject[]
  readonly collisions: CollisionPolicy
  /** Longest exposed tool or prompt name, in characters. */
  readonly nameBudget: number
  /** Absolute path of the folder that keeps catalogues between starts. */
  readonly cache?: string
}

/** A further endpoint over the same servers. */
export interface ProfileEntry {
  readonly name: string
  /** Where something below its name is written; where it would be, when it is not. */
  readonly placeOf: (path: RulePath) => SourcePlace
  /** In place of the host's. */
  readonly title?: string
  /** In place of the host's own. */
  readonly instructions?: string
  readonly rules: ViewRules
}

/** A protocol generation the endpoint speaks. */
export type EndpointEra = "legacy" | "modern"

export interface EndpointSection {
  /** How long the end of the process waits for calls in flight. */
  readonly drainMs: number
  readonly http: HttpSection
  readonly eras: readonly EndpointEra[]
}

export interface HttpSection {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly path: string
  /** Names allowed in `Host` besides the loopback ones. */
  readonly allowedHosts: readonly string[]
  /** Origins allowed in `Origin` besides the loopback ones. */
  readonly allowedOrigins: readonly string[]
  /** Where clients reach the endpoint, when that is not the address it listens on. */
  readonly publicUrl?: string
  /** True when something in front authenticates. */
  readonly insecure: boolean
  /** Connections at once. */
  readonly maxConnections: number
  /** Connections of one address at once, this machine's own aside. */
  readonly maxConnectionsPerAddress: number
}

/** The protocol generation to speak to a server. */
export type TargetEra = "auto" | EndpointEra

export interface PackageTarget {
  readonly kind: "package"
  /** An absolute path when the manifest gives a path, else the npm package name. */
  readonly specifier: string
  /** The export that holds the factory; undefined: the default export. */
  readonly export?: string
  readonly era: TargetEra
  readonly env: Readonly<Record<string, string>>
  /** Names of variables taken over from the host's environment. */
  readonly inheritEnv: readonly string[]
}

export interface StdioTarget {
  readonly kind: "stdio"
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Absolute; an existing folder. */
  readonly cwd: string
  /** Names of variables taken over from the host's environment. */
  readonly inheritEnv: readonly string[]
  readonly era: TargetEra
}

export interface HttpTarget {
  readonly kind: "http"
  readonly url: string
  readonly transport: "auto" | "http" | "sse"
  readonly headers: Readonly<Record<string, string>>
  readonly era: TargetEra
}

/** Another manifest, composed whole. */
export interface ManifestTarget {
  readonly kind: "manifest"
  /** Keys of its servers are paths, `team/github`. With `import`, all of them are imported. */
  readonly manifest: Manifest
}

/** What a server entry points at. */
export type Target = PackageTarget | StdioTarget | HttpTarget | ManifestTarget

export interface Timeouts {
  /** Until a server that starts is ready. */
  readonly startMs: number
  /** Until a list is answered. */
  readonly listMs: number
  /** Until a call is answered; progress extends it. */
  readonly callMs: number
  /** The most progress can extend a call to; never less than `callMs`. */
  readonly totalMs: number
}

export interface ServerEntry {
  readonly key: string
  /** Where the key is written. */
  readonly place: SourcePlace
  /** Where something below it is written; where it would be, when it is not. */
  readonly placeOf: (path: RulePath) => SourcePlace
  /** `import` freezes the catalogue at start, `mount` is live. */
  readonly mode: "import" | "mount"
  readonly target: Target
  /** Handed to the factory of a sub-server. */
  readonly config: JsonObject
  /** Name of the store that a sub-server gets a part of. */
  readonly storage: string
  /** `proxy`: a sub-server in process with an MCP session and lifecycle of its own. */
  readonly localMode: "direct" | "proxy"
  readonly rules: SourceRules
  /** Around every request to it, outermost first. */
  readonly middleware: readonly MiddlewareEntry[]
  readonly session: "per-client" | "shared" | "per-call"
  readonly onDown: "stale" | "skip" | "fail"
  /** True: the host does not start without it. */
  readonly required: boolean
  readonly timeouts: Timeouts
  /** How long an unused session of a client stays open, and a server that is started lazily runs. */
  readonly idleTimeoutMs: number
  /** `lazy`: it runs while somebody needs it. `off`: never. */
  readonly start: "eager" | "lazy" | "off"
  /** Why it is off, where no `enabled: false` of the manifest says so. */
  readonly offReason?: string
  /** How many requests it works on at once, and how many wait; undefined for no limit. */
  readonly concurrency?: { readonly running: number; readonly waiting: number }
}
