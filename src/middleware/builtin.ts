/** The host's own middleware, by the names that manifests use. Each is loaded when a manifest names it. */
import type { BuiltinName, BuiltinOptions } from "../manifest/middleware/schema.ts"
import type { MiddlewareDefinition } from "./types.ts"

type Loaders = { readonly [Name in BuiltinName]: () => Promise<MiddlewareDefinition<BuiltinOptions[Name]>> }

const loaders: Loaders = {
  audit: async () => (await import("./audit.ts")).audit,
  cache: async () => (await import("./cache.ts")).cache,
  errors: async () => (await import("./errors.ts")).errors,
  rateLimit: async () => (await import("./rateLimit.ts")).rateLimit,
  concurrency: async () => (await import("./concurrency.ts")).concurrency,
  circuitBreaker: async () => (await import("./circuitBreaker.ts")).circuitBreaker,
  timeout: async () => (await import("./timeout.ts")).timeout,
  retry: async () => (await import("./retry.ts")).retry,
  sizeLimit: async () => (await import("./sizeLimit.ts")).sizeLimit,
  redact: async () => (await import("./redact.ts")).redact,
  sanitize: async () => (await import("./sanitize.ts")).sanitize,
  timing: async () => (await import("./timing.ts")).timing,
  resourcesAsTools: async () => (await import("./resourcesAsTools.ts")).resourcesAsTools,
  promptsAsTools: async () => (await import("./promptsAsTools.ts")).promptsAsTools,
  toolInjection: async () => (await import("./toolInjection.ts")).toolInjection,
  logging: async () => (await import("./logging.ts")).logging,
  validate: async () => (await import("./validate.ts")).validate,
}

/** `name` is one that the manifest's schema has accepted, and so are its options. */
export async function loadBuiltin(name: string): Promise<MiddlewareDefinition> {
  const load = (loaders as Readonly<Record<string, () => Promise<unknown>>>)[name]
  if (load === undefined) throw new Error(`there is no middleware ${name}`)
  return (await load()) as MiddlewareDefinition
}
