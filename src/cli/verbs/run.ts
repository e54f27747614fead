/**
 * `mcp-host run`: serves a manifest over HTTP or standard input and output until a signal or the end of its input. Ends
 * by itself only when a required server does not come up or names collide while it starts.
 */
import type { Logger } from "pino"
import type { Served } from "../../endpoints/served.ts"
import { HostError, messageOf } from "../../errors.ts"
import { addGauges } from "../../host/gauges.ts"
import { Host } from "../../host/host.ts"
import { loadMiddleware } from "../../host/loadMiddleware.ts"
import { withObserver } from "../../host/observed.ts"
import { Pressure, withPressure } from "../../host/pressure.ts"
import { onlyShown } from "../../manifest/onlyShown.ts"
import type { Manifest } from "../../manifest/types.ts"
import { createLogger, type LogFormat } from "../../telemetry/logger.ts"
import { openTelemetry, type Telemetry } from "../../telemetry/openTelemetry.ts"
import { codeOfServer } from "../../upstreams/loadPackage.ts"
import { takeFault } from "../../upstreams/localChannel.ts"
import { announce } from "../announce.ts"
import { applyEdits, createMarks } from "../applyEdits.ts"
import { exitCodeOf, exitCodeOfSignal, hideWith, stackOf, surviveCrashes } from "../failure.ts"
import { loadFor } from "../manifestOptions.ts"
import { storageOf, verifyStorage } from "../storage.ts"
import { hasColor, takeStdout } from "../terminal.ts"
import { readVersion } from "../version.ts"
import { type StartWatch, watchStart } from "../watchStart.ts"

export interface RunOptions {
  readonly stdio?: boolean
  readonly host?: string
  readonly port?: number
  readonly profile?: string
  readonly envFile?: string
  /** False: edits are applied on SIGHUP only. */
  readonly watch: boolean
  readonly logLevel: string
  readonly logFormat: LogFormat
}

export async function run(file: string, options: RunOptions): Promise<number> {
  if (options.stdio === true && (options.host !== undefined || options.port !== undefined))
    throw new HostError("USAGE", "--stdio listens on no address: it goes without --host and --port")
  const stopping = watchStop()
  const { profile } = options
  const { marks, note } = createMarks()
  const load = async (watch: (path: string) => void): Promise<Manifest> =>
    withAddress(onlyShown(await loadFor({ ...options, manifest: file }, watch), profile), options)
  const manifest = await load(note)
  const { log, hide, mask } = await createLogger({
    level: options.logLevel,
    format: options.logFormat,
    color: hasColor(process.stderr),
  })
  hide(manifest.secrets)
  hideWith(mask)
  for (const { message, place } of manifest.warnings) log.warn({ file: place.file, line: place.line }, message)
  surviveCrashes((error) => {
    if (takeFault(error)) return true
    log.error(stackOf(error), `an error nobody caught, most likely of a package: ${messageOf(error)}`)
    return false
  })
  const storage = storageOf(manifest, (message) => log.warn(message))
  const middleware = await loadMiddleware(manifest)
  const version = readVersion()
  const telemetry = await openTelemetry(manifest.telemetry, { log, mask, version, directory: manifest.directory })
  const { metrics, observer } = telemetry
  const host = new Host({ manifest, log, version, storage, middleware, metrics, observer, codeOf: codeOfServer })
  addGauges(host, metrics)
  const shown = profile === undefined ? host : host.profile(profile)
  if (shown === undefined) throw new Error(`no profile ${profile}`)
  let exhausted: HostError | undefined
  const pressure = new Pressure({
    warn: (reason) => log.warn(reason),
    onExhausted: (reason) => {
      exhausted = new HostError("HOST_OUT_OF_MEMORY", `The host ends while it still can: ${reason}`)
      stopping.stop()
    },
  })
  const pressed = withPressure(shown, pressure)
  const served = observer === undefined ? pressed : withObserver(pressed, observer)
  const json = options.logFormat === "json"
  const running: Running = { manifest, host, served, pressure, telemetry, log, stopping, json }
  const edits = applyEdits(marks, { host, log, load, hide, watch: options.watch })
  stopping.onHangup(() => void edits.apply())
  try {
    await verifyStorage(storage, manifest)
    await (options.stdio === true ? serveStdio(running) : serveHttp(running))
    if (exhausted !== undefined) throw exhausted
    return 0
  } catch (error) {
    if (!running.json || !(error instanceof HostError)) throw error
    log.fatal({ code: error.code, help: error.help, ...stackOf(error) }, error.message)
    return exitCodeOf(error)
  } finally {
    edits.close()
    pressure.close()
    await host.close()
    await telemetry.close()
  }
}

interface Running {
  readonly manifest: Manifest
  readonly host: Host
  /** The host as endpoints see it, or a profile of it alone. */
  readonly served: Served
  readonly pressure: Pressure
  readonly telemetry: Telemetry
  readonly log: Logger
  readonly stopping: Stopping
  /** Everything on standard error is a JSON line. */
  readonly json: boolean
}

function beginStart(running: Running): StartWatch {
  const start = watchStart(running)
  // What ends the run instead is heard of by whoever waits for it.
  start.settled.then(
    () => running.pressure.started(),
    () => undefined,
  )
  return start
}

async function serveHttp(running: Running): Promise<void> {
  const { manifest, host, served, telemetry, log, stopping } = running
  const { startHttpEndpoint } = await import("../../endpoints/http/httpEndpoint.ts")
  const start = beginStart(running)
  const endpoint = await startHttpEndpoint(served, manifest.endpoint, telemetry)
  let failed = true
  try {
    host.start()
    log.info({ url: endpoint.url }, `listening on ${endpoint.url}`)
    await Promise.race([start.settled, stopping.requested])
    if (!stopping.signal.aborted) announce(running, endpoint.url)
    await stopping.requested
    failed = false
    log.info("shutting down; calls in flight may end (again to end at once)")
  } finally {
    const closing = endpoint.close()
    if (failed) endpoint.hurry()
    await closing
    start.stop()
  }
}

async function serveStdio(running: Running): Promise<void> {
  const { manifest, served, log, stopping } = running
  const { StdioEndpoint } = await import("../../endpoints/stdioEndpoint.ts")
  const { eras, drainMs } = manifest.endpoint
  const start = beginStart(running)
  const endpoint = new StdioEndpoint({ served, input: process.stdin, output: takeStdout(), eras, drainMs })
  const hurry = new AbortController()
  // A client that has closed its end and then signals waits no longer.
  void Promise.all([endpoint.ended, stopping.requested]).then(() => hurry.abort())
  log.info("serving one client on standard input and output")
  try {
    // Once all servers have started nothing but the client or a signal ends it.
    const started = start.settled.then(() => new Promise<never>(() => undefined))
    await Promise.race([endpoint.ended, stopping.requested, started])
  } catch (error) {
    hurry.abort()
    throw error
  } finally {
    await endpoint.close(hurry.signal)
    start.stop()
    process.stdin.destroy()
  }
}

function withAddress(manifest: Manifest, { host, port }: RunOptions): Manifest {
  const { endpoint } = manifest
  const http = { ...endpoint.http, ...(host !== undefined && { host }), ...(port !== undefined && { port }) }
  return { ...manifest, endpoint: { ...endpoint, http } }
}

interface Stopping {
  readonly signal: AbortSignal
  readonly requested: Promise<void>
  /** What SIGHUP does once there is something to reload; until then it asks for an end. */
  onHangup(apply: () => void): void
  /** Asks for an orderly end, as the first signal does. */
  stop(): void
}

/** The first signal asks for an orderly end, the second ends at once: on exit the groups of all children are killed. */
function watchStop(): Stopping {
  const abort = new AbortController()
  const requested = new Promise<void>((resolve) => {
    abort.signal.addEventListener("abort", () => resolve(), { once: true })
  })
  let hangup: (() => void) | undefined
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (name === "SIGHUP" && hangup !== undefined) return hangup()
      if (abort.signal.aborted) process.exit(exitCodeOfSignal(name))
      abort.abort()
    })
  }
  const onHangup = (apply: () => void): void => {
    hangup = apply
  }
  return { signal: abort.signal, requested, onHangup, stop: () => abort.abort() }
}
