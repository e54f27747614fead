/** What `inspect`, `call`, `read` and `prompt` share: finding a component, and failing well when there is none. */
import type { Catalog, Component } from "../composition/types.ts"
import { HostError } from "../errors.ts"
import { isHostError, ProtocolError, rpcCodes, wireErrors } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, stringAt } from "../protocol/json.ts"
import type { Kind } from "../protocol/methods.ts"
import { kindNames } from "./kinds.ts"
import { didYouMean, nearest } from "./suggest.ts"

/** The component exposed as `key`, or the only one whose server calls it so, as the host itself routes. */
export function findComponent(catalog: Catalog, key: string, kinds: readonly Kind[]): Component | undefined {
  for (const kind of kinds) {
    const exposed = catalog.resolve(kind, key)
    if (exposed !== undefined) return exposed
  }
  for (const kind of kinds) {
    const [only, ...others] = catalog.resolveBareName(kind, key)
    if (only !== undefined && others.length === 0) return only
  }
  return undefined
}

export function unknownComponent(catalog: Catalog, key: string, kinds: readonly Kind[]): HostError {
  const all = kinds.flatMap((kind) => catalog.list(kind))
  const namesakes = all.filter(({ origin }) => origin.key === key).map((component) => component.key)
  const what = kinds.length === 1 ? kindNames[kinds[0] ?? "tool"].one : "tool, resource, template or prompt"
  const near = nearest(
    key,
    all.map((component) => component.key),
  )
  const own = nearest(
    key,
    all.map(({ origin }) => origin.key),
  )
  const meant = all.filter(({ origin }) => own.includes(origin.key)).map((component) => component.key)
  const candidates = [...new Set([...namesakes, ...near, ...meant])].slice(0, 3)
  return new HostError("COMPONENT_UNKNOWN", `There is no ${what} ${JSON.stringify(key)}`, {
    help: didYouMean(candidates) ?? "See what there is with mcp-host list.",
  })
}

const unknownCodes: readonly number[] = [rpcCodes.invalidParams, rpcCodes.resourceNotFound]

export interface Wanted {
  readonly key: string
  readonly kinds: readonly Kind[]
  /** Whether the catalogue has it; without it an "invalid params" means that it is unknown. */
  readonly known: boolean
}

/** The error of a request, as the command line tells it. */
export function callFailure(error: unknown, catalog: Catalog, { key, kinds, known }: Wanted): unknown {
  if (!(error instanceof ProtocolError)) return error
  if (!known && unknownCodes.includes(error.code)) return unknownComponent(catalog, key, kinds)
  const data = isJsonObject(error.data) ? error.data : undefined
  const name = isHostError(error)
    ? Object.entries(wireErrors).find(([, row]) => row.code === error.code)?.[0]
    : undefined
  const code = name === undefined ? String(error.code) : `${error.code} ${name}`
  return new HostError("CALL_FAILED", `${error.message} (${code})`, {
    help: name === undefined || data === undefined ? undefined : stringAt(data, "help"),
    cause: error,
  })
}

/** A request that wants to hear of progress. */
export function withProgress(params: JsonObject): JsonObject {
  return { ...params, _meta: { progressToken: 1 } }
}

/** A list that a server of the manifest makes fail (`onDown: fail`). */
export function unavailable(error: ProtocolError): HostError {
  return new HostError("SERVER_UNAVAILABLE", error.message, { cause: error })
}
