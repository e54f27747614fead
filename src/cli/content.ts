/** Results of servers as text: what is text is printed as it is, everything else in a word. */
import { isJsonObject, type JsonObject, objectAt, objectsAt, stringAt } from "../protocol/json.ts"

/** The content of a tool's result; its structured content when it has no other. */
export function toolText(result: JsonObject): string {
  const blocks = objectsAt(result, "content")
  if (blocks.length > 0) return blocks.map(blockText).join("\n")
  const structured = result["structuredContent"]
  if (structured !== undefined) return JSON.stringify(structured, null, 2)
  return result["resultType"] === "input_required"
    ? "[the tool asks for input, which the command line cannot give]"
    : ""
}

/** The messages of a prompt, each under its role. */
export function promptText(result: JsonObject): string {
  return objectsAt(result, "messages")
    .map((message) => {
      const { content } = message
      const blocks = Array.isArray(content) ? content : [content]
      const texts = blocks.map((block) => (isJsonObject(block) ? blockText(block) : ""))
      return `[${stringAt(message, "role") ?? "?"}]\n${texts.join("\n")}`
    })
    .join("\n\n")
}

/** What a resource holds: its text, or the bytes of a single blob. */
export function resourceContents(result: JsonObject): string | Uint8Array {
  const contents = objectsAt(result, "contents")
  const [only, ...others] = contents
  const blob = only === undefined || others.length > 0 ? undefined : stringAt(only, "blob")
  if (blob !== undefined) return Buffer.from(blob, "base64")
  return contents.map((each) => stringAt(each, "text") ?? resourceWord(each)).join("\n")
}

function blockText(block: JsonObject): string {
  const type = stringAt(block, "type") ?? "unknown content"
  const text = stringAt(block, "text")
  if (type === "text" && text !== undefined) return text
  if (type === "resource_link") return words("link", stringAt(block, "uri"), stringAt(block, "name"))
  if (type === "resource") return resourceWord(objectAt(block, "resource") ?? {})
  return words(type, stringAt(block, "mimeType"), bytesWord(stringAt(block, "data")))
}

function resourceWord(resource: JsonObject): string {
  const text = stringAt(resource, "text")
  const size = text === undefined ? bytesWord(stringAt(resource, "blob")) : `${text.length} characters`
  return words("resource", stringAt(resource, "uri"), stringAt(resource, "mimeType"), size)
}

function bytesWord(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : `${Buffer.byteLength(base64, "base64")} bytes`
}

function words(...parts: readonly (string | undefined)[]): string {
  return `[${parts.filter((part) => part !== undefined && part !== "").join(", ")}]`
}
