/** Takes the catalogue of a running endpoint once, as any client sees it: for `mcp-host list --url`. */
import type { Listing } from "../composition/types.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import { erasToTry } from "../wire/eras/versions.ts"
import { openSession } from "../wire/open.ts"
import { connectHttp } from "./connectHttp.ts"
import { takeListing } from "./listing.ts"

export interface RemoteOptions {
  readonly clientInfo: JsonObject
  readonly signal: AbortSignal
}

/** An endpoint may hold its first list while its servers start. */
const timeouts = { startMs: 30_000, listMs: 60_000, callMs: 60_000, totalMs: 60_000 }

export async function takeRemoteCatalogue(url: string, { clientInfo, signal }: RemoteOptions): Promise<Listing> {
  const target = { kind: "http", url, transport: "auto", headers: {}, era: "auto" } as const
  const session = await openSession(() => connectHttp(target), {
    eras: erasToTry(target.era, undefined),
    signal,
    clientInfo,
    capabilitiesFor: () => ({}),
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
