/** Reads the text of a client's configuration: JSON with comments and trailing commas, or TOML. The readers load on demand. */
import type { ParseError } from "jsonc-parser"
import { HostError, messageOf } from "../errors.ts"
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import type { ClientFile } from "./types.ts"

export interface ReadFile {
  readonly root: JsonObject
  readonly isToml: boolean
  /** Keys that are given twice in one object: the last one counts, as in the clients. */
  readonly doubled: readonly string[]
}

export async function readClientFile(file: ClientFile): Promise<ReadFile> {
  return file.path.toLowerCase().endsWith(".toml") ? readToml(file) : readJson(file)
}

async function readToml({ name, text }: ClientFile): Promise<ReadFile> {
  const { parse, TomlDate } = await import("smol-toml")
  const toJson = (value: unknown): JsonValue => {
    if (value instanceof TomlDate) return value.toISOString()
    if (Array.isArray(value)) return value.map(toJson)
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]))
    // What is left are texts, numbers and booleans.
    return typeof value === "bigint" ? Number(value) : (value as JsonValue)
  }
  try {
    return { root: toJson(parse(text)) as JsonObject, isToml: true, doubled: [] }
  } catch (error) {
    // Only its first line: the rest quotes the file, which may hold secrets.
    const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n")
    throw unreadable(name, `is not valid TOML: ${first}`)
  }
}

async function readJson({ name, text }: ClientFile): Promise<ReadFile> {
  const { parseTree, printParseErrorCode } = await import("jsonc-parser")
  const errors: ParseError[] = []
  let root: JsonNode | undefined
  try {
    root = parseTree(text.replace(/^\ufeff/, ""), errors, { allowTrailingComma: true })
  } catch (error) {
    // It recurses, so that only nesting can fail it.
    throw unreadable(name, `cannot be read: ${messageOf(error)}`)
  }
  const [first] = errors
  if (first !== undefined) {
    const before = text.slice(0, first.offset).split("\n")
    const place = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`
    throw unreadable(name, `is not valid JSON: ${printParseErrorCode(first.error)} at ${place}`)
  }
  const doubled: string[] = []
  const value = root === undefined ? null : toValue(root, "", doubled)
  if (!isJsonObject(value)) throw unreadable(name, "holds no JSON object")
  return { root: value, isToml: false, doubled }
}

/** The part of the library's nodes that is used here. */
interface JsonNode {
  readonly type: string
  readonly value?: unknown
  readonly children?: readonly JsonNode[]
}

function toValue(node: JsonNode, path: string, doubled: string[]): JsonValue {
  const { children = [] } = node
  if (node.type === "array") return children.map((child, index) => toValue(child, `${path}[${index}]`, doubled))
  // The other nodes are texts, numbers, booleans and null.
  if (node.type !== "object") return node.value as JsonValue
  const members = new Map<string, JsonValue>()
  for (const property of children) {
    const [key, value] = property.children ?? []
    if (value === undefined) continue
    const name = String(key?.value)
    const at = path === "" ? name : `${path}.${name}`
    if (members.has(name)) doubled.push(at)
    members.set(name, toValue(value, at, doubled))
  }
  return Object.fromEntries(members)
}

function unreadable(name: string, reason: string): HostError {
  return new HostError("CONVERT_UNREADABLE", `${name} ${reason}`)
}
