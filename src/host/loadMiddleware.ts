/**
 * Loads the middleware that a manifest names, before its graph is built: the host's own, and modules of others, whose
 * options their own schema checks here. Called by the command line for every manifest that is to be served or checked.
 */
import type { RulePath } from "../composition/types.ts"
import { HostError, hostErrors, messageOf } from "../errors.ts"
import { ManifestError, type Problem } from "../manifest/manifestError.ts"
import type { Manifest, MiddlewareEntry } from "../manifest/types.ts"
import { loadBuiltin } from "../middleware/builtin.ts"
import type { MiddlewareDefinition } from "../middleware/types.ts"
import { codeOfPath, loadPackage } from "../upstreams/loadPackage.ts"

/** A middleware of the manifest, ready to be made. */
export interface Prepared {
  readonly definition: MiddlewareDefinition
  /** As its schema gives them. */
  readonly options: unknown
  /** Says which code a module is of. */
  readonly code: string | undefined
}

export type PreparedMiddleware = ReadonlyMap<MiddlewareEntry, Prepared>

/** Throws a `ManifestError` with everything that is wrong. `anew`: modules are loaded as they are now, not as they were. */
export async function loadMiddleware(manifest: Manifest, { anew = false } = {}): Promise<PreparedMiddleware> {
  const problems: Problem[] = []
  const prepared = new Map<MiddlewareEntry, Prepared>()
  for (const { entry, directory } of entriesOf(manifest)) {
    const found = await prepare(entry, directory, anew)
    if ("problems" in found) problems.push(...found.problems)
    else prepared.set(entry, found)
  }
  const [first, ...others] = problems
  if (first !== undefined) throw new ManifestError([first, ...others])
  return prepared
}

/** The modules that a manifest names by path, those of manifests inside included. */
export function middlewareModules(manifest: Manifest): string[] {
  return entriesOf(manifest).flatMap(({ entry }) => entry.module ?? entry.imported ?? [])
}

interface Placed {
  readonly entry: MiddlewareEntry
  /** Folder of its manifest. */
  readonly directory: string
}

function entriesOf({ middleware, servers, directory }: Manifest): Placed[] {
  const own = [...middleware, ...servers.flatMap((server) => server.middleware)]
  const inside = servers.flatMap(({ target }) => (target.kind === "manifest" ? entriesOf(target.manifest) : []))
  return [...own.map((entry) => ({ entry, directory })), ...inside]
}

async function prepare(
  entry: MiddlewareEntry,
  directory: string,
  anew: boolean,
): Promise<Prepared | { readonly problems: Problem[] }> {
  const { module, options } = entry
  if (module === undefined) return prepareBuiltin(entry, directory, anew)
  const code = codeOfPath(module)
  const definition = await loadModule(module, directory, anew ? code : undefined).catch((error: unknown) => error)
  if (!isDefinition(definition)) return { problems: [unusable(entry, definition)] }
  if (definition.options === undefined && Object.keys(options).length === 0) return { definition, options: {}, code }
  const parsed = definition.options?.safeParse(options) ?? unexpected
  if (parsed.success) return { definition, options: parsed.data, code }
  return { problems: parsed.error.issues.map((issue) => invalid(entry, issue)) }
}

/**
 * One of the host's own, with what its options import. The manifest's schema has accepted them; some can be judged only
 * with what the middleware itself uses.
 */
async function prepareBuiltin(
  entry: MiddlewareEntry,
  directory: string,
  anew: boolean,
): Promise<Prepared | { readonly problems: Problem[] }> {
  const { name, options, imported } = entry
  const definition = await loadBuiltin(name)
  const parsed = definition.options?.safeParse(options)
  if (parsed?.success === false) return { problems: parsed.error.issues.map((issue) => invalid(entry, issue)) }
  if (imported === undefined) return { definition, options, code: undefined }
  const code = codeOfPath(imported)
  try {
    const { default: exported } = await loadPackage(imported, directory, anew ? code : undefined)
    return { definition, options: { ...options, imported: plainDefault(exported) }, code }
  } catch (error) {
    return { problems: [unusable(entry, error, ["module"])] }
  }
}

/** What CommonJS exports as `default` is one level down. */
function plainDefault(exported: unknown): unknown {
  const inner = (exported as { default?: unknown } | null | undefined)?.default
  return typeof exported === "object" && !Array.isArray(exported) && inner !== undefined ? inner : exported
}

const unexpected = { success: false, error: { issues: [{ path: [], message: "it takes no options" }] } } as const

async function loadModule(module: string, directory: string, code: string | undefined): Promise<unknown> {
  const loaded = await loadPackage(module, directory, code)
  const exported = loaded["default"]
  // What CommonJS exports as `default` is one level down.
  return isDefinition(exported) ? exported : (exported as { default?: unknown } | undefined)?.default
}

function isDefinition(value: unknown): value is MiddlewareDefinition {
  const { name, create } = (value ?? {}) as Partial<MiddlewareDefinition>
  return typeof name === "string" && typeof create === "function"
}

function unusable({ name, placeOf }: MiddlewareEntry, found: unknown, at: RulePath = []): Problem {
  const reason =
    found instanceof HostError || found instanceof Error
      ? messageOf(found)
      : `the default export of ${name} is not made with defineMiddleware`
  const help = found instanceof HostError ? found.help : hostErrors.MIDDLEWARE_UNUSABLE.help
  return { code: "MIDDLEWARE_UNUSABLE", message: reason, help, place: placeOf(at), severity: "error" }
}

function invalid(
  { name, placeOf }: MiddlewareEntry,
  { path, message }: { path: readonly PropertyKey[]; message: string },
) {
  const below = path.map((part) => (typeof part === "number" ? part : String(part)))
  return {
    code: "MIDDLEWARE_INVALID_OPTIONS",
    message: `options of ${name}${below.length === 0 ? "" : `, ${below.join(".")}`}: ${message}`,
    help: hostErrors.MIDDLEWARE_INVALID_OPTIONS.help,
    place: placeOf(below),
    severity: "error",
  } as const
}
