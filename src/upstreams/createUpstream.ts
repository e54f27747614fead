/** Makes the upstream a server entry of the manifest describes. */
import { HostError } from "../errors.ts"
import type { ManifestTarget, PackageTarget, ServerEntry, StdioTarget, Target } from "../manifest/types.ts"
import { upstreamError } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Store } from "../storage/store.ts"
import type { Surround } from "../telemetry/types.ts"
import type { Channel } from "../wire/channel.ts"
import { instanceEra, isModernSetting } from "../wire/eras/attach.ts"
import type { CatalogueCache } from "./catalogueCache.ts"
import { childEnvironment } from "./childEnvironment.ts"
import { LineBudget } from "./lineBudget.ts"
import { refuseUri } from "./readableUri.ts"
import type { MaskingLogger } from "./serverLogger.ts"
import { ServerUpstream } from "./serverUpstream.ts"
import type { SessionPolicy } from "./sessionOpener.ts"
import type { StdioChannel } from "./stdioChannel.ts"
import type { AskClient, TellClient, Upstream } from "./upstream.ts"

export interface UpstreamDeps {
  /** Folder of the manifest. */
  readonly directory: string
  /** Says which code a package is of, when it is not the first that this process loads. */
  readonly code?: string | undefined
  /** The host's `clientInfo` towards servers. */
  readonly clientInfo: JsonObject
  readonly ask: AskClient
  /** Notifications pass as they are without it. */
  readonly tell?: TellClient
  readonly logger: MaskingLogger
  readonly storage: Store
  /** True: servers that run only while they are needed count as needed. */
  readonly eager?: boolean
  /** Where catalogues are kept from one start to the next. */
  readonly cache?: CatalogueCache | undefined
  /** Looks at each request that clients make of it. */
  readonly around?: Surround | undefined
  /** True when the trace context of messages goes into HTTP headers too. */
  readonly traced?: boolean
}

/** Every question of a server in this process is attributed to the call it was asked in, so it may ask anything. */
const everything: JsonObject = { roots: {}, sampling: { tools: {} }, elicitation: { form: {}, url: {} } }

export function createUpstream(entry: ServerEntry, deps: UpstreamDeps): Upstream {
  const { target } = entry
  if (target.kind === "manifest") throw new Error(`${entry.key} is a manifest: its servers have upstreams, it has none`)
  // A package has one instance for all clients, unless it asks for sessions like those of a separate process.
  const direct = target.kind === "package" && entry.localMode === "direct"
  const { connect, errorOutput } = connectorOf(entry, target, deps)
  const policy: SessionPolicy = {
    key: entry.key,
    session: direct ? "shared" : entry.session,
    era: direct && target.era === "auto" ? instanceEra : target.era,
    timeouts: entry.timeouts,
    idleTimeoutMs: entry.idleTimeoutMs,
    clientInfo: deps.clientInfo,
    sharedCapabilities: direct ? everything : {},
    connect,
    ask: deps.ask,
    tell: deps.tell ?? ((notification, _client, deliver) => deliver(notification)),
    logger: deps.logger,
    around: deps.around,
  }
  return new ServerUpstream(policy, {
    start: deps.eager === true && entry.start === "lazy" ? "eager" : entry.start,
    offReason: entry.offReason,
    concurrency: entry.concurrency,
    errorOutput,
    isProcess: target.kind !== "http",
    freeze: entry.mode === "import",
    cache: deps.cache?.fileOf(entry, deps.logger),
    ...(target.kind === "package" && { refuse: refuseUri }),
  })
}

interface Connector {
  readonly connect: () => Promise<Channel>
  readonly errorOutput?: () => string | undefined
}

function connectorOf(entry: ServerEntry, target: Exclude<Target, ManifestTarget>, deps: UpstreamDeps): Connector {
  if (target.kind === "package") return { connect: () => connectPackage(entry, target, deps) }
  if (target.kind === "stdio") return connectorOfStdio(target, deps)
  return {
    connect: async () => {
      const { connectHttp } = await import("./connectHttp.ts")
      return connectHttp(target, { mask: deps.logger.mask?.bind(deps.logger), traced: deps.traced })
    },
  }
}

function connectorOfStdio(target: StdioTarget, { logger }: UpstreamDeps): Connector {
  const { command, args, cwd } = target
  const budget = new LineBudget(logger)
  let newest: StdioChannel | undefined
  return {
    connect: async () => {
      const { StdioChannel } = await import("./stdioChannel.ts")
      newest = new StdioChannel({ command, args, cwd, env: childEnvironment(target) }, logger, budget)
      return newest
    },
    errorOutput: () => newest?.lastErrors(),
  }
}

async function connectPackage(entry: ServerEntry, target: PackageTarget, deps: UpstreamDeps): Promise<Channel> {
  const { connectLocal } = await import("./localServer.ts")
  try {
    return await connectLocal({
      specifier: target.specifier,
      export: target.export,
      directory: deps.directory,
      code: deps.code,
      config: entry.config,
      env: childEnvironment(target),
      logger: deps.logger,
      storage: deps.storage,
      stateless: isModernSetting(target.era),
    })
  } catch (error) {
    if (error instanceof HostError) throw error
    throw upstreamError("UPSTREAM_UNAVAILABLE", { reason: String(error), sent: "no", retryable: true })
  }
}
