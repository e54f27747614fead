/** What became of a request, in words that metrics, logs and traces share. There are few: they are values of a label. */
import { ProtocolError, rpcCodes, type WireErrorName, wireErrors } from "../protocol/errors.ts"
import { isJsonObject, stringAt } from "../protocol/json.ts"
import type { Context, McpResult } from "../protocol/messages.ts"

const byCode: ReadonlyMap<number, string> = new Map<number, string>([
  ...Object.entries(wireErrors).map(([name, { code }]): [number, string] => [
    code,
    name satisfies string as WireErrorName,
  ]),
  ...Object.entries(rpcCodes).map(([name, code]): [number, string] => [code, inCapitals(name)]),
])

/** Every outcome there is. */
export const outcomes: readonly string[] = [
  ...["ok", "tool_error", "input_required", "cancelled"],
  ...byCode.values(),
  "other",
]

export function outcomeOf(result: McpResult): string {
  const { bytes } = result
  // A large result is not parsed for this: its members are looked for where servers put them.
  if (bytes !== undefined) return hasErrorFlag(bytes) ? "tool_error" : "ok"
  if (result.value["isError"] === true) return "tool_error"
  return result.value["resultType"] === "input_required" ? "input_required" : "ok"
}

export function outcomeOfError(error: unknown, { cancellation, signal }: Context): string {
  if (cancellation?.cancelled ?? signal.aborted) return "cancelled"
  if (!(error instanceof ProtocolError)) return inCapitals("internalError")
  return byCode.get(error.code) ?? "other"
}

/** The server that an error of the host names. */
export function serverOfError(error: unknown): string | undefined {
  if (!(error instanceof ProtocolError) || !isJsonObject(error.data)) return undefined
  return stringAt(error.data, "server")
}

const methods: ReadonlySet<string> = new Set([
  ...["initialize", "server/discover", "ping", "logging/setLevel", "completion/complete"],
  ...["tools/list", "tools/call", "prompts/list", "prompts/get"],
  ...["resources/list", "resources/templates/list", "resources/read", "resources/subscribe", "resources/unsubscribe"],
  ...["subscriptions/listen", "tasks/get", "tasks/update", "tasks/result", "tasks/list", "tasks/cancel"],
])

/** The method, if it is one of the protocol's; clients may send any text. */
export function methodLabel(method: string): string {
  return methods.has(method) ? method : "other"
}

const flag = '"isError":true'

function hasErrorFlag(bytes: NonNullable<McpResult["bytes"]>): boolean {
  const [first] = bytes
  const last = bytes.at(-1)
  if (first === undefined || last === undefined) return false
  const size = flag.length + 1
  return first.toString("latin1", 0, size) === `{${flag}` || last.toString("latin1", last.length - size) === `${flag}}`
}

/** `invalidParams` becomes `INVALID_PARAMS`, like the names of the host's own errors. */
function inCapitals(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}
