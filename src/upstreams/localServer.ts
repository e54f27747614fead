/**
 * Makes a connection to a local server package: loads it, calls its factory with a context of its own, attaches the
 * server it returns, and tears everything down in reverse when the connection closes.
 */
import { HostError, messageOf } from "../errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Store } from "../storage/store.ts"
import type { Channel } from "../wire/channel.ts"
import { attachModern } from "../wire/eras/attach.ts"
import { loadPackage } from "./loadPackage.ts"
import { type Attach, LocalChannel } from "./localChannel.ts"
import type { ServerContext, ServerLogger } from "./serverContext.ts"

export interface LocalServerOptions {
  /** Absolute path or npm package name. */
  readonly specifier: string
  /** The export that holds the factory or instance; `default` unless the manifest names one. */
  readonly export: string | undefined
  readonly directory: string
  /** Says which code it is of, when it is not the first that this process loads. */
  readonly code?: string | undefined
  readonly config: JsonObject
  readonly env: Readonly<Record<string, string>>
  readonly logger: ServerLogger
  readonly storage: Store
  /** True to serve the server in the other generation than the one an instance speaks by itself. */
  readonly stateless: boolean
}

/** Time each tear-down has, in milliseconds. */
const teardownMs = 5_000

interface McpServerLike {
  connect(transport: unknown): Promise<void>
  close(): Promise<void>
}

export async function connectLocal(options: LocalServerOptions): Promise<Channel> {
  const module = await loadPackage(options.specifier, options.directory, options.code)
  return new LocalChannel(attachServer(module, options), options.logger)
}

function attachServer(module: Record<string, unknown>, options: LocalServerOptions): Attach {
  return (transport) => {
    const closing = new AbortController()
    const teardowns: (() => void | Promise<void>)[] = []
    const tearDown = async (): Promise<void> => {
      closing.abort()
      for (const teardown of teardowns.splice(0).reverse()) {
        try {
          await withinTime(teardown)
        } catch (error) {
          options.logger.error("a tear-down failed", { reason: messageOf(error) })
        }
      }
    }
    const context: ServerContext = {
      config: structuredClone(options.config),
      env: options.env,
      directory: options.directory,
      logger: options.logger,
      storage: options.storage,
      signal: closing.signal,
      onClose: (teardown) => void teardowns.push(teardown),
    }
    const start = async (): Promise<void> => {
      try {
        const server = await serverOf(module, options, context)
        if (closing.signal.aborted) throw new Error("closed while it was starting")
        if (options.stateless) {
          const detach = await attachModern(server, transport)
          teardowns.push(detach)
        } else {
          await server.connect(transport)
          teardowns.push(() => server.close())
        }
      } catch (error) {
        await tearDown()
        throw error
      }
    }
    return { ready: start(), detach: tearDown }
  }
}

/** Waits for a tear-down, but not for ever: the host must be able to end. */
async function withinTime(teardown: () => void | Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${teardownMs} ms`)), teardownMs)
  })
  try {
    await Promise.race([teardown(), late])
  } finally {
    clearTimeout(timer)
  }
}

async function serverOf(
  module: Record<string, unknown>,
  { specifier, export: name = "default" }: LocalServerOptions,
  context: ServerContext,
): Promise<McpServerLike> {
  const exported = named(module, name)
  if (exported === undefined) {
    const names = Object.keys(module).join(", ") || "nothing"
    throw new HostError("PACKAGE_NOT_A_SERVER", `The package ${specifier} has no export ${name}; it exports ${names}`)
  }
  if (isServer(exported)) return exported
  if (typeof exported !== "function") {
    throw new HostError(
      "PACKAGE_NOT_A_SERVER",
      `The export ${name} of ${specifier} is neither a factory nor an MCP server`,
    )
  }
  let made: unknown
  try {
    made = await (exported as (context: ServerContext) => unknown)(context)
  } catch (error) {
    throw new HostError("PACKAGE_NOT_A_SERVER", `The factory of ${specifier} failed: ${messageOf(error)}`, {
      help: "Correct the `config` of this server, or the package.",
      cause: error,
    })
  }
  if (isServer(made)) return made
  throw new HostError("PACKAGE_NOT_A_SERVER", `The factory of ${specifier} returned no MCP server`)
}

/** An export by name; a CommonJS module seen from ESM nests its own `default` in one. */
function named(module: Record<string, unknown>, name: string): unknown {
  const direct = module[name]
  const nested = module["default"]
  if (name === "default" && typeof direct === "object" && direct !== null && !isServer(direct) && "default" in direct)
    return direct.default
  if (direct === undefined && typeof nested === "object" && nested !== null)
    return (nested as Record<string, unknown>)[name]
  return direct
}

function isServer(value: unknown): value is McpServerLike {
  return typeof value === "object" && value !== null && typeof (value as McpServerLike).connect === "function"
}
