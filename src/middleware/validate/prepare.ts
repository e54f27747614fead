/**
 * Makes a validator of a tool's input schema. Schemas come from servers, so what could cost without bounds is left out of
 * them: references to other documents are never followed, and expressions that could backtrack never run.
 */
import { type OutputUnit, type SchemaDraft, Validator } from "@cfworker/json-schema"
import { isJsonObject, type JsonObject, type JsonValue } from "../../protocol/json.ts"
import { longestFor } from "./patternCost.ts"
import { createPlainCheck } from "./plain.ts"

export interface Prepared {
  /** What is wrong, if anything; throws when that cannot be told within the limits. */
  check(args: JsonObject): readonly OutputUnit[]
  /** What of the schema is not checked, and why; for the log. */
  readonly leftOut: readonly string[]
}

/** Schemas inside a schema. */
const maxSubschemas = 1_000
/** Applications of a schema to a value, in one check. */
const maxSteps = 50_000
/** Steps that one expression may take on one text, about. */
const patternSteps = 1_000_000
/** Items of a list that are compared with each other. */
const maxCompared = 300

/** Keywords whose value is data. */
const data: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"])
/** Keywords whose value has schemas under names of the author's choice. */
const maps: ReadonlySet<string> = new Set([
  ...["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"],
])

const nothing: readonly OutputUnit[] = []

/** A text when the schema is not checked at all: why. */
export function prepare(schema: JsonObject): Prepared | string {
  const full = new Preparation(schema)
  if (full.schemas > maxSubschemas) return `its input schema has more than ${maxSubschemas} schemas in it`
  const draft = draftOf(schema)
  const whole = new Validator(full.root, draft, false)
  const fits = createPlainCheck(schema)
  let rough: Validator | undefined
  return {
    leftOut: full.leftOut,
    check(args) {
      if (fits?.(args) === true) return nothing
      const { text, list } = longestIn(args)
      full.steps = 0
      if (text <= full.longestText && (list <= maxCompared || !full.compares)) return whole.validate(args).errors
      // What would take too long on values of this length is left out.
      rough ??= new Validator(new Preparation(schema, full).root, draft, false)
      return rough.validate(args).errors
    },
  }
}

/**
 * A copy of a schema with what is harmless of it. It lets at least everything pass that the schema does: where something
 * inside is left out, keywords that turn a match into a failure are weakened.
 */
class Preparation {
  readonly root: JsonObject
  readonly leftOut: string[] = []
  schemas = 0
  /** Texts up to here can be checked with all of its expressions. */
  longestText = Number.POSITIVE_INFINITY
  /** Whether it compares the items of lists with each other. */
  compares = false
  steps = 0
  readonly #counter: { steps: number }
  readonly #isRough: boolean
  #isWeak = false
  #lacks = false

  /** With `counter`: without expressions and comparisons; its steps count there. */
  constructor(schema: JsonObject, counter?: { steps: number }) {
    this.#isRough = counter !== undefined
    this.#counter = counter ?? this
    const root = this.#schema(schema)
    if (this.#lacks) {
      this.#isWeak = true
      this.schemas = 0
      this.leftOut.length = 0
    }
    this.root = this.#lacks ? this.#schema(schema) : root
  }

  #schema(schema: JsonObject): JsonObject {
    this.schemas += 1
    if (this.schemas > maxSubschemas) return {}
    const kept = Object.entries(schema).filter(([key, value]) => this.#keeps(key, value) || this.#lack())
    const copy = Object.fromEntries(kept.map(([key, value]) => [key, this.#keyword(key, value)]))
    return this.#counting(this.#isWeak ? weakened(copy, schema) : copy)
  }

  #lack(): false {
    this.#lacks = true
    return false
  }

  #keyword(key: string, value: JsonValue): JsonValue {
    if (data.has(key)) return value
    if (!maps.has(key) || !isJsonObject(value)) return this.#below(value)
    const isKept = (name: string): boolean => key !== "patternProperties" || this.#runs(name) || this.#lack()
    const members = Object.entries(value).filter(([name]) => isKept(name))
    return Object.fromEntries(members.map(([name, member]) => [name, this.#below(member)]))
  }

  #below(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return value.map((item) => this.#below(item))
    return isJsonObject(value) ? this.#schema(value) : value
  }

  #keeps(key: string, value: JsonValue): boolean {
    // An annotation, unless a dialect asks for more (JSON Schema 2020-12 Validation, section 7.2.1).
    if (key === "format") return false
    if (key === "pattern" && typeof value === "string") return this.#runs(value)
    if (key === "uniqueItems" && value === true) {
      this.compares = true
      return !this.#isRough
    }
    // With a name of its own, references in it would count from there.
    if (key === "$id" || key === "id") return typeof value !== "string"
    if (key === "$recursiveRef") return false
    if ((key === "$ref" || key === "$dynamicRef") && typeof value === "string") return this.#follows(value)
    return true
  }

  #follows(reference: string): boolean {
    if (reference.startsWith("#")) return true
    this.leftOut.push(`the reference ${JSON.stringify(reference)}, which leads out of the schema`)
    return false
  }

  #runs(pattern: string): boolean {
    const longest = longestFor(pattern, patternSteps)
    if (longest === undefined) this.leftOut.push(`the pattern ${JSON.stringify(pattern)}, which could take without end`)
    else this.longestText = Math.min(this.longestText, longest)
    return longest !== undefined && !this.#isRough
  }

  /** The validator reads this member of every schema that it applies. */
  #counting(schema: JsonObject): JsonObject {
    const counter = this.#counter
    return Object.defineProperty(schema, "$recursiveRef", {
      get() {
        counter.steps += 1
        if (counter.steps > maxSteps) throw new RangeError(`checking takes more than ${maxSteps} steps`)
        return undefined
      },
    })
  }
}

/** Without keywords by which something fails because it matches. */
function weakened(copy: JsonObject, { patternProperties }: JsonObject): JsonObject {
  const { not: _not, if: _if, then: _then, else: _else, maxContains: _most, oneOf, ...kept } = copy
  const { unevaluatedProperties: _properties, unevaluatedItems: _items, additionalProperties, ...others } = kept
  const allOf = Array.isArray(others["allOf"]) ? others["allOf"] : []
  return {
    ...others,
    // What a pattern left out would have matched is not additional.
    ...(additionalProperties !== undefined && patternProperties === undefined && { additionalProperties }),
    ...(oneOf !== undefined && { allOf: [...allOf, { anyOf: oneOf }] }),
  }
}

/** 2020-12 unless the schema says otherwise (specification 2025-11-25, basic, "JSON Schema Usage"). */
function draftOf({ $schema: dialect }: JsonObject): SchemaDraft {
  if (typeof dialect !== "string") return "2020-12"
  if (/draft-0?4/.test(dialect)) return "4"
  if (/draft-0?[67]/.test(dialect)) return "7"
  return dialect.includes("2019-09") ? "2019-09" : "2020-12"
}

/** The length of the longest text, names included, and of the longest list in a value. */
function longestIn(value: JsonValue): { readonly text: number; readonly list: number } {
  let text = 0
  let list = 0
  const look = (part: JsonValue): void => {
    if (typeof part === "string") text = Math.max(text, part.length)
    else if (Array.isArray(part)) {
      list = Math.max(list, part.length)
      for (const item of part) look(item)
    } else if (isJsonObject(part)) {
      for (const [name, member] of Object.entries(part)) {
        text = Math.max(text, name.length)
        look(member)
      }
    }
  }
  look(value)
  return { text, list }
}
