/** What a local server package is given, and what it may export. The public types of package authors. */
import type { JsonObject } from "../protocol/json.ts"
import type { Store } from "../storage/store.ts"
import type { FactLogger } from "../telemetry/types.ts"

export type ServerLogger = FactLogger

export interface ServerContext {
  /** The server's `config` from the manifest, interpolated. Validate it: the host does not know your schema. */
  readonly config: JsonObject
  /** A small allow-list of the environment plus `env` and `inheritEnv` of the manifest; never the whole of `process.env`. */
  readonly env: Readonly<Record<string, string>>
  /** Folder of the manifest, absolute; relative paths in `config` are relative to it. */
  readonly directory: string
  /** Writes to the host's log (standard error) under the server's name. */
  readonly logger: ServerLogger
  /** A key-value store of this server's own. */
  readonly storage: Store
  /** Aborts when the host closes the server. */
  readonly signal: AbortSignal
  /** Registers a tear-down. Runs exactly once when the host closes the server, last registered first, even after a failure. */
  onClose(teardown: () => void | Promise<void>): void
}

/** Default export (or named `export`) of a local server package: returns an MCP server of SDK v1 or v2. */
export type ServerFactory = (context: ServerContext) => unknown | Promise<unknown>
