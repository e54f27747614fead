/** References inside one JSON Schema document: JSON Pointers in a URI fragment (RFC 6901 section 6). */
import { isJsonObject, type JsonObject, type JsonValue, objectAt } from "../protocol/json.ts"
import { mapSchemas, withReferences } from "../protocol/jsonSchema.ts"

export type Tokens = readonly string[]

export interface Move {
  readonly from: Tokens
  readonly to: Tokens
}

/** The tokens of a reference that points into the document; undefined for anchors and other documents. */
export function tokensOf(reference: string): Tokens | undefined {
  if (reference === "#") return []
  if (!reference.startsWith("#/")) return undefined
  try {
    return reference
      .slice(2)
      .split("/")
      .map((token) => decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~"))
  } catch {
    // Not percent-encoding: it points nowhere.
    return undefined
  }
}

/** What a pointer points at, or undefined. */
export function resolvePointer(document: JsonValue, tokens: Tokens): JsonValue | undefined {
  let value: JsonValue | undefined = document
  for (const token of tokens) {
    if (Array.isArray(value)) value = value[Number(token)]
    else value = isJsonObject(value) && Object.hasOwn(value, token) ? value[token] : undefined
  }
  return value
}

/** The schema with every reference into what moved pointing to where it is now. */
export function moveReferences(schema: JsonObject, moves: readonly Move[]): JsonObject {
  const targets = new Map(moves.map(({ from, to }) => [referenceTo(from), to]))
  const moved = (reference: string): string => {
    const tokens = tokensOf(reference)
    // The longest way that moved counts.
    for (let length = tokens?.length ?? 0; tokens !== undefined && length > 0; length -= 1) {
      const to = targets.get(referenceTo(tokens.slice(0, length)))
      if (to !== undefined) return referenceTo([...to, ...tokens.slice(length)])
    }
    return reference
  }
  return mapSchemas(schema, (each) => withReferences(each, moved)) as JsonObject
}

/** The reference that points there. */
export function referenceTo(tokens: Tokens): string {
  return tokens.reduce((text, token) => `${text}/${encoded(token.replaceAll("~", "~0").replaceAll("/", "~1"))}`, "#")
}

/** As a fragment has it; half of a surrogate pair, which no URI can hold, gets a stand-in. */
function encoded(token: string): string {
  return encodeURI(token.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("#", "%23")
}

const shelves = ["$defs", "definitions"] as const

/** The schema without definitions that nothing in it refers to any more; those that can be named otherwise stay. */
export function prunedDefinitions(schema: JsonObject): JsonObject {
  const { $defs: _, definitions: __, ...body } = schema
  const definitions = new Map<string, JsonValue>(
    shelves.flatMap((shelf) =>
      Object.entries(objectAt(schema, shelf) ?? {}).map(([name, each]) => [referenceTo([shelf, name]), each] as const),
    ),
  )
  const reached = new Set<string>()
  const open: JsonValue[] = [body]
  const reach = (reference: string): void => {
    const definition = definitions.get(reference)
    if (definition === undefined || reached.has(reference)) return
    reached.add(reference)
    open.push(definition)
  }
  for (const [reference, definition] of definitions) if (hasOtherNames(definition)) reach(reference)
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    mapSchemas(each, (inner) =>
      withReferences(inner, (reference) => {
        reach(referenceTo((tokensOf(reference) ?? []).slice(0, 2)))
        return reference
      }),
    )
  }
  const kept = shelves.flatMap((shelf): [string, JsonObject][] => {
    const entries = Object.entries(objectAt(schema, shelf) ?? {}).filter(([name]) =>
      reached.has(referenceTo([shelf, name])),
    )
    return entries.length === 0 ? [] : [[shelf, Object.fromEntries(entries)]]
  })
  return { ...body, ...Object.fromEntries(kept) }
}

/** Whether something inside is found by an anchor or an `$id`. */
function hasOtherNames(definition: JsonValue): boolean {
  return /"\$(id|anchor|dynamicAnchor|recursiveAnchor)":/.test(JSON.stringify(definition))
}
