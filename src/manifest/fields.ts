/**
 * The kinds of value the schema is made of. Each carries as its error text a phrase that says what is allowed;
 * `problems.ts` makes the sentence "<path> must be <phrase>, given <source>" of it.
 */

import * as z from "zod"
import type { JsonValue } from "../protocol/json.ts"
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

/** A key that may be absent, with what editors and the reference say about it. */
export function optional<T extends z.ZodType>(schema: T, facts: KeyFacts) {
  return schema.optional().meta({ ...facts })
}

/** A key that must be there. */
export function required<T extends z.ZodType>(schema: T, facts: KeyFacts): T {
  return schema.meta({ ...facts })
}

export const text = (allowed = "text") => z.string({ error: allowed }).min(1, `${allowed} that is not empty`)

export const anyText = (allowed = "text") => z.string({ error: allowed })

export const pattern = (expression: RegExp, allowed: string) => z.string({ error: allowed }).regex(expression, allowed)

export const flag = () => z.boolean({ error: "true or false" })

export function whole(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`
  return z.int({ error: allowed }).min(least, allowed).max(most, allowed)
}

/** A part of a whole. */
export function share() {
  const allowed = "a number from 0 to 1"
  return z.number({ error: allowed }).min(0, allowed).max(1, allowed)
}

export const choice = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values)

export const listOf = <T extends z.ZodType>(item: T, allowed: string) => z.array(item, { error: allowed })

export const mapping = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(shape, { error: "a mapping of keys" })

export function duration() {
  return pattern(durationPattern, durationWords).refine((value) => !durationPattern.test(value) || isDuration(value), {
    error: durationWords,
  })
}

/** A duration that a deadline can be: longer than nothing. */
export function deadline() {
  const allowed = durationWords.replace("a duration", "a duration longer than nothing,")
  return duration().refine((value) => !/^0+(ms|s|m|h)$/.test(value), { error: allowed })
}

/** A size that something may have: more than nothing. */
export function size() {
  const allowed = sizeWords.replace("a size", "a size of more than nothing,")
  return pattern(sizePattern, sizeWords)
    .refine((value) => Number.parseInt(value, 10) > 0, { error: allowed })
    .refine((value) => !sizePattern.test(value) || isSize(value), { error: sizeWords })
}

const urlWords = "an http:// or https:// URL"

/** Credentials in a URL are refused by `target.ts`, whose message does not show them. */
export const webUrl = () => z.string({ error: urlWords }).refine(isWebUrl, { error: urlWords })

export function isWebUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value)
}

export const globs = (of: string) => listOf(text("a glob"), `a list of globs over ${of}`)

export const tagList = () => listOf(text("a tag"), "a list of tags")
