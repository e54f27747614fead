/** What servers offer now, as clients of every kind see it: for `lock` and `diff`. */
import { definitionsIn, mergeDefinitions } from "../composition/lock.ts"
import type { LockedServer } from "../composition/types.ts"
import { createLocalClient, observers } from "../endpoints/localClient.ts"
import { isServing } from "../host/member.ts"
import type { Lock, Manifest } from "../manifest/types.ts"
import { ProtocolError } from "../protocol/errors.ts"
import { stringAt } from "../protocol/json.ts"
import { type LocalHost, withHost } from "./localHost.ts"

export interface Observed {
  readonly servers: Lock
  /** Servers that are not ready, with the reason. */
  readonly missing: ReadonlyMap<string, string>
}

/** Starts servers of a manifest that was loaded without its lock. Those that are switched off are neither there nor missing. */
export async function observe(
  whole: Manifest,
  isWanted: (key: string) => boolean,
  logLevel = "error",
): Promise<Observed> {
  const manifest = { ...whole, servers: whole.servers.filter(({ key }) => isWanted(key)) }
  return withHost(manifest, { logLevel }, async (local) => {
    await local.host.settled()
    const definitions = new Map(manifest.servers.map(({ key }) => [key, definitionsOf(local, key)]))
    for (const observer of observers) {
      const client = createLocalClient({
        info: { name: "mcp-host-cli" },
        notify: () => undefined,
        signal: new AbortController().signal,
        observer,
      })
      const disconnect = local.host.connect(client.client, { patient: true })
      // A list that fails (`onDown: fail`) has waited all the same; what is down is told below.
      await local.host.handle({ method: "tools/list", params: {} }, client.context()).catch(onlyProtocolErrors)
      for (const { key } of manifest.servers) definitions.get(key)?.push(...definitionsOf(local, key, client))
      disconnect()
    }
    const states = local.host.servers().filter(({ state }) => state !== "disabled")
    const up = states.filter(({ state }) => isServing(state) || state === "degraded")
    return {
      servers: new Map(up.map(({ entry: { key } }) => [key, serverOf(local, key, definitions.get(key) ?? [])])),
      missing: new Map(
        states.filter((each) => !up.includes(each)).map(({ entry, state, reason }) => [entry.key, reason ?? state]),
      ),
    }
  })
}

function definitionsOf({ host }: LocalHost, key: string, client?: ReturnType<typeof createLocalClient>) {
  const listing = host.listing(key, client?.client)
  return listing === undefined ? [] : [definitionsIn(listing.own ?? listing)]
}

function serverOf({ host }: LocalHost, key: string, all: Parameters<typeof mergeDefinitions>[0]): LockedServer {
  const { serverInfo = {}, instructions } = host.info(key) ?? {}
  const [name, version] = [stringAt(serverInfo, "name"), stringAt(serverInfo, "version")]
  return {
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(instructions !== undefined && { instructions }),
    components: mergeDefinitions(all),
  }
}

function onlyProtocolErrors(error: unknown): void {
  if (!(error instanceof ProtocolError)) throw error
}
