/** The backends that Keyv's adapters reach, by the scheme of their URI. */
import { keyvPeer, type Peer } from "./peers.ts"

export interface KeyvBackend {
  readonly schemes: readonly string[]
  readonly adapter: Peer
  /** What the adapter's constructor takes, from the URI of the manifest. */
  optionsOf(uri: string): unknown
  /** Milliseconds after which the backend itself may forget; the record's own time is kept beside its value. */
  readonly nativeTtl: (ttlMs: number | undefined) => number | undefined
}

/** Memcached takes more than thirty days for a date, and nothing for ever. */
const longestMemcacheMs = 30 * 24 * 60 * 60 * 1000
/** The adapter forgets after six hours what is given no time. */
const dynamoForeverMs = 100 * 365 * 24 * 60 * 60 * 1000

const sameTime = (ttlMs: number | undefined): number | undefined => ttlMs
const sameUri = (uri: string): string => uri

const backends: readonly KeyvBackend[] = [
  backend(["postgres", "postgresql"], "@keyv/postgres", "2.2.3"),
  backend(["mysql"], "@keyv/mysql", "2.1.10"),
  backend(["mongodb", "mongodb+srv"], "@keyv/mongo", "3.1.0"),
  backend(["sqlite"], "@keyv/sqlite", "4.0.8"),
  backend(["valkey", "valkeys"], "@keyv/valkey", "1.0.11", { optionsOf: (uri) => uri.replace(/^valkey/, "redis") }),
  backend(["etcd"], "@keyv/etcd", "2.1.1"),
  backend(["memcache", "memcached"], "@keyv/memcache", "2.0.2", {
    optionsOf: withoutScheme,
    nativeTtl: (ttlMs) => (ttlMs === undefined || ttlMs > longestMemcacheMs ? undefined : Math.max(1000, ttlMs)),
  }),
  backend(["dynamo", "dynamodb"], "@keyv/dynamo", "1.2.4", {
    optionsOf: dynamoOptions,
    nativeTtl: (ttlMs = dynamoForeverMs) => ttlMs,
  }),
]

function backend(
  schemes: readonly string[],
  name: string,
  version: string,
  own: Partial<Pick<KeyvBackend, "optionsOf" | "nativeTtl">> = {},
): KeyvBackend {
  return { schemes, adapter: { name, version }, optionsOf: sameUri, nativeTtl: sameTime, ...own }
}

export const keyvSchemes: readonly string[] = backends.flatMap(({ schemes }) => schemes)

export function keyvBackendOf(uri: string): KeyvBackend | undefined {
  const scheme = uri.slice(0, uri.indexOf(":")).toLowerCase()
  return backends.find(({ schemes }) => schemes.includes(scheme))
}

/** For a table of what there is. */
export const keyvInstalls: readonly { readonly schemes: readonly string[]; readonly command: string }[] = backends.map(
  ({ schemes, adapter }) => ({
    schemes,
    command: `npm install ${[keyvPeer, adapter].map(({ name, version }) => `${name}@${version}`).join(" ")}`,
  }),
)

function withoutScheme(uri: string): string {
  return uri.replace(/^[a-z]+:\/\//i, "")
}

/** `dynamo://<region>/<table>`, or `dynamo://<host>:<port>/<table>` for a local server. Credentials are the SDK's own business. */
function dynamoOptions(uri: string): Record<string, string> {
  const [where = "", table] = withoutScheme(uri).split("/")
  const place: Record<string, string> = where.includes(":")
    ? { endpoint: `http://${where}`, region: "local" }
    : { region: where }
  return { ...place, ...(table !== undefined && table !== "" && { tableName: table }) }
}
