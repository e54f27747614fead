/**
 * The input schema of a tool whose arguments the manifest overrides. Arguments are properties of the schema itself and
 * of every schema that applies to the same object (`allOf`, `anyOf`, `if`, `$ref`, …); all of them are rewritten, and
 * references into what moved follow it. Everything else stays as the server wrote it.
 */
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue, objectAt } from "../protocol/json.ts"
import { mapSchemas } from "../protocol/jsonSchema.ts"
import type { ArgumentOverrides } from "./arguments.ts"
import {
  type Move,
  moveReferences,
  prunedDefinitions,
  referenceTo,
  resolvePointer,
  type Tokens,
  tokensOf,
} from "./pointers.ts"
import type { ArgumentOverride } from "./types.ts"

export interface RewrittenSchema {
  readonly schema: JsonObject
  /** The arguments it declares, by the server's own names. */
  readonly declared: ReadonlySet<string>
  /** Those it insists on. */
  readonly required: ReadonlySet<string>
  /** Hidden ones whose value it does not allow. */
  readonly refused: ReadonlySet<string>
}

/** Definitions that are copied for one tool; a schema that needs more is passed with references to what it says itself. */
const maxCopies = 256

/** The schema clients see, and what the server's own says of its arguments. */
export function rewriteInputSchema(schema: JsonObject, overrides: ArgumentOverrides): RewrittenSchema {
  const rewriter = new Rewriter(schema, new Map(Object.entries(overrides)))
  const { declared, required, refused } = rewriter
  return { schema: rewriter.rewritten(), declared, required, refused }
}

/** Where a schema that applies to the arguments stands, and whether it always applies. */
interface Place {
  /** Before; undefined in a copy, which nothing refers into. */
  readonly from: Tokens | undefined
  readonly to: Tokens
  readonly always: boolean
}

class Rewriter {
  readonly declared = new Set<string>()
  readonly required = new Set<string>()
  readonly refused = new Set<string>()
  readonly #root: JsonObject
  readonly #overrides: ReadonlyMap<string, ArgumentOverride>
  readonly #moves: Move[] = []
  /** Definitions to add: schemas of hidden arguments, which others may refer to, and rewritten copies. */
  readonly #added = new Map<string, JsonValue>()
  /** Names of the copies, by what was copied. */
  readonly #copies = new Map<string, string>()
  readonly #shelf: "$defs" | "definitions"
  #names = 0

  constructor(root: JsonObject, overrides: ReadonlyMap<string, ArgumentOverride>) {
    this.#root = root
    this.#overrides = overrides
    this.#shelf = isJsonObject(root["definitions"]) && !isJsonObject(root["$defs"]) ? "definitions" : "$defs"
  }

  rewritten(): JsonObject {
    const applied = this.#required(this.#schema(this.#root, { from: [], to: [], always: true }))
    if (this.#moves.length + this.#added.size === 0) return applied
    const definitions = { ...objectAt(applied, this.#shelf), ...Object.fromEntries(this.#added) }
    return prunedDefinitions(moveReferences({ ...applied, [this.#shelf]: definitions }, this.#moves))
  }

  #schema(schema: JsonObject, place: Place): JsonObject {
    const members = Object.entries(schema).map(([key, value]) => [key, this.#keyword(key, value, place)])
    const rewritten: JsonObject = Object.fromEntries(members)
    const more = [...this.#implied(schema, place), ...(this.#forbids(schema, place) ? [{ not: {} }] : [])]
    if (more.length === 0) return rewritten
    return { ...rewritten, allOf: [...(Array.isArray(rewritten["allOf"]) ? rewritten["allOf"] : []), ...more] }
  }

  #keyword(key: string, value: JsonValue, place: Place): JsonValue {
    const inside = (sub: JsonValue, at: Tokens, always = false): JsonValue =>
      isJsonObject(sub) ? this.#schema(sub, { ...below(place, at), always }) : sub
    switch (key) {
      case "$ref":
        return typeof value === "string" ? this.#reference(value, place) : value
      case "properties":
        return isJsonObject(value) ? this.#properties(value, place) : value
      case "required":
        return Array.isArray(value) ? this.#given(value, place.always) : value
      case "allOf":
      case "anyOf":
      case "oneOf":
        if (!Array.isArray(value)) return value
        return value.map((sub, at) => inside(sub, [key, String(at)], place.always && key === "allOf"))
      case "not":
      case "if":
      case "then":
      case "else":
        return inside(value, [key])
      case "dependentRequired":
      case "dependentSchemas":
      case "dependencies":
        return isJsonObject(value) ? this.#dependent(key, value, place) : value
      default:
        return value
    }
  }

  #properties(properties: JsonObject, place: Place): JsonObject {
    const shown = Object.entries(properties).flatMap(([own, schema]): [string, JsonValue][] => {
      this.declared.add(own)
      const override = this.#overrides.get(own)
      if (override === undefined) return [[own, schema]]
      const name = override.name ?? own
      const { from } = below(place, ["properties", own])
      if (from !== undefined && override.hide === true) this.#moves.push({ from, to: this.#shelve(own, schema) })
      else if (from !== undefined && name !== own) this.#moves.push({ from, to: [...place.to, "properties", name] })
      return override.hide === true ? [] : [[name, described(schema, override)]]
    })
    return Object.fromEntries(shown)
  }

  /** Keeps the schema of a hidden argument among the definitions, where no header can mirror it. */
  #shelve(own: string, schema: JsonValue): Tokens {
    const name = this.#freeName(own)
    this.#added.set(
      name,
      mapSchemas(schema, ({ "x-mcp-header": _, ...rest }) => rest),
    )
    return [this.#shelf, name]
  }

  #freeName(wanted: string): string {
    const known = objectAt(this.#root, this.#shelf) ?? {}
    let name = wanted
    while (this.#added.has(name) || Object.hasOwn(known, name)) {
      this.#names += 1
      name = `${wanted}_${this.#names}`
    }
    return name
  }

  /** Exposed names of those that clients must still give. */
  #given(names: readonly JsonValue[], always: boolean): JsonValue[] {
    return names.flatMap((own): JsonValue[] => {
      if (typeof own !== "string") return [own]
      if (always) this.required.add(own)
      const override = this.#overrides.get(own)
      if (override === undefined) return [own]
      const { hide, name = own } = override
      return hide === true || override.default !== undefined || (always && override.required === false) ? [] : [name]
    })
  }

  #dependent(key: string, value: JsonObject, place: Place): JsonObject {
    const entries = Object.entries(value).flatMap(([own, member]): [string, JsonValue][] => {
      const override = this.#overrides.get(own)
      if (override !== undefined && (override.hide === true || isAlwaysSent(override))) return []
      const name = override?.name ?? own
      if (Array.isArray(member)) return [[name, this.#given(member, false)]]
      if (!isJsonObject(member)) return [[name, member]]
      const { from } = below(place, [key, own])
      const to = [...place.to, key, name]
      if (from !== undefined && name !== own) this.#moves.push({ from, to })
      return [[name, this.#schema(member, { from, to, always: false })]]
    })
    return Object.fromEntries(entries)
  }

  /** A reference to a rewritten copy: the original may be meant for other objects too. */
  #reference(reference: string, { always }: Place): string {
    const tokens = tokensOf(reference)
    const target = tokens === undefined ? undefined : resolvePointer(this.#root, tokens)
    const id = `${always} ${reference}`
    const known = this.#copies.get(id)
    if (!isJsonObject(target) || target === this.#root || (known === undefined && this.#copies.size >= maxCopies))
      return reference
    const name = known ?? this.#freeName(tokens?.at(-1) ?? "")
    if (known === undefined) {
      this.#copies.set(id, name)
      // Takes the name, and ends the way of a definition that refers to itself.
      this.#added.set(name, {})
      this.#added.set(name, this.#schema(target, { from: undefined, to: [this.#shelf, name], always }))
    }
    return referenceTo([this.#shelf, name])
  }

  /** What depends on an argument that the server always gets. */
  #implied(schema: JsonObject, { to }: Place): JsonObject[] {
    const dependent = ["dependentRequired", "dependentSchemas", "dependencies"].flatMap((key) =>
      Object.entries(objectAt(schema, key) ?? {}).filter(([own]) => isAlwaysSent(this.#overrides.get(own) ?? {})),
    )
    return dependent.flatMap(([, member]) => {
      if (Array.isArray(member)) return [{ required: this.#given(member, false) }]
      return isJsonObject(member) ? [this.#schema(member, { from: undefined, to, always: false })] : []
    })
  }

  /** Whether no object with the hidden arguments as the server gets them would do. */
  #forbids(schema: JsonObject, { always }: Place): boolean {
    const properties = objectAt(schema, "properties") ?? {}
    const insisted = Array.isArray(schema["required"]) ? schema["required"] : []
    const hidden = [...this.#overrides].filter(([, { hide }]) => hide === true)
    return hidden.some(([own, { value }]) => {
      if (value === undefined) return insisted.includes(own)
      const refuses = Object.hasOwn(properties, own) && excludes(this.#meant(properties[own]), value)
      if (refuses && always) this.refused.add(own)
      return refuses
    })
  }

  /** The schema itself, or the one it refers to. */
  #meant(schema: JsonValue | undefined): JsonValue | undefined {
    let meant = schema
    for (let steps = 0; steps < maxCopies && isJsonObject(meant) && typeof meant["$ref"] === "string"; steps += 1) {
      const tokens = tokensOf(meant["$ref"])
      meant = tokens === undefined ? undefined : resolvePointer(this.#root, tokens)
    }
    return meant
  }

  #required(schema: JsonObject): JsonObject {
    const given = Array.isArray(schema["required"]) ? schema["required"] : []
    const more = [...this.#overrides].flatMap(([own, { name = own, required, hide }]) =>
      required === true && hide !== true && this.declared.has(own) && !given.includes(name) ? [name] : [],
    )
    return more.length === 0 ? schema : { ...schema, required: [...given, ...more] }
  }
}

function below({ from, to, always }: Place, tokens: Tokens): Place {
  return { from: from && [...from, ...tokens], to: [...to, ...tokens], always }
}

function isAlwaysSent(override: ArgumentOverride): boolean {
  return override.default !== undefined || (override.hide === true && override.value !== undefined)
}

/** Whether a schema names the values it allows, and this is none of them. */
function excludes(schema: JsonValue | undefined, value: JsonValue): boolean {
  if (!isJsonObject(schema)) return schema === false
  const allowed = "const" in schema ? [schema["const"] as JsonValue] : schema["enum"]
  return Array.isArray(allowed) && !allowed.some((each) => canonicalJson(each) === canonicalJson(value))
}

function described(schema: JsonValue, { description, default: fallback }: ArgumentOverride): JsonValue {
  if (description === undefined && fallback === undefined) return schema
  const base = isJsonObject(schema) ? schema : schema === false ? { not: {} } : {}
  return {
    ...base,
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
  }
}
