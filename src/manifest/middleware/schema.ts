/**
 * The schema of `middleware`: a list of names, each alone or with options, and of modules. Which form an item has is told
 * by its keys, so its findings are reported by `problems.ts` beside this file.
 */

import * as z from "zod/mini"
import { choice, facts, type KeyFacts, listOf, mapping, optional, text } from "../fields.ts"
import { auditOptions } from "./audit.ts"
import { cacheOptions } from "./cache.ts"
import { circuitBreakerOptions } from "./circuitBreaker.ts"
import { concurrencyOptions } from "./concurrency.ts"
import { errorsOptions } from "./errors.ts"
import { loggingOptions } from "./logging.ts"
import { promptsAsToolsOptions } from "./promptsAsTools.ts"
import { rateLimitOptions } from "./rateLimit.ts"
import { redactOptions } from "./redact.ts"
import { resourcesAsToolsOptions } from "./resourcesAsTools.ts"
import { retryOptions } from "./retry.ts"
import { sanitizeOptions } from "./sanitize.ts"
import { sizeLimitOptions } from "./sizeLimit.ts"
import { timeoutOptions } from "./timeout.ts"
import { timingOptions } from "./timing.ts"
import { toolInjectionOptions } from "./toolInjection.ts"
import { validateOptions } from "./validate.ts"

/** The host's own, by name. A file beside this one has the options of each. */
export const builtinOptions = {
  audit: auditOptions,
  cache: cacheOptions,
  errors: errorsOptions,
  rateLimit: rateLimitOptions,
  concurrency: concurrencyOptions,
  circuitBreaker: circuitBreakerOptions,
  timeout: timeoutOptions,
  retry: retryOptions,
  sizeLimit: sizeLimitOptions,
  redact: redactOptions,
  sanitize: sanitizeOptions,
  timing: timingOptions,
  resourcesAsTools: resourcesAsToolsOptions,
  promptsAsTools: promptsAsToolsOptions,
  toolInjection: toolInjectionOptions,
  logging: loggingOptions,
  validate: validateOptions,
} as const

export type BuiltinName = keyof typeof builtinOptions
export type BuiltinOptions = { readonly [Name in BuiltinName]: z.infer<(typeof builtinOptions)[Name]> }

export const builtinNames = Object.keys(builtinOptions) as [BuiltinName, ...BuiltinName[]]

const builtins = Object.fromEntries(
  Object.entries(builtinOptions).map(([name, schema]) => [name, optional(schema, facts.get(schema) as KeyFacts)]),
)

/** An item with options: the name of one middleware is its only key. */
export const withOptions = mapping(builtins).register(facts, { minProperties: 1, maxProperties: 1 })

/** An item of somebody else's making. */
export const fromModule = mapping({
  use: text("the path or package of a module").register(facts, {
    description: "A module whose default export is made with `defineMiddleware`.",
    examples: ["./my-middleware.ts"],
  }),
  options: optional(z.record(z.string(), z.unknown(), { error: "a mapping" }), {
    description: "Its options, which it checks itself.",
    default: {},
  }),
})

export const itemWords = "the name of a middleware, a mapping of one name to its options, or a mapping with use"

export const middlewareSchema = listOf(z.union([choice(builtinNames), withOptions, fromModule]), "a list of middleware")

export type MiddlewareInput = z.infer<typeof middlewareSchema>
