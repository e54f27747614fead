/**
 * The HTTP headers that mirror a modern message (specification 2026-07-28, basic/transports/streamable-http,
 * "Request Metadata"): written for upstreams, checked for clients, by the same functions.
 */
import { isJsonObject, type JsonObject, type JsonValue, objectAt, stringAt } from "../protocol/json.ts"
import { latestModern } from "./eras/versions.ts"

/** Header name part → the property path of the argument it mirrors. */
export type HeaderPaths = ReadonlyMap<string, readonly string[]>

const nameSource: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  // SEP-2663, "Streamable HTTP: Routing Headers".
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
}

/** What `Mcp-Name` must say for a request; undefined when the method has no such header. */
export function mcpName(method: string, params: JsonObject): string | undefined {
  const source = nameSource[method]
  return source === undefined ? undefined : stringAt(params, source)
}

/** The headers of a modern message; `paths` are those of the tool it calls. */
export function modernHeaders(
  method: string,
  params: JsonObject,
  paths: HeaderPaths | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { "mcp-protocol-version": latestModern, "mcp-method": method }
  const name = mcpName(method, params)
  if (name !== undefined) headers["mcp-name"] = encodeHeader(name)
  for (const [header, path] of paths ?? []) {
    const value = argumentAt(params, path)
    if (value !== undefined) headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(value)
  }
  return headers
}

/** What is wrong with the `Mcp-Param-*` headers of a request, or undefined when they mirror its arguments. */
export function paramMismatch(
  params: JsonObject,
  paths: HeaderPaths,
  header: (name: string) => string | undefined,
): string | undefined {
  for (const [name, path] of paths) {
    const expected = argumentAt(params, path)
    const given = header(`mcp-param-${name.toLowerCase()}`)
    if (expected === undefined && given === undefined) continue
    if (given === undefined) return `Mcp-Param-${name} header is missing`
    const decoded = decodeHeader(given)
    if (decoded === undefined) return `Mcp-Param-${name} header is malformed`
    if (decoded === expected || (expected !== undefined && sameInteger(decoded, expected))) continue
    return `Mcp-Param-${name} header does not match the argument ${path.join(".")}`
  }
  return undefined
}

/** The `x-mcp-header` parameters of a tool, or a reason why its annotations are invalid. */
export function headerPathsOf(tool: JsonObject): HeaderPaths | { readonly invalid: string } {
  const schema = objectAt(tool, "inputSchema")
  const paths = new Map<string, readonly string[]>()
  if (schema === undefined || !JSON.stringify(schema).includes('"x-mcp-header"')) return paths
  const seen = new Set<string>()
  const invalid = collect(schema, [], (name, path, type) => {
    if (typeof name !== "string" || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      return `x-mcp-header ${JSON.stringify(name)} is not a header name`
    if (seen.has(name.toLowerCase())) return `x-mcp-header ${name} is given twice`
    if (type !== "string" && type !== "integer" && type !== "boolean")
      return `x-mcp-header ${name} is on a parameter that is no string, integer or boolean`
    seen.add(name.toLowerCase())
    paths.set(name, path)
    return undefined
  })
  return invalid === undefined ? paths : { invalid }
}

type Visit = (name: JsonValue, path: readonly string[], type: JsonValue | undefined) => string | undefined

/** Visits annotations reachable through `properties` only; one anywhere else makes the tool invalid. */
function collect(schema: JsonObject, path: readonly string[], visit: Visit): string | undefined {
  if ("x-mcp-header" in schema) {
    if (path.length === 0) return "x-mcp-header on the schema itself"
    const problem = visit(schema["x-mcp-header"] as JsonValue, path, schema["type"])
    if (problem !== undefined) return problem
  }
  for (const [key, member] of Object.entries(schema)) {
    if (key === "properties" && isJsonObject(member)) {
      for (const [name, property] of Object.entries(member)) {
        const problem = isJsonObject(property) ? collect(property, [...path, name], visit) : undefined
        if (problem !== undefined) return problem
      }
    } else if (typeof member === "object" && containsAnnotation(member))
      return `x-mcp-header under ${key} cannot be mirrored`
  }
  return undefined
}

function containsAnnotation(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(containsAnnotation)
  if (!isJsonObject(value)) return false
  return "x-mcp-header" in value || Object.values(value).some(containsAnnotation)
}

/** The argument at a path as header text, or undefined when it is absent or null. */
function argumentAt(params: JsonObject, path: readonly string[]): string | undefined {
  let value: JsonValue | undefined = params["arguments"]
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined
}

function sameInteger(a: string, b: string): boolean {
  return /^-?\d+(\.0+)?$/.test(a) && /^-?\d+(\.0+)?$/.test(b) && Number(a) === Number(b)
}

const sentinel = /^=\?base64\?(.*)\?=$/

function encodeHeader(value: string): string {
  const plain = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(value) && !sentinel.test(value)
  return plain ? value : `=?base64?${Buffer.from(value, "utf8").toString("base64")}?=`
}

/** The value a header carries, or undefined when it is no Base64 or holds characters no header may. */
export function decodeHeader(value: string): string | undefined {
  const encoded = sentinel.exec(value)?.[1]
  if (encoded !== undefined) {
    const bytes = Buffer.from(encoded, "base64")
    // The decoder takes anything; only the one way to write these bytes is right.
    return bytes.toString("base64") === encoded ? bytes.toString("utf8") : undefined
  }
  return /^[\x20-\x7e\t]*$/.test(value) ? value : undefined
}

/** The trace context of a message as HTTP has it (W3C Trace Context, section 3). */
export function traceHeaders(message: JsonObject): Record<string, string> {
  const meta = objectAt(objectAt(message, "params") ?? {}, "_meta") ?? {}
  const names = ["traceparent", "tracestate"].filter((name) => /^[\x20-\x7e]+$/.test(stringAt(meta, name) ?? ""))
  return Object.fromEntries(names.map((name) => [name, stringAt(meta, name) ?? ""]))
}
