/**
 * A client in this process, for the command line: it makes requests of the host without a transport. It declares no
 * capabilities, so nobody asks it anything.
 */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Client, Context, McpNotification, McpRequest } from "../protocol/messages.ts"

export interface LocalClientOptions {
  /** Its `clientInfo`. */
  readonly info: JsonObject
  /** Receives progress, log messages and announcements. */
  readonly notify: (notification: McpNotification) => void
  /** Cancels its requests. */
  readonly signal: AbortSignal
  /** Who it is to servers; default: nobody in particular. */
  readonly observer?: Observer
}

/** A client that only looks: what servers show may depend on these. */
export interface Observer {
  readonly key: string
  readonly era: string
  readonly capabilities: JsonObject
}

const able: JsonObject = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {}, context: {} },
  roots: { listChanged: true },
  extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } },
}

/** Clients of both generations, without and with all that clients can declare: together they see all of a server. */
export const observers: readonly Observer[] = ["legacy", "modern"].flatMap((era) => [
  { key: `${era}-plain`, era, capabilities: {} },
  { key: `${era}-able`, era, capabilities: able },
])

export interface LocalClient {
  readonly client: Client
  /** The context of one request. */
  context(): Context
}

export function createLocalClient({ info, notify, signal, observer }: LocalClientOptions): LocalClient {
  // The older generation: every server answers it at once, while some stay silent when they are asked for the newer.
  const { key, era, capabilities } = observer ?? { key: "local", era: "legacy", capabilities: {} }
  const client: Client = {
    key,
    leaves: true,
    unsolicited: true,
    era,
    capabilities,
    info,
    notify,
    ask: refuse,
  }
  let requests = 0
  return {
    client,
    context() {
      requests += 1
      const id = `${key}/${requests}`
      return { id, principal: { id: key }, client, signal, logLevel: "info", notify, ask: refuse }
    },
  }
}

async function refuse(request: McpRequest): Promise<never> {
  throw new ProtocolError(rpcCodes.methodNotFound, `The command line cannot be asked ${request.method}`)
}
