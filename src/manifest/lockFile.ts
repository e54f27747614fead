/**
 * The file beside the manifest that says what its servers offered when they were locked, in full, so that a review shows
 * what changed. Each definition has a hash beside it: a definition and its hash that do not fit were edited by hand or
 * merged wrongly, and the file is refused.
 */
import { createHash } from "node:crypto"
import { basename } from "node:path"
import { Document, type Node, Pair, parseDocument, Scalar, YAMLMap, YAMLSeq } from "yaml"
import type { LockedComponents, LockedServer } from "../composition/types.ts"
import { HostError } from "../errors.ts"
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue, objectAt, stringAt } from "../protocol/json.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"
import { readText } from "./readText.ts"
import { scan } from "./scan.ts"
import type { Lock } from "./types.ts"

const largestLock = 16 * 1024 * 1024
/** Definitions nest as deep as messages may, below a few levels of the file. */
const limits = { deepest: 256, mostTokens: 5_000_000, what: "the lock" }
const lockVersion = 1

/** What is locked; undefined when there is no such file. Throws `LOCK_INVALID`. */
export async function readLock(file: string): Promise<Lock | undefined> {
  const result = await readText(file, largestLock)
  if ("text" in result) return parseLock(result.text, file)
  if (result.code === "MANIFEST_NOT_FOUND") return undefined
  throw new HostError("LOCK_INVALID", `${basename(file)} ${result.reason}`)
}

export function parseLock(text: string, file: string): Lock {
  const refuse = (reason: string) => new HostError("LOCK_INVALID", `${basename(file)} ${reason}`)
  const unsafe = scan(text, limits)
  if (unsafe !== undefined) throw refuse(`cannot be read: ${unsafe.message}`)
  const document = parseDocument(text, { version: "1.2", schema: "core", stringKeys: true, logLevel: "silent" })
  const [error] = document.errors
  if (error !== undefined) throw refuse(`is not valid YAML: ${error.message.split("\n")[0]}`)
  const root: unknown = document.toJS({ maxAliasCount: 0 })
  if (!isJsonObject(root)) throw refuse("holds no mapping")
  if (root["lockVersion"] !== lockVersion) throw refuse(`has another lockVersion than ${lockVersion}`)
  const servers = Object.entries(objectAt(root, "servers") ?? {})
  return new Map(
    servers.map(([key, server]) => {
      if (!isJsonObject(server)) throw refuse(`: servers.${key} is no mapping`)
      return [key, toServer(server, (reason) => refuse(`: servers.${key}.${reason}`))]
    }),
  )
}

function toServer(server: JsonObject, refuse: (reason: string) => HostError): LockedServer {
  const components = kinds.map((kind) => {
    const { member, id } = kindWords[kind]
    const byKey = Object.entries(objectAt(server, member) ?? {}).map(([key, value]) => {
      const variants = Array.isArray(value) ? value : [value]
      const definitions = variants.map((variant) => {
        const definition = isJsonObject(variant) ? objectAt(variant, "definition") : undefined
        if (definition === undefined) throw refuse(`${member}.${key} has no definition`)
        const whole: JsonObject = { [id]: key, ...definition }
        const text = canonicalJson(whole)
        if (stringAt(variant as JsonObject, "hash") !== hashOf(kind, text))
          throw refuse(`${member}.${key} does not fit its hash`)
        return [text, whole] as const
      })
      return [key, new Map(definitions)] as const
    })
    return [kind, new Map(byKey)] as const
  })
  const [name, version, instructions] = [
    stringAt(server, "name"),
    stringAt(server, "version"),
    stringAt(server, "instructions"),
  ]
  return {
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(instructions !== undefined && { instructions }),
    components: Object.fromEntries(components) as unknown as LockedComponents,
  }
}

function hashOf(kind: Kind, text: string): string {
  return `sha256-${createHash("sha256").update(`${kind}\n${text}`).digest("base64url")}`
}

const head = ` What the servers offered when they were locked. mcp-host lock writes this file: review its changes like code.
 mcp-host diff shows what is different now.`

export function renderLock(lock: Lock): string {
  const servers = [...lock].map(([key, server]) => new Pair(toNode(key), serverNode(server)))
  const root = new YAMLMap()
  root.items.push(new Pair(toNode("lockVersion"), toNode(lockVersion)), new Pair(toNode("servers"), mapNode(servers)))
  const document = new Document(null, { version: "1.2" })
  document.contents = root as unknown as typeof document.contents
  document.commentBefore = head
  const text = document.toString({ lineWidth: 0, blockQuote: "literal" })
  // Only texts in double quotes hold such characters, and there they can be escaped.
  return text.replace(allHidden, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
  })
}

function serverNode({ name, version, instructions, components }: LockedServer): YAMLMap {
  const facts = Object.entries({ name, version, instructions }).flatMap(([key, value]) =>
    value === undefined ? [] : [new Pair(toNode(key), toNode(value))],
  )
  const lists = kinds.flatMap((kind) => {
    const byKey = [...components[kind]].sort(([one], [other]) => (one < other ? -1 : 1))
    const pairs = byKey.map(([key, definitions]) => new Pair(toNode(key), variantsNode(kind, definitions)))
    return pairs.length === 0 ? [] : [new Pair(toNode(kindWords[kind].member), mapNode(pairs))]
  })
  return mapNode([...facts, ...lists])
}

function variantsNode(kind: Kind, definitions: ReadonlyMap<string, JsonObject>): Node {
  const nodes = [...definitions]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([text, definition]) => {
      const { [kindWords[kind].id]: _id, ...rest } = definition
      return mapNode([
        new Pair(toNode("hash"), toNode(hashOf(kind, text))),
        new Pair(toNode("definition"), toNode(rest)),
      ])
    })
  const [only] = nodes
  if (nodes.length === 1 && only !== undefined) return only
  const list = new YAMLSeq()
  list.items.push(...nodes)
  return list
}

function mapNode(pairs: readonly Pair<Node, Node>[]): YAMLMap {
  const map = new YAMLMap()
  map.items.push(...pairs)
  return map
}

/** What a reader of the file would not see, or would see elsewhere than it is: control, format and ignorable characters. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/u
const allHidden = new RegExp(`(?!\\n)${hidden.source}`, "gu")

/** A line of nothing but blanks, which a block of text would lose. */
const blankLine = /(^|\n)[ \t]+(\n|$)/

/** Members sorted, so that equal definitions give equal text. */
function toNode(value: JsonValue): Node {
  if (Array.isArray(value)) {
    const list = new YAMLSeq()
    list.items.push(...value.map(toNode))
    return list
  }
  if (isJsonObject(value))
    return mapNode(
      Object.keys(value)
        .sort()
        .map((key) => new Pair(toNode(key), toNode(value[key] as JsonValue))),
    )
  const scalar = new Scalar(value)
  if (typeof value === "string" && (hidden.test(value.replaceAll("\n", "")) || blankLine.test(value)))
    scalar.type = Scalar.QUOTE_DOUBLE
  return scalar
}
