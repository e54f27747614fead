/** The catalogue and the servers of a running endpoint: for `list --url` and `diff --url`. */
import type { Listing } from "../composition/types.ts"
import type { Observer } from "../endpoints/localClient.ts"
import { HostError, messageOf } from "../errors.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import type { Kind } from "../protocol/methods.ts"
import { takeRemoteCatalogue } from "../upstreams/remoteCatalogue.ts"
import { kindNames } from "./kinds.ts"
import { payloadRow } from "./rows.ts"
import { printNote } from "./terminal.ts"
import type { Rows } from "./verbs/list.ts"
import { readVersion } from "./version.ts"

const readyTimeoutMs = 10_000

export async function remoteRows(url: URL, kinds: readonly Kind[], withServers: boolean): Promise<Rows> {
  const listing = kinds.length === 0 ? undefined : await catalogueOf(url)
  const servers = withServers ? await serversOf(url, kinds.length === 0) : undefined
  return {
    ...Object.fromEntries(
      kinds.map((kind) => [kindNames[kind].many, (listing?.[kind] ?? []).map((payload) => payloadRow(kind, payload))]),
    ),
    ...(servers !== undefined && { servers }),
  }
}

/** The address of an endpoint, or of a profile below it. */
export function endpointUrl(address: string, profile?: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) {
    if (profile !== undefined) url.pathname = `${url.pathname.replace(/\/$/, "")}/${encodeURIComponent(profile)}`
    return url
  }
  throw new HostError("USAGE", `--url ${JSON.stringify(address)} is no http or https URL`, {
    help: "Give the URL that mcp-host run prints, such as http://127.0.0.1:8300/mcp.",
  })
}

export async function catalogueOf(url: URL, observer?: Observer): Promise<Listing> {
  const clientInfo = { name: "mcp-host-cli", version: readVersion() }
  try {
    return await takeRemoteCatalogue(url.href, { clientInfo, ...observer, signal: new AbortController().signal })
  } catch (error) {
    throw unreachable(url, error)
  }
}

/** From `/readyz` of the endpoint's origin; an endpoint of another kind of server has none. */
export async function serversOf(url: URL, isAll: boolean): Promise<JsonObject[]> {
  const readiness = new URL("/readyz", url)
  let body: unknown
  try {
    const response = await fetch(readiness, { signal: AbortSignal.timeout(readyTimeoutMs) })
    body = await response.json()
  } catch (error) {
    if (isAll) throw unreachable(readiness, error)
  }
  const servers = isJsonObject(body) && isJsonObject(body["servers"]) ? body["servers"] : undefined
  if (servers === undefined) {
    const message = `${readiness.href} tells no servers: this is no endpoint of mcp-host`
    if (isAll) throw new HostError("SERVER_UNAVAILABLE", message, { help: "Give the URL that mcp-host run prints." })
    printNote(`warning: ${message}`)
  }
  return Object.entries(servers ?? {}).map(([name, status]) => ({ name, ...(isJsonObject(status) ? status : {}) }))
}

function unreachable(url: URL, error: unknown): HostError {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${messageOf(error.cause)}` : ""
  return new HostError("SERVER_UNAVAILABLE", `${url.href} cannot be listed: ${messageOf(error)}${cause}`, {
    help: "Check the URL, and that mcp-host run serves it.",
    cause: error,
  })
}
