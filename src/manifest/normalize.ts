/** Fills in the defaults of a manifest that has no problems, and gives it the shape of `types.ts`. */
import { resolve } from "node:path"
import type { SourceRules } from "../composition/types.ts"
import type { SourcePlace } from "../errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Readings } from "./checks.ts"
import { defaults } from "./defaults.ts"
import { parseDuration } from "./durations.ts"
import type { EndpointInput, HostInput, ManifestInput, PolicyInput, ProfileInput, ServerInput } from "./schema.ts"
import type { Path } from "./scope.ts"
import { secretsOfStore } from "./stores.ts"
import { secretsOfTraces, toTelemetry } from "./telemetry.ts"
import type {
  EndpointSection,
  HostSection,
  Manifest,
  ManifestWarning,
  MiddlewareEntry,
  ProfileEntry,
  SecuritySection,
  ServerEntry,
  Target,
  Timeouts,
} from "./types.ts"
import { pathText } from "./words.ts"

export interface NormalizeFacts {
  /** Before the keys of servers, `team/`; empty for the manifest of the host. */
  readonly path: string
  /** Every server is imported, whatever the file says. */
  readonly frozen: boolean
  /** By server key. */
  readonly targets: ReadonlyMap<string, Target>
  readonly warnings: readonly ManifestWarning[]
  readonly file: string
  readonly directory: string
  readonly readings: Readings
  readonly secrets: readonly string[]
  readonly security: SecuritySection
  /** The names of the profiles, in the order of the file. */
  readonly profiles: readonly string[]
  /** Where something of the manifest is written, a key rather than its value. */
  placeOf(path: Path): SourcePlace
}

export function normalize(input: ManifestInput, facts: NormalizeFacts): Manifest {
  const { readings } = facts
  const servers: ServerEntry[] = []
  // In the order of the file, which an object does not keep for keys that are numbers.
  for (const [key, target] of facts.targets) {
    const server = input.servers[key]
    if (server !== undefined) servers.push(toEntry(key, server, { input, target, facts }))
  }
  const host = toHost(input.host ?? {}, facts)
  const telemetry = toTelemetry(input.telemetry ?? {}, host.name)
  const own = [...[...readings.stores.values()].flatMap(secretsOfStore), ...secretsOfTraces(telemetry)]
  return deepFreeze({
    file: facts.file,
    directory: facts.directory,
    host,
    endpoint: toEndpoint(input.endpoint ?? {}),
    security: facts.security,
    storage: Object.fromEntries(readings.stores),
    middleware: toMiddleware(["middleware"], facts),
    telemetry,
    servers,
    profiles: facts.profiles.map((name) =>
      toProfile(name, input.profiles?.[name] ?? {}, (path) => facts.placeOf(["profiles", name, ...path])),
    ),
    secrets: [...new Set([...facts.secrets, ...own])],
    warnings: facts.warnings,
  })
}

function toHost(host: HostInput, { directory, path, readings: { icons } }: NormalizeFacts): HostSection {
  return {
    // Composed by another, a manifest without a name goes by its key there.
    name: host.name ?? (path === "" ? defaults.host.name : path.slice(0, -1)),
    version: host.version ?? defaults.host.version,
    collisions: host.collisions ?? defaults.host.collisions,
    nameBudget: host.nameBudget ?? defaults.host.nameBudget,
    ...(host.title === undefined ? {} : { title: host.title }),
    ...(host.instructions === undefined ? {} : { instructions: host.instructions }),
    ...(host.websiteUrl === undefined ? {} : { websiteUrl: host.websiteUrl }),
    ...(host.icons === undefined ? {} : { icons: [...icons] }),
    ...(host.cache === undefined ? {} : { cache: resolve(directory, host.cache) }),
  }
}

function toEndpoint(endpoint: EndpointInput): EndpointSection {
  const http = endpoint.http ?? {}
  return {
    drainMs: parseDuration(endpoint.drain ?? defaults.endpoint.drain),
    http: {
      host: http.host ?? defaults.http.host,
      port: http.port ?? defaults.http.port,
      path: (http.path ?? defaults.http.path).replace(/(?<=.)\/+$/, ""),
      allowedHosts: http.allowedHosts ?? [],
      allowedOrigins: http.allowedOrigins ?? [],
      insecure: http.insecure ?? defaults.http.insecure,
      maxConnections: http.maxConnections ?? defaults.http.maxConnections,
      maxConnectionsPerAddress: http.maxConnectionsPerAddress ?? defaults.http.maxConnectionsPerAddress,
      ...(http.publicUrl === undefined ? {} : { publicUrl: http.publicUrl }),
    },
    eras: [...new Set(endpoint.eras ?? defaults.endpoint.eras)],
  }
}

function toProfile(name: string, profile: ProfileInput, placeOf: ProfileEntry["placeOf"]): ProfileEntry {
  const { title, instructions, servers, tags = {}, tools = {}, prompts = {}, resources = {} } = profile
  return {
    name,
    placeOf,
    ...(title !== undefined && { title }),
    ...(instructions !== undefined && { instructions }),
    rules: { servers, tags, tools, prompts, resources },
  }
}

interface EntryFacts {
  readonly input: ManifestInput
  readonly target: Target
  readonly facts: NormalizeFacts
}

function toEntry(key: string, server: ServerInput, { input, target, facts }: EntryFacts): ServerEntry {
  const shared: PolicyInput = input.defaults ?? {}
  return {
    key: facts.path + key,
    place: facts.placeOf(["servers", key]),
    placeOf: (path) => facts.placeOf(["servers", key, ...path]),
    mode: server.import === undefined && !facts.frozen ? "mount" : "import",
    target,
    // The schema lets in any JSON below `config`, and nothing but JSON comes out of the parser.
    config: (server.config ?? {}) as JsonObject,
    storage: server.storage ?? defaults.server.storage,
    localMode: server.mode ?? defaults.server.mode,
    rules: { ...toRules(key, server, input), server: facts.path + key },
    middleware: toMiddleware(["servers", key, "middleware"], facts),
    session: server.session ?? shared.session ?? defaults.server.session,
    onDown: server.onDown ?? shared.onDown ?? defaults.server.onDown,
    ...toRunning(server, shared),
    timeouts: toTimeouts({ ...shared.timeouts, ...server.timeouts }),
    idleTimeoutMs: parseDuration(server.idleTimeout ?? shared.idleTimeout ?? defaults.server.idleTimeout),
  }
}

function toMiddleware(path: Path, { readings, placeOf }: NormalizeFacts): MiddlewareEntry[] {
  return (readings.middleware.get(pathText(path)) ?? []).map((reading, at) => ({
    ...reading,
    placeOf: (below) => placeOf([...path, at, ...reading.at, ...below]),
  }))
}

/** Whether and when it runs, and how much of it at once. */
function toRunning(
  server: ServerInput,
  shared: PolicyInput,
): Pick<ServerEntry, "required" | "start"> & Partial<Pick<ServerEntry, "concurrency">> {
  const required = server.required ?? shared.required ?? defaults.server.required
  const start = server.start ?? shared.start ?? defaults.server.start
  const running = server.concurrency ?? shared.concurrency
  const waiting = server.queue ?? shared.queue ?? defaults.server.queue
  return {
    required,
    start: (server.enabled ?? defaults.server.enabled) ? (required ? "eager" : start) : "off",
    ...(running !== undefined && { concurrency: { running, waiting } }),
  }
}

function toRules(key: string, server: ServerInput, { host, defaults: shared }: ManifestInput): SourceRules {
  return {
    server: key,
    prefix: server.prefix ?? key,
    separator: host?.separator ?? defaults.host.separator,
    nameBudget: host?.nameBudget ?? defaults.host.nameBudget,
    uris: server.uris ?? shared?.uris ?? defaults.server.uris,
    tags: server.tags ?? {},
    tools: server.tools ?? {},
    prompts: server.prompts ?? {},
    resources: server.resources ?? {},
  }
}

/** Given alone, `call` stretches the default `total`, and `total` cuts the default `call`. */
function toTimeouts(given: NonNullable<PolicyInput["timeouts"]>): Timeouts {
  const callMs = parseDuration(given.call ?? defaults.timeouts.call)
  const totalMs = parseDuration(given.total ?? defaults.timeouts.total)
  return {
    startMs: parseDuration(given.start ?? defaults.timeouts.start),
    listMs: parseDuration(given.list ?? defaults.timeouts.list),
    callMs: given.total === undefined ? callMs : Math.min(callMs, totalMs),
    totalMs: given.total === undefined ? Math.max(callMs, totalMs) : totalMs,
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
