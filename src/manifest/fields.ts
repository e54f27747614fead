/**
 * The kinds of value the schema is made of. Each carries as its error text a phrase that says what is allowed;
 * `problems.ts` makes the sentence "<path> must be <phrase>, given <source>" of it.
 */

import * as z from "zod/mini"
import type { JsonObject, JsonValue } from "../protocol/json.ts"
import { durationPattern, durationWords, isDuration } from "./durations.ts"
import { isSize, sizePattern, sizeWords } from "./sizes.ts"

export interface KeyFacts {
  /** What the key means, one or two sentences. */
  readonly description: string
  /** The value that holds when the key is absent. */
  readonly default?: JsonValue
  /** What holds when the key is absent, in words, when that is no fixed value. For the reference, not for the JSON Schema. */
  readonly absent?: string
  readonly examples?: readonly JsonValue[]
}

/** What else JSON Schema has words for and zod has not. */
export interface SchemaFacts extends Partial<KeyFacts> {
  readonly propertyNames?: { readonly pattern: string }
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly oneOf?: readonly { readonly required: readonly string[] }[]
}

/** What editors and the reference say about schemas. */
export const facts = z.registry<SchemaFacts>()

/** A key that may be absent. */
export function optional<T extends z.ZodMiniType>(schema: T, about: KeyFacts) {
  return described(z.optional(schema), about)
}

/** A key that must be there. */
export function required<T extends z.ZodMiniType>(schema: T, about: KeyFacts & SchemaFacts): T {
  return described(schema, about)
}

function described<T extends z.ZodMiniType>(schema: T, about: SchemaFacts): T {
  facts.add<z.ZodMiniType>(schema, about)
  return schema
}

/**
 * What is wrong with a value. Most schemas see one value in the life of a process: to compile them for it, as zod does
 * unless told otherwise, takes longer than to look at it.
 */
export function issuesOf(schema: z.ZodMiniType, value: unknown): readonly z.core.$ZodIssue[] {
  return schema.safeParse(value, { jitless: true }).error?.issues ?? []
}

export const anyText = (allowed = "text") => z.string({ error: allowed })

export const text = (allowed = "text") => anyText(allowed).check(z.minLength(1, `${allowed} that is not empty`))

export const pattern = (expression: RegExp, allowed: string) => anyText(allowed).check(z.regex(expression, allowed))

export const flag = () => z.boolean({ error: "true or false" })

export function whole(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`
  return z.int({ error: allowed }).check(z.gte(least, allowed), z.lte(most, allowed))
}

/** A part of a whole. */
export function share() {
  const allowed = "a number from 0 to 1"
  return z.number({ error: allowed }).check(z.gte(0, allowed), z.lte(1, allowed))
}

/** Whatever the parser makes of YAML is JSON. */
export const anyValue = () => z.unknown() as unknown as z.ZodMiniType<JsonValue>
export const anyMapping = () => z.record(z.string(), anyValue(), { error: "a mapping" }) as z.ZodMiniType<JsonObject>

export const choice = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values)

export const listOf = <T extends z.ZodMiniType>(item: T, allowed: string) => z.array(item, { error: allowed })

export const mapping = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(shape, { error: "a mapping of keys" })

export function duration() {
  return pattern(durationPattern, durationWords).check(
    z.refine((value) => !durationPattern.test(value) || isDuration(value), { error: durationWords }),
  )
}

/** A duration that a deadline can be: longer than nothing. */
export function deadline() {
  const allowed = durationWords.replace("a duration", "a duration longer than nothing,")
  return duration().check(z.refine((value) => !/^0+(ms|s|m|h)$/.test(value), { error: allowed }))
}

/** A size that something may have: more than nothing. */
export function size() {
  const allowed = sizeWords.replace("a size", "a size of more than nothing,")
  return pattern(sizePattern, sizeWords).check(
    z.refine((value) => Number.parseInt(value, 10) > 0, { error: allowed }),
    z.refine((value) => !sizePattern.test(value) || isSize(value), { error: sizeWords }),
  )
}

const urlWords = "an http:// or https:// URL"

/** Credentials in a URL are refused by `target.ts`, whose message does not show them. */
export const webUrl = () => anyText(urlWords).check(z.refine(isWebUrl, { error: urlWords }))

export function isWebUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value)
}

export const globs = (of: string) => listOf(text("a glob"), `a list of globs over ${of}`)

export const tagList = () => listOf(text("a tag"), "a list of tags")
