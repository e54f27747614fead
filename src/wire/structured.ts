/**
 * Structured output across generations. A server of the modern generation may give a tool an `outputSchema` of any root
 * and answer `structuredContent` of any JSON type (specification 2026-07-28, server/tools); clients of the legacy one
 * know objects only. For them both are put into an object with one member, `result`, as the SDK's own servers do.
 */
import { isJsonObject, type JsonObject, type JsonValue, objectsAt } from "../protocol/json.ts"
import { isOtherDocument, mapSchemas, withReferences } from "../protocol/jsonSchema.ts"
import type { McpResult } from "../protocol/messages.ts"
import { joined, type Pieces, slice } from "../protocol/pieces.ts"

/** What a tool's `outputSchema` says its structured results are: objects, or anything (and therefore wrapped). */
export type OutputRoot = "object" | "any"

/** Where the schema goes in the one that wraps it. */
const place = "#/properties/result"

/** True when what a session of one generation shows has to be wrapped for a client of another. */
export function wrapsOutput(sessionEra: string, clientEra: string): boolean {
  return sessionEra === "modern" && clientEra === "legacy"
}

/** Remembers what the tools of a list answer; tools without a schema are unknown. */
export function learnOutputs(list: JsonObject, outputs: Map<string, OutputRoot>): void {
  for (const { name, outputSchema } of objectsAt(list, "tools")) {
    if (typeof name !== "string") continue
    if (outputSchema === undefined) outputs.delete(name)
    else outputs.set(name, isWrapped(outputSchema) ? "any" : "object")
  }
}

/** A tool with an output schema whose root is an object; the same tool when it has one, or none at all. */
export function withObjectOutput(tool: JsonObject): JsonObject {
  const { outputSchema } = tool
  return outputSchema !== undefined && isWrapped(outputSchema)
    ? { ...tool, outputSchema: wrapSchema(outputSchema) }
    : tool
}

/** A result of `tools/call` whose structured content is an object; the same result when it is one, or absent. */
export function withObjectContent(result: McpResult, root: OutputRoot | undefined): McpResult {
  if (result.bytes !== undefined && (root === "object" || (root === undefined && !mayHoldOther(result.bytes))))
    return result
  const content = result.value["structuredContent"]
  if (content === undefined || (root !== "any" && isJsonObject(content))) return result
  return { value: { ...result.value, structuredContent: { result: content } }, holdsUris: result.holdsUris }
}

/** A schema of any root inside one whose root is an object. */
export function wrapSchema(schema: JsonValue): JsonObject {
  const dialect = isJsonObject(schema) && typeof schema["$schema"] === "string" ? { $schema: schema["$schema"] } : {}
  return { ...dialect, type: "object", properties: { result: moved(schema) }, required: ["result"] }
}

function isWrapped(schema: JsonValue): boolean {
  return isJsonObject(schema) ? schema["type"] !== "object" : typeof schema === "boolean"
}

/** A schema whose references into its own document point to where it is moved. */
function moved(root: JsonValue): JsonValue {
  if (!isJsonObject(root) || isOtherDocument(root["$id"])) return root
  // Only this dialect has `$recursiveRef`, which means `#` unless the root says that it is dynamic.
  const dialect = root["$schema"]
  const recursive = typeof dialect === "string" && dialect.includes("/2019-09/") && root["$recursiveAnchor"] !== true
  return mapSchemas(root, (schema) => {
    const copy = withReferences(schema, movedReference)
    return recursive && copy["$recursiveRef"] === "#" ? withoutRecursion(copy) : copy
  })
}

/** Names (`#name`) keep their meaning wherever they stand; pointers (`#`, `#/…`) count from the root. */
function movedReference(reference: string): string {
  if (reference !== "#" && !reference.startsWith("#/")) return reference
  return place + reference.slice(1)
}

function withoutRecursion({ $recursiveRef: _, ...schema }: JsonObject): JsonObject {
  const reference = { $ref: place }
  if (!("$ref" in schema)) return { ...schema, ...reference }
  return { ...schema, allOf: [...(Array.isArray(schema["allOf"]) ? schema["allOf"] : []), reference] }
}

const member = Buffer.from('"structuredContent"')
const [colon, brace] = [58, 123]
const blanks: readonly (number | undefined)[] = [32, 9, 10, 13]

/** False when the bytes hold no `structuredContent` that is anything but an object. Says yes where it would have to join. */
function mayHoldOther(pieces: Pieces): boolean {
  let end = 0
  return pieces.some((piece) => {
    end += piece.length
    const seam = slice(pieces, end - member.length + 1, end + member.length - 1)
    return holdsOther(piece) || (seam.length > 1 && joined(seam).includes(member))
  })
}

function holdsOther(piece: Buffer): boolean {
  const skip = (from: number): number => {
    let at = from
    while (blanks.includes(piece[at])) at += 1
    return at
  }
  for (let at = piece.indexOf(member); at !== -1; at = piece.indexOf(member, at + member.length)) {
    const after = skip(at + member.length)
    if (after === piece.length || (piece[after] === colon && piece[skip(after + 1)] !== brace)) return true
  }
  return false
}
