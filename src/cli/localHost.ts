/**
 * A host in this process for one command: starts it with a client of the command line, and closes it whatever happens.
 * Waits no longer than the command needs: a server that hangs delays only what may be its own.
 */
import { createNamespace, isHttp } from "../composition/namespace.ts"
import type { Catalog, Component } from "../composition/types.ts"
import { createLocalClient, type LocalClient } from "../endpoints/localClient.ts"
import { HostError } from "../errors.ts"
import { Host } from "../host/host.ts"
import type { ServerReport } from "../host/inspect.ts"
import { loadMiddleware } from "../host/loadMiddleware.ts"
import { isServing } from "../host/member.ts"
import { type Traced, traceOf } from "../host/trace.ts"
import type { View } from "../host/view.ts"
import { onlyShown } from "../manifest/onlyShown.ts"
import type { Manifest, ProfileEntry, ServerEntry } from "../manifest/types.ts"
import { ProtocolError } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { McpNotification } from "../protocol/messages.ts"
import { type Kind, kindWords } from "../protocol/methods.ts"
import { createLogger } from "../telemetry/logger.ts"
import { collisionError, isError } from "./collisions.ts"
import { exitCodeOfSignal, hideWith, Interrupted } from "./failure.ts"
import { storageOf } from "./storage.ts"
import { hasColor } from "./terminal.ts"
import { readVersion } from "./version.ts"

export interface LocalHost {
  readonly manifest: Manifest
  readonly host: Host
  /** The profile that is looked at, when it is one. */
  readonly profile: ProfileEntry | undefined
  /** Whether the command line's client may see anything of a server. */
  shows(server: Pick<ServerReport, "entry">): boolean
  /** What the command line's client sees now. */
  catalog(): Catalog
  /** What it would see without the profile. */
  whole(): Catalog
  /** The levels a component comes through, its server's own first. */
  trace(component: Component): Traced[]
  /** The server of a component, by its path, and what that calls it. */
  originOf(component: Component): { readonly server: string; readonly original: string }
  request(method: string, params: JsonObject): Promise<JsonObject>
  /** Resolves as a client's first list of these kinds does; rejects when such a list would fail. */
  listed(kinds: readonly Kind[]): Promise<void>
  /** Resolves when no server that still starts can change what this name or URI means. */
  ownerKnown(key: string, kinds: readonly Kind[]): Promise<void>
}

export interface WithHostOptions {
  readonly logLevel: string
  /** A profile of the manifest; undefined: all of it. */
  readonly profile?: string | undefined
  readonly notify?: (notification: McpNotification) => void
}

export async function withHost<T>(
  given: Manifest,
  { logLevel, profile, notify }: WithHostOptions,
  use: (local: LocalHost) => Promise<T>,
): Promise<T> {
  const manifest = onlyShown(given, profile)
  const { log, hide, mask } = await createLogger({ level: logLevel, format: "pretty", color: hasColor(process.stderr) })
  hide(manifest.secrets)
  hideWith(mask)
  const version = readVersion()
  const host = new Host({
    manifest,
    log,
    version,
    once: true,
    middleware: await loadMiddleware(manifest),
    storage: storageOf(manifest, (message) => log.warn(message)),
  })
  const interruption = watchSignals()
  const client = createLocalClient({
    info: { name: "mcp-host-cli", version },
    notify: notify ?? (() => undefined),
    signal: interruption.signal,
  })
  const view = profile === undefined ? host.main : host.profile(profile)
  if (view === undefined) throw new Error(`no profile ${profile}`)
  const facts = { manifest, host, view, profile: manifest.profiles.find(({ name }) => name === profile) }
  const disconnect = view.connect(client.client, { patient: true })
  try {
    return await Promise.race([use(createLocal({ ...facts, local: client })), interruption.interrupted])
  } finally {
    disconnect()
    await host.close()
    interruption.stop()
  }
}

interface LocalFacts extends Pick<LocalHost, "manifest" | "host" | "profile"> {
  readonly view: View
  readonly local: LocalClient
}

function createLocal({ manifest, host, profile, view, local }: LocalFacts): LocalHost {
  const request = async (method: string, params: JsonObject): Promise<JsonObject> =>
    (await view.handle({ method, params }, local.context())).value
  const catalog = (): Catalog => view.catalog(local.client)
  const trace = (component: Component): Traced[] => traceOf(host.graph, component, local.client)
  const listed = async (kinds: readonly Kind[]): Promise<void> => {
    for (const kind of kinds) await request(kindWords[kind].list, {})
  }
  return {
    manifest,
    host,
    profile,
    shows: ({ entry }) => view.scope.members.has(entry.key.split("/")[0] ?? ""),
    catalog,
    whole: () => host.catalog(local.client),
    trace,
    originOf(component) {
      const [own] = trace(component)
      const { server, key } = own?.component.origin ?? component.origin
      return { server, original: key }
    },
    request,
    listed,
    async ownerKnown(key, kinds) {
      const open = (): boolean => mayStillChange(key, kinds, host.servers(), catalog())
      // A list that fails (`onDown: fail`) has waited all the same, and nobody asked for it here.
      const waited = listed(["tool"]).catch(onlyProtocolErrors)
      let stop = (): void => undefined
      const known = new Promise<void>((resolve) => {
        stop = host.onChange(() => {
          if (!open()) resolve()
        })
        if (!open()) resolve()
      })
      await Promise.race([waited, known])
      stop()
    },
  }
}

function onlyProtocolErrors(error: unknown): void {
  if (!(error instanceof ProtocolError)) throw error
}

/** Whether a server that still starts may own the name or URI, or claim it too. */
function mayStillChange(
  key: string,
  kinds: readonly Kind[],
  servers: readonly ServerReport[],
  catalog: Catalog,
): boolean {
  const starting = servers.filter(({ state }) => state === "starting")
  const placed =
    kinds.some((kind) => catalog.resolve(kind, key) !== undefined) ||
    servers.some(({ entry, state }) => state !== "starting" && entry.rules.prefix !== "" && mayOwn(entry, key))
  return starting.some(({ entry }) => !placed || mayOwn(entry, key))
}

function mayOwn({ rules }: ServerEntry, key: string): boolean {
  const namespace = createNamespace(rules)
  if (rules.prefix === "" || key.startsWith(rules.prefix + rules.separator)) return true
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(key)) return false
  return namespace.unprefixed || isHttp(key) || namespace.decodeUri(key) !== undefined
}

/** The error when a name or URI may be of a server that is down and was never listed. */
export function downOwner({ host, shows }: LocalHost, key: string): HostError | undefined {
  const down = host
    .servers()
    .filter(shows)
    .find(({ entry, state }) => !isServing(state) && host.listing(entry.key) === undefined && mayOwn(entry, key))
  if (down === undefined) return undefined
  const { entry, state, reason } = down
  return new HostError("SERVER_UNAVAILABLE", `${entry.key}, which may own ${key}, is not ready: ${reason ?? state}`)
}

/** Throws when the host would refuse to start because of a collision of `keys`, or of any component. */
export function assertNoClash({ host }: LocalHost, key?: string): void {
  const clash = host.collisions().find((each) => isError(each) && (key === undefined || each.key === key))
  if (clash !== undefined) throw collisionError(clash)
}

interface Signals {
  readonly signal: AbortSignal
  readonly interrupted: Promise<never>
  stop(): void
}

/** The first Ctrl-C ends the command in order, the second at once. */
function watchSignals(): Signals {
  const abort = new AbortController()
  let fail = (_: Error): void => undefined
  const interrupted = new Promise<never>((_, reject) => {
    fail = reject
  })
  // Whoever races with it hears of it; when the race is over nobody needs to.
  interrupted.catch(() => undefined)
  const names: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"]
  const onSignal = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(exitCodeOfSignal(signal))
    abort.abort()
    fail(new Interrupted(signal))
  }
  for (const name of names) process.on(name, onSignal)
  return {
    signal: abort.signal,
    interrupted,
    stop: () => {
      for (const name of names) process.off(name, onSignal)
    },
  }
}
