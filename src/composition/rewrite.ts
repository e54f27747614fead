/**
 * Rewrites the URIs at their places in payloads, and nothing else. Copy on write: the same object comes back when
 * nothing changes, what is not known survives, and no input is changed. Text, structured content, blobs and arguments
 * are never looked into. Which way the URIs go is up to `map`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"

export type UriMap = (uri: string) => string

type Rewrite = (value: JsonValue) => JsonValue

/** A result of `method`, in whichever direction it travels. */
export function rewriteResult(method: string, value: JsonObject, map: UriMap): JsonObject {
  const result = rewriteMetaUris(value, map)
  if (result["resultType"] === "input_required") {
    return withMember(result, "inputRequests", (requests) => mapMembers(requests, (each) => inputRequest(each, map)))
  }
  switch (method) {
    case "resources/read":
      return withMember(result, "contents", (contents) => mapItems(contents, (each) => resourceContents(each, map)))
    case "tools/call":
    case "tasks/result":
    case "sampling/createMessage":
      return withMember(result, "content", (content) => contentBlocks(content, map))
    case "tasks/get":
      return rewriteTask(result, map)
    case "prompts/get":
      return withMember(result, "messages", (messages) => contentMessages(messages, map))
    default:
      return result
  }
}

/** A task with what it waits for or came to (SEP-2663, `DetailedTask`): only tools run as tasks. */
function rewriteTask(task: JsonObject, map: UriMap): JsonObject {
  const asking = withMember(task, "inputRequests", (requests) =>
    mapMembers(requests, (each) => inputRequest(each, map)),
  )
  const ended = withMember(asking, "result", (result) =>
    isJsonObject(result) ? rewriteResult("tools/call", result, map) : result,
  )
  return withMember(ended, "error", (error) =>
    isJsonObject(error) ? withMember(error, "data", (data) => rewriteErrorData(data, map) ?? data) : error,
  )
}

/** The params of a request, from a client or to one. */
export function rewriteRequestParams(method: string, params: JsonObject, map: UriMap): JsonObject {
  const request = withMember(params, "inputResponses", (responses) =>
    mapMembers(responses, (each) => inputResponse(each, map)),
  )
  switch (method) {
    case "resources/read":
    case "resources/subscribe":
    case "resources/unsubscribe":
      return withMember(request, "uri", (uri) => mapped(uri, map))
    case "completion/complete":
      return withMember(request, "ref", (ref) =>
        isJsonObject(ref) && ref["type"] === "ref/resource" ? withMember(ref, "uri", (uri) => mapped(uri, map)) : ref,
      )
    case "sampling/createMessage":
      return withMember(request, "messages", (messages) => contentMessages(messages, map))
    default:
      return request
  }
}

/** The params of a notification. */
export function rewriteNotification(method: string, params: JsonObject, map: UriMap): JsonObject {
  if (method === "notifications/tasks") return rewriteTask(params, map)
  if (method !== "notifications/resources/updated") return params
  return withMember(params, "uri", (uri) => mapped(uri, map))
}

/** The `data` of an error: its `uri` is one a client can see. */
export function rewriteErrorData(data: JsonValue | undefined, map: UriMap): JsonValue | undefined {
  return isJsonObject(data) ? withMember(data, "uri", (uri) => mapped(uri, map)) : data
}

/** The URIs in an object's `_meta` that name the page to show it with (MCP Apps). */
export function rewriteMetaUris(value: JsonObject, map: UriMap): JsonObject {
  if (value["_meta"] === undefined) return value
  return withMember(value, "_meta", (meta) => {
    if (!isJsonObject(meta)) return meta
    const nested = withMember(meta, "ui", (ui) =>
      isJsonObject(ui) ? withMember(ui, "resourceUri", (uri) => mapped(uri, map)) : ui,
    )
    const flat = withMember(nested, "ui/resourceUri", (uri) => mapped(uri, map))
    return withMember(flat, "openai/outputTemplate", (uri) => mapped(uri, map))
  })
}

/** One `{ method, params }` that a server wants the client to answer. */
function inputRequest(value: JsonValue, map: UriMap): JsonValue {
  if (!isJsonObject(value)) return value
  const method = typeof value["method"] === "string" ? value["method"] : ""
  return withMember(value, "params", (params) =>
    isJsonObject(params) ? rewriteRequestParams(method, params, map) : params,
  )
}

/** A bare result. Only a sampled message has a role; what a form was filled in with (`action`) is the user's data. */
function inputResponse(value: JsonValue, map: UriMap): JsonValue {
  const isMessage = isJsonObject(value) && typeof value["role"] === "string" && value["action"] === undefined
  return isMessage ? rewriteResult("sampling/createMessage", value, map) : value
}

function contentMessages(messages: JsonValue, map: UriMap): JsonValue {
  return mapItems(messages, (message) =>
    isJsonObject(message) ? withMember(message, "content", (content) => contentBlocks(content, map)) : message,
  )
}

/** One block or several, as the method allows. */
function contentBlocks(content: JsonValue, map: UriMap): JsonValue {
  return Array.isArray(content) ? mapItems(content, (each) => contentBlock(each, map)) : contentBlock(content, map)
}

function contentBlock(value: JsonValue, map: UriMap): JsonValue {
  if (!isJsonObject(value)) return value
  const block = rewriteMetaUris(value, map)
  switch (block["type"]) {
    case "resource_link":
      return withMember(block, "uri", (uri) => mapped(uri, map))
    case "resource":
      return withMember(block, "resource", (resource) => resourceContents(resource, map))
    case "tool_result":
      return withMember(block, "content", (content) => contentBlocks(content, map))
    default:
      return block
  }
}

function resourceContents(value: JsonValue, map: UriMap): JsonValue {
  if (!isJsonObject(value)) return value
  return withMember(rewriteMetaUris(value, map), "uri", (uri) => mapped(uri, map))
}

function mapped(value: JsonValue, map: UriMap): JsonValue {
  return typeof value === "string" ? map(value) : value
}

/** The same object with one member rewritten; a copy when that changes it. */
export function withMember(value: JsonObject, key: string, rewrite: Rewrite): JsonObject {
  const member = Object.hasOwn(value, key) ? value[key] : undefined
  if (member === undefined) return value
  const next = rewrite(member)
  return next === member ? value : { ...value, [key]: next }
}

function mapMembers(value: JsonValue, rewrite: Rewrite): JsonValue {
  if (!isJsonObject(value)) return value
  let copy = value
  // Keys are the server's own words, `__proto__` included: assigning them would lose that one.
  for (const [key, member] of Object.entries(value)) {
    const next = rewrite(member)
    if (next === member) continue
    if (copy === value) copy = { ...value }
    Object.defineProperty(copy, key, { value: next, enumerable: true, writable: true, configurable: true })
  }
  return copy
}

/** The same array with its items rewritten; a copy when that changes it. */
export function mapItems(value: JsonValue, rewrite: Rewrite): JsonValue {
  if (!Array.isArray(value)) return value
  let copy = value
  for (const [index, item] of value.entries()) {
    const next = rewrite(item)
    if (next === item) continue
    if (copy === value) copy = [...value]
    copy[index] = next
  }
  return copy
}
