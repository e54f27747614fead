/** Takes the catalogue of a running endpoint once, as a client sees it: for `mcp-host list --url` and `diff --url`. */
import type { Listing } from "../composition/types.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import { erasToTry } from "../wire/eras/versions.ts"
import { openSession } from "../wire/open.ts"
import { connectHttp } from "./connectHttp.ts"
import { takeListing } from "./listing.ts"

export interface RemoteOptions {
  readonly clientInfo: JsonObject
  /** The generation to speak; both are tried without one. */
  readonly era?: string | undefined
  /** What the client declares; default: nothing. */
  readonly capabilities?: JsonObject | undefined
  readonly signal: AbortSignal
}

/** An endpoint may hold its first list while its servers start. */
const timeouts = { startMs: 30_000, listMs: 60_000, callMs: 60_000, totalMs: 60_000 }

export async function takeRemoteCatalogue(
  url: string,
  { clientInfo, era = "auto", capabilities = {}, signal }: RemoteOptions,
): Promise<Listing> {
  const target = { kind: "http", url, transport: "auto", headers: {}, era: "auto" } as const
  const session = await openSession(() => connectHttp(target), {
    eras: erasToTry(era, undefined),
    signal,
    clientInfo,
    capabilitiesFor: () => capabilities,
    timeouts,
    headerPaths: new Map(),
    outputs: new Map(),
    ask: async ({ method }) => {
      throw new ProtocolError(rpcCodes.methodNotFound, `No client to answer ${method}`)
    },
    notification: () => undefined,
    closed: () => undefined,
  })
  try {
    return await takeListing(session, signal)
  } finally {
    await session.close()
  }
}
