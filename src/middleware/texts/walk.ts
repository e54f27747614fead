/**
 * Changes the texts in what passes through the host, and nothing else. Of a payload of the protocol that is what people
 * and models read; what identifies something (URIs, ids, cursors) stays, for it would not be found again, and so do
 * blobs. Of free data, such as arguments and structured content, it is every text. What does not change is shared.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../protocol/json.ts"

export interface TextChanger {
  text(text: string): string
  /** Numbers of free data. */
  number?(value: number): JsonValue
  /** Replaces the value of a member of free data whole; undefined looks inside. */
  member?(key: string, value: JsonValue): JsonValue | undefined
}

/** Members of payloads that identify something, or say what kind of thing it is. */
const kept: ReadonlySet<string> = new Set([
  ...["uri", "uriTemplate", "url", "blob", "mimeType", "type", "role", "method", "level"],
  ...["resultType", "requestState", "taskId", "cursor", "nextCursor", "progressToken", "requestId"],
  ...["elicitationId", "toolUseId", "id", "status", "cacheScope", "traceparent", "tracestate"],
])

/** Members of payloads that hold free data; `data` is that of log messages. */
const free: ReadonlySet<string> = new Set(["structuredContent", "arguments", "argument", "data", "input", "metadata"])

/** A payload as the protocol describes it: a result, the params of a notification, an error. */
export function changePayload<T extends JsonValue>(value: T, changer: TextChanger): T {
  return change(value, changer, payloadMember) as T
}

/** Data that the protocol says nothing about. */
export function changeData<T extends JsonValue>(value: T, changer: TextChanger): T {
  return change(value, changer, dataMember) as T
}

type ChangeMember = (key: string, value: JsonValue, changer: TextChanger, holder: JsonObject) => JsonValue

/** `type` says what is in `data` of content: bytes of an image or a sound. */
const payloadMember: ChangeMember = (key, value, changer, holder) => {
  if (kept.has(key) && typeof value !== "object") return value
  if (key === "data" && (holder["type"] === "image" || holder["type"] === "audio")) return value
  // Of the protocol itself.
  if (key.startsWith("io.modelcontextprotocol/")) return value
  // What a person filled in; content of messages has a type.
  if (key === "content" && isJsonObject(value) && !("type" in value)) return changeData(value, changer)
  return free.has(key) ? changeData(value, changer) : change(value, changer, payloadMember)
}

const dataMember: ChangeMember = (key, value, changer) =>
  changer.member?.(key, value) ?? change(value, changer, dataMember)

function change(value: JsonValue, changer: TextChanger, ofMember: ChangeMember): JsonValue {
  if (typeof value === "string") return changer.text(value)
  if (typeof value === "number") return ofMember === dataMember ? (changer.number?.(value) ?? value) : value
  if (Array.isArray(value)) return changeItems(value, changer, ofMember)
  return isJsonObject(value) ? changeMembers(value, changer, ofMember) : value
}

function changeItems(items: JsonValue[], changer: TextChanger, ofMember: ChangeMember): JsonValue[] {
  let copy: JsonValue[] | undefined
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at] as JsonValue
    const changed = change(item, changer, ofMember)
    if (changed === item) continue
    copy ??= [...items]
    copy[at] = changed
  }
  return copy ?? items
}

function changeMembers(value: JsonObject, changer: TextChanger, ofMember: ChangeMember): JsonObject {
  let copy: JsonObject | undefined
  for (const key of Object.keys(value)) {
    const member = value[key] as JsonValue
    const changed = ofMember(key, member, changer, value)
    if (changed === member) continue
    copy ??= { ...value }
    copy[key] = changed
  }
  return copy ?? value
}
