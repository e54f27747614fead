/** Cuts the text of a tool's result so that the result has no more than so many bytes as JSON. */
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"

export function jsonSize(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value))
}

/**
 * A copy whose text blocks end where the limit is, with a block that says how much is missing. Undefined when text is not
 * what makes it too large: images, embedded resources and structured content cannot be cut.
 */
export function truncated(result: JsonObject, mostBytes: number): JsonObject | undefined {
  const { content } = result
  if (!Array.isArray(content)) return undefined
  const texts = content.map((block) => (isText(block) ? block.text : undefined))
  const whole = texts.reduce<number>((sum, text = "") => sum + Buffer.byteLength(text), 0)
  const emptied = { ...result, content: [...content.map(emptyText), note(whole)] }
  let left = mostBytes - jsonSize(emptied)
  if (left < 0) return undefined
  let missing = 0
  const cut = content.flatMap((block): JsonValue[] => {
    if (!isText(block)) return [block]
    const { text, bytes } = fitting(block.text, left)
    // Nothing follows what was cut.
    left = text === block.text ? left - bytes : 0
    missing += Buffer.byteLength(block.text) - Buffer.byteLength(text)
    return text === "" && block.text !== "" ? [] : [{ ...block, text }]
  })
  return { ...result, content: [...cut, note(missing)] }
}

interface TextBlock extends JsonObject {
  type: "text"
  text: string
}

function isText(block: JsonValue): block is TextBlock {
  return isJsonObject(block) && block["type"] === "text" && typeof block["text"] === "string"
}

function emptyText(block: JsonValue): JsonValue {
  return isText(block) ? { ...block, text: "" } : block
}

function note(bytes: number): JsonObject {
  return { type: "text", text: `[${bytes} bytes of text were left out: the result was too large]` }
}

/** As much of the beginning of a text as fits as JSON, without a part of a character. */
function fitting(text: string, mostBytes: number): { readonly text: string; readonly bytes: number } {
  let bytes = 0
  for (let at = 0; at < text.length; ) {
    const point = text.codePointAt(at) ?? 0
    const more = bytesOf(point)
    if (bytes + more > mostBytes) return { text: text.slice(0, boundaryBefore(text, at)), bytes }
    bytes += more
    at += point > 0xffff ? 2 : 1
  }
  return { text, bytes }
}

/** What a code point takes in a string of JSON: some are escaped, and so is half of a surrogate pair. */
function bytesOf(point: number): number {
  if (point === 0x22 || point === 0x5c) return 2
  if (point < 0x20) return "\b\t\n\f\r".includes(String.fromCharCode(point)) ? 2 : 6
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  if (point >= 0xd800 && point <= 0xdfff) return 6
  return point > 0xffff ? 4 : 3
}

/** What people take for one character may be several code points: no more than this many units are looked at. */
const longestCharacter = 64

function boundaryBefore(text: string, at: number): number {
  const start = Math.max(0, at - longestCharacter)
  const around = text.slice(start, at + longestCharacter)
  return start + (new Intl.Segmenter().segment(around).containing(at - start)?.index ?? at - start)
}
