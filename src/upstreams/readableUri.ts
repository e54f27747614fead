/**
 * How long a URI may be that a package in this process is asked to read. The SDK's servers match it against their templates
 * with regular expressions, and one with several variables that may end anywhere makes them try every way to cut it:
 * without a bound, a client could hold up the event loop of the host with a single read.
 */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { type JsonObject, stringAt } from "../protocol/json.ts"
import type { McpRequest } from "../protocol/messages.ts"

/** Longest URI that a package is asked to read, in characters. */
const maxUriLength = 8_192
/** Ways to cut a URI that a template may have tried, which takes tenths of a second. */
const maxCuts = 100_000_000

/** Why a request is not passed to a package that lists these templates; undefined when it is. */
export function refuseUri({ method, params }: McpRequest, templates: () => readonly JsonObject[]): Error | undefined {
  const uri = method === "resources/read" ? stringAt(params, "uri") : undefined
  if (uri === undefined) return undefined
  const longest = longestUri(templates())
  if (uri.length <= longest) return undefined
  const message = `The URI has ${uri.length} characters; at most ${longest} can be read from this server`
  return new ProtocolError(rpcCodes.invalidParams, message)
}

const known = new WeakMap<readonly JsonObject[], number>()

function longestUri(templates: readonly JsonObject[]): number {
  const before = known.get(templates)
  if (before !== undefined) return before
  const lengths = templates.map((template) => longestFor(stringAt(template, "uriTemplate") ?? ""))
  const longest = Math.min(maxUriLength, ...lengths)
  known.set(templates, longest)
  return longest
}

/** An expression, and what follows it. */
const expressions = /\{(?<operator>[+#./;?&]?)[^{}]*\}(?=(?<next>.?))/gs

/** The length of a URI that has `maxCuts` ways to be cut between the variables of the template. */
function longestFor(template: string): number {
  let loose = 0
  for (const { groups = {} } of template.matchAll(expressions)) {
    const { operator = "", next = "" } = groups
    // A value of these holds neither a slash nor a comma, so there is one way to end it.
    const ends = operator !== "+" && operator !== "#" && /^(?:[/,]|)$/.test(next)
    const isQuery = operator === "?" || operator === "&"
    if (!ends && !isQuery) loose += 1
  }
  // n characters and k variables: n to the k, over k factorial.
  let ways = maxCuts
  for (let variable = 2; variable <= loose; variable += 1) ways *= variable
  return loose < 2 ? maxUriLength : Math.floor(ways ** (1 / loose))
}
